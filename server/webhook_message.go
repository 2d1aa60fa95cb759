package server

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// message is what a webhook is told, of Standard Webhooks 1.0: ids and what changed,
// never a value.
type message struct {
	Type      string      `json:"type"`
	Timestamp string      `json:"timestamp"`
	Number    int64       `json:"number"` // 0: of a test
	Data      messageData `json:"data"`
}

type messageData struct {
	Connection string          `json:"connection_id,omitempty"`
	Group      string          `json:"group_id,omitempty"`
	User       string          `json:"user_id,omitempty"`
	Source     string          `json:"source,omitempty"`
	Members    []messageMember `json:"members,omitempty"`
	Changed    []string        `json:"changed,omitempty"`
	RequestID  string          `json:"request_id,omitempty"`
}

type messageMember struct {
	User  string `json:"user_id"`
	Still bool   `json:"still_member"`
}

// messageOf is the body that tells of an event.
func messageOf(e membership.Event) []byte {
	m := message{
		Type: string(e.Action), Timestamp: membership.Timestamp(e.At), Number: e.Number, Data: messageData{
			Connection: idText(e.Connection), Group: idText(e.Group), User: idText(e.User), Source: string(e.Source),
			Changed: e.Changed(), RequestID: e.RequestID,
		},
	}
	for _, member := range e.Members {
		m.Data.Members = append(m.Data.Members, messageMember{member.User.String(), member.Still})
	}
	b, _ := json.Marshal(m) // texts and numbers always can be
	return b
}

func idText(id membership.ID) string {
	if id.IsZero() {
		return ""
	}
	return id.String()
}

// signature is the value of the header webhook-signature: one for each secret that
// signs now.
func signature(w membership.Webhook, id string, at time.Time, body []byte) string {
	signed := append([]byte(id+"."+strconv.FormatInt(at.Unix(), 10)+"."), body...)
	var all []string
	for _, secret := range w.Secrets(at) {
		var sum []byte
		if w.Signing == membership.SigningV1A {
			sum = ed25519.Sign(ed25519.NewKeyFromSeed(secret), signed)
		} else {
			mac := hmac.New(sha256.New, secret)
			mac.Write(signed)
			sum = mac.Sum(nil)
		}
		all = append(all, string(w.Signing)+","+base64.StdEncoding.EncodeToString(sum))
	}
	return strings.Join(all, " ")
}
