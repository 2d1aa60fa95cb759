package db

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/scimbridge/scimbridge/membership"
)

// What may be personal in an event stands in its body as a hash. The text is a row
// of event_texts, and when that is deleted it cannot be read any more, while the
// body stays what it was.

// The fields that can be hidden: the reason, and an externalId among the facts.
const (
	reasonField     = "reason"
	externalIDField = "external_id"
	beforeFacts     = "before."
	afterFacts      = "after."

	// hashed ends the name of a field that has the hash in the place of the text.
	hashed = "_sha256"
)

// saltSize is how many random bytes come before a text: without them a short text
// could be found by trying.
const saltSize = 32

// hiddenText is one text, and what hides it.
type hiddenText struct {
	field string
	salt  []byte
	text  string
}

type hiddenTexts []hiddenText

// hide hides a text of an event, unless it is empty.
func (t *hiddenTexts) hide(field, text string) {
	if text == "" {
		return
	}
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt) // never fails: it ends the program instead
	*t = append(*t, hiddenText{field: field, salt: salt, text: text})
}

// hash is what stands in the body for a field; empty: nothing is hidden there.
func (t hiddenTexts) hash(field string) string {
	for _, h := range t {
		if h.field == field {
			sum := sha256.Sum256(append(append([]byte(nil), h.salt...), h.text...))
			return hex.EncodeToString(sum[:])
		}
	}
	return ""
}

// hideTexts takes the texts out of an event.
func hideTexts(e *membership.Event) (t hiddenTexts, err error) {
	t.hide(reasonField, e.Reason)
	e.Reason = ""
	for prefix, facts := range map[string]*[]byte{beforeFacts: &e.Before, afterFacts: &e.After} {
		if err := changeFacts(facts, externalIDField, func(m map[string]json.RawMessage, text string) {
			field := prefix + externalIDField
			if t.hide(field, text); text != "" {
				m[externalIDField+hashed], _ = json.Marshal(t.hash(field))
			}
			delete(m, externalIDField)
		}); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// disclose puts a text back into an event.
func (h hiddenText) disclose(e *membership.Event) error {
	e.Disclosed = append(e.Disclosed, membership.DisclosedText{Field: h.field, Text: h.text, Salt: h.salt})
	switch h.field {
	case reasonField:
		e.Reason = h.text
		return nil
	case beforeFacts + externalIDField:
		return h.discloseFact(&e.Before)
	case afterFacts + externalIDField:
		return h.discloseFact(&e.After)
	}
	return nil
}

func (h hiddenText) discloseFact(facts *[]byte) error {
	return changeFacts(facts, externalIDField+hashed, func(m map[string]json.RawMessage, _ string) {
		delete(m, externalIDField+hashed)
		m[externalIDField], _ = json.Marshal(h.text)
	})
}

// changeFacts changes facts that have a text under a name.
func changeFacts(facts *[]byte, name string, change func(m map[string]json.RawMessage, text string)) error {
	if !bytes.Contains(*facts, []byte(name)) {
		return nil
	}
	var m map[string]json.RawMessage
	if err := json.Unmarshal(*facts, &m); err != nil {
		return err
	}
	var text string
	if raw, has := m[name]; !has || json.Unmarshal(raw, &text) != nil {
		return nil
	}
	change(m, text)
	var err error
	*facts, err = json.Marshal(m)
	return err
}

const (
	qInsertEventText = `insert into event_texts (tenant_id, position, field, salt, text) values ($1, $2, $3, $4, $5)`
	qEventTexts      = `select position, field, salt, text from event_texts
		where tenant_id = $1 and position {in numbers $2} order by position, field`
)

func (s *session) insertEventTexts(ctx context.Context, position int64, texts hiddenTexts) error {
	for _, h := range texts {
		if err := s.execLater(ctx, qInsertEventText, s.tenant, position, h.field, h.salt, h.text); err != nil {
			return err
		}
	}
	return nil
}

// discloseEvents puts the texts that are there into events at positions in
// ascending order.
func (s *session) discloseEvents(ctx context.Context, at map[int64]*membership.Event, positions []int64) error {
	if len(positions) == 0 {
		return nil
	}
	type row struct {
		position int64
		hiddenText
	}
	rows, err := list(ctx, s, qEventTexts, []any{s.tenant, positions}, func(r *row) []any {
		return []any{&r.position, &r.field, &r.salt, &r.text}
	})
	if err != nil {
		return err
	}
	for _, r := range rows {
		if err := r.disclose(at[r.position]); err != nil {
			return err
		}
	}
	return nil
}
