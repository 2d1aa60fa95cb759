package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

const (
	userURN       = "urn:ietf:params:scim:schemas:core:2.0:User"
	enterpriseURN = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	groupURN      = "urn:ietf:params:scim:schemas:core:2.0:Group"
	patchURN      = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
)

// Bodies have the shapes of Microsoft Entra's requests: what it maps by default
// of a user, operations with capitals, and removal by a path.

func userBody(name string, n int) string {
	return fmt.Sprintf(`{"schemas":[%q,%q],"externalId":"%08x-%s","userName":%q,"active":true,`+
		`"displayName":"Person %d",`+
		`"emails":[{"primary":true,"type":"work","value":%q}],"meta":{"resourceType":"User"},`+
		`"name":{"formatted":"Pat Person %d","familyName":"Person %d","givenName":"Pat"},"title":"Clerk",`+
		`%q:{"department":"Department %d","employeeNumber":"%d"}}`,
		userURN, enterpriseURN, n, name, name, n, name, n, n, enterpriseURN, n%40, n)
}

func groupBody(name string) string {
	return fmt.Sprintf(`{"schemas":[%q],"externalId":"id of %s","displayName":%q,"meta":{"resourceType":"Group"}}`,
		groupURN, name, name)
}

// seeded is the name of the nth user that seeding makes.
func seeded(n int) string { return fmt.Sprintf("person.%d@bench.example", n) }

func userLookup(name string) string {
	return "/Users?filter=" + url.QueryEscape(fmt.Sprintf("userName eq %q", name))
}

func groupLookup(name string) string {
	return "/Groups?excludedAttributes=members&filter=" + url.QueryEscape(fmt.Sprintf("displayName eq %q", name))
}

// patchMembers is a PATCH of one operation with a list.
func patchMembers(op string, users []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `{"schemas":[%q],"Operations":[{"op":%q,"path":"members","value":[`, patchURN, op)
	for i, u := range users {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`{"value":"`)
		b.WriteString(u)
		b.WriteString(`"}`)
	}
	b.WriteString("]}]}")
	return b.String()
}

// removeMember is a PATCH that names the member in its path.
func removeMember(user string) string {
	return fmt.Sprintf(`{"schemas":[%q],"Operations":[{"op":"Remove","path":"members[value eq \"%s\"]"}]}`,
		patchURN, user)
}

// idOf reads the id of a resource that was created.
func idOf(body []byte) (string, error) {
	var resource struct{ ID string }
	if err := json.Unmarshal(body, &resource); err != nil {
		return "", err
	}
	if resource.ID == "" {
		return "", fmt.Errorf("no id in %.200s", body)
	}
	return resource.ID, nil
}

// scimMembers reads the ids of a group's members.
func scimMembers(body []byte) (ids []string, err error) {
	var group struct{ Members []struct{ Value string } }
	err = json.Unmarshal(body, &group)
	for _, m := range group.Members {
		ids = append(ids, m.Value)
	}
	return ids, err
}

// nativeMembers reads the ids of a member list of /v1.
func nativeMembers(body []byte) (ids []string, err error) {
	var list struct{ Data []struct{ ID string } }
	err = json.Unmarshal(body, &list)
	for _, m := range list.Data {
		ids = append(ids, m.ID)
	}
	return ids, err
}

// difference says how a list of members differs from what it should be: nil if it
// has exactly those, each once.
func difference(want, got []string) error {
	missing := make(map[string]bool, len(want))
	for _, id := range want {
		missing[id] = true
	}
	extra := 0
	for _, id := range got {
		if !missing[id] {
			extra++ // or there twice
		}
		delete(missing, id)
	}
	if len(missing) == 0 && extra == 0 {
		return nil
	}
	return fmt.Errorf("WRONG MEMBERS: %d are there, %d should be; %d missing, %d too many", len(got), len(want),
		len(missing), extra)
}

// members asks for the members of a group and compares.
func members(c *connection, request []byte, read func([]byte) ([]string, error), want []string) error {
	var body bytes.Buffer
	if err := c.must(request, &body); err != nil {
		return err
	}
	got, err := read(body.Bytes())
	if err != nil {
		return errors.Join(errors.New("the list of members is not readable"), err)
	}
	return difference(want, got)
}
