package scim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/scimbridge/scimbridge/membership"
)

// The messages of RFC 7644 section 3.7.
const (
	bulkRequestSchema  = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
	bulkResponseSchema = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"
)

// maxBulkOperations bounds the operations of a bulk request; its bytes are the
// configuration's.
const maxBulkOperations = 1000

// bulk is RFC 7644 section 3.7: many requests in one. Each operation is carried
// out as the request that it stands for, in a transaction of its own, so what
// was done stays done whatever happens to the others.
func (d *door) bulk(x *exchange) error {
	body, err := x.body(d.maxBulkBody)
	if membership.KindOf(err) == membership.KindTooLarge {
		return overBulkLimit("maxPayloadSize", d.maxBulkBody)
	}
	if err != nil {
		return err
	}
	request, err := readBulk(body)
	if err != nil {
		return err
	}
	job := d.newBulkJob(x, request)
	if err := job.run(); err != nil {
		return err
	}
	return x.send(http.StatusOK, map[string]any{
		"schemas": []string{bulkResponseSchema}, "Operations": job.results(),
	})
}

// overBulkLimit names the limit, as RFC 7644 section 3.7.4 asks for.
func overBulkLimit(name string, limit int64) error {
	return &scimError{
		status: http.StatusRequestEntityTooLarge,
		detail: fmt.Sprintf("the bulk request exceeds the %s (%d)", name, limit),
	}
}

// bulkRequest is the message. Its operations stay undecoded: one that is no
// operation fails alone.
type bulkRequest struct {
	failOnErrors int // 0: however many
	operations   []json.RawMessage
}

// readBulk reads the message. That it names its schema is not asked for, as in
// a PATCH, but one that names others only is some other message. failOnErrors 0
// is what clients send that have no way to leave it out.
func readBulk(body []byte) (request bulkRequest, err error) {
	var sent struct {
		Schemas      any
		FailOnErrors int `json:"failOnErrors"`
		Operations   json.RawMessage
	}
	if err := split(body, &sent); err != nil {
		return request, err
	}
	if sent.FailOnErrors < 0 {
		return request, badRequest(typeInvalidValue, "failOnErrors must not be negative")
	}
	if !unassigned(sent.Schemas) && !slices.ContainsFunc(arrayOfOne(sent.Schemas), isBulkRequest) {
		return request, badRequest(typeInvalidSyntax, "schemas must name %s", bulkRequestSchema)
	}
	request.failOnErrors = sent.FailOnErrors
	request.operations, err = splitOperations(sent.Operations)
	return request, err
}

func isBulkRequest(schema any) bool {
	s, _ := schema.(string)
	return strings.EqualFold(s, bulkRequestSchema)
}

// splitOperations takes the list apart and gives up behind the last operation
// that there may be.
func splitOperations(list json.RawMessage) ([]json.RawMessage, error) {
	if list == nil || string(list) == "null" {
		return nil, errNoOperations
	}
	t := newTokens(bytes.NewReader(list))
	if start, err := t.next(); err != nil || start != json.Delim('[') {
		return nil, badRequest(typeInvalidSyntax, "Operations must be a list")
	}
	var operations []json.RawMessage
	err := t.elements(func(i int) error {
		if i == maxBulkOperations {
			return overBulkLimit("maxOperations", maxBulkOperations)
		}
		var o json.RawMessage
		if err := t.read(&o); err != nil {
			return err
		}
		operations = append(operations, o)
		return nil
	})
	return operations, err
}
