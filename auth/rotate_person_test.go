package auth_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

// What is rotated by who has it, or by an operator, stays theirs; what another person has
// rotated is of neither, and so is all that is made of it.
func TestRotationKeepsThePerson(t *testing.T) {
	eachDesk(t, func(t *testing.T, o *desk) {
		operator := o.call
		operator.Actor = membership.Actor{Kind: membership.ActorOperator, ID: "root"}
		ann, bob := o.call, o.call
		ann.Person = "token:ann"
		made, _, err := o.Create(t.Context(), operator, auth.TokenSpec{Kind: auth.KindAPI, Name: "bob"})
		require.NoError(t, err)
		bob.Person = made.Person
		require.Equal(t, "token:"+made.ID.String(), made.Person)
		rotated := func(call membership.Call, id membership.ID) auth.Token {
			next, text, err := o.Rotate(t.Context(), call, id, time.Hour)
			require.NoError(t, err)
			p, err := o.verifier.Verify(t.Context(), "Bearer "+text)
			require.NoError(t, err)
			assert.Equal(t, next.Person, p.Person)
			return next
		}
		own := rotated(bob, made.ID)
		assert.Equal(t, made.Person, own.Person, "by themselves")
		again := rotated(operator, own.ID)
		assert.Equal(t, made.Person, again.Person, "by an operator")
		taken := rotated(ann, again.ID)
		assert.Empty(t, taken.Person, "by another person")
		assert.Empty(t, rotated(operator, taken.ID).Person, "an operator does not know whose it is")

		made, _, err = o.Create(t.Context(), membership.Call{Tenant: o.call.Tenant, Actor: o.call.Actor,
			Permissions: o.call.Permissions}, auth.TokenSpec{Kind: auth.KindAPI, Name: "old"})
		require.NoError(t, err)
		assert.Empty(t, rotated(ann, made.ID).Person, "of no person before")
	})
}
