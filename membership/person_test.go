package membership_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/scimbridge/scimbridge/membership"
)

// A person is one by every credential, also by what was kept of a JWT before.
func TestSamePerson(t *testing.T) {
	const id, other = "issuer:00000000-0000-0000-0000-000000000001:", "issuer:00000000-0000-0000-0000-000000000002:"
	ann := membership.SubjectPerson("https://login.example.com", "ann")
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"token:1", "token:1", true}, {"token:1", "token:2", false}, {"", "", true}, {"", "token:1", false},
		{ann, ann, true}, {ann, membership.SubjectPerson("https://login.example.com", "bob"), false},
		{ann, membership.SubjectPerson("https://else.example.com", "ann"), false},
		{id + "ann", ann, true}, {id + "ann", other + "ann", true}, {id + "bob", ann, false},
		{id + "https://x:ann", membership.SubjectPerson("i", "https://x:ann"), true}, {id + "x:ann", ann, false},
		{id, "token:1", false}, {id, "", false}, {id + "ann", "token:1", false},
		{membership.SubjectPerson("a", "b c"), membership.SubjectPerson("a b", "c"), false},
	} {
		assert.Equal(t, c.same, membership.SamePerson(c.a, c.b), "%q %q", c.a, c.b)
		assert.Equal(t, c.same, membership.SamePerson(c.b, c.a), "%q %q", c.b, c.a)
	}
}
