package auth_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

// A tenant's own policy narrows what a credential was made for; it never widens
// its scopes.
func TestNoPolicyWidensAScope(t *testing.T) {
	eachOffice(t, func(t *testing.T, o *office) {
		require.NoError(t, o.create("everything", `permit (principal, action, resource);`))
		q := membership.Question{Call: o.call}
		q.Call.Connection = membership.NewID()
		for _, op := range []membership.Operation{membership.OpWriteUsers, membership.OpWriteGroups,
			membership.OpReadAudit} {
			q.Operation, q.Call.Permissions = op, []string{auth.ScopeSCIMRead}
			assert.Contains(t, o.denied(o.ask(q)).Message, "credential", op)
			q.Call.Permissions = nil
			o.denied(o.ask(q))
		}
		q.Operation, q.Call.Permissions = membership.OpReadUsers, []string{auth.ScopeSCIMRead}
		require.NoError(t, o.ask(q))
	})
}
