package auth

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

// operations reads the constants of membership.Operation from their source, so
// that a new one cannot be forgotten here.
func operations(t *testing.T) []membership.Operation {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../membership/policy.go", nil, 0)
	require.NoError(t, err)
	var ops []membership.Operation
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if typ, ok := spec.Type.(*ast.Ident); ok && typ.Name == "Operation" {
			s, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			require.NoError(t, err)
			ops = append(ops, membership.Operation(s))
		}
		return true
	})
	require.NotEmpty(t, ops)
	return ops
}

func TestPolicyKnowsEveryOperation(t *testing.T) {
	type row struct {
		permission string
		scopes     []string // of a connection
	}
	read, write := []string{ScopeSCIM, ScopeSCIMRead}, []string{ScopeSCIM}
	rows := map[membership.Operation]row{
		membership.OpReadUsers:     {"USERS:READ", read},
		membership.OpWriteUsers:    {"USERS:WRITE", write},
		membership.OpReadGroups:    {"GROUPS:READ", read},
		membership.OpWriteGroups:   {"GROUPS:WRITE", write},
		membership.OpReadMembers:   {"GROUPS:READ", read},
		membership.OpAddMembers:    {"GROUPS:WRITE", write},
		membership.OpRemoveMembers: {"GROUPS:WRITE", write},
		membership.OpBreakGlass:    {"GROUPS:BREAK_GLASS", nil},
		membership.OpSignOff:       {"GROUPS:BREAK_GLASS", nil},
		membership.OpReadAudit:     {"AUDIT:READ", nil},
		membership.OpReadRequests:  {"REQUESTS:READ", nil},
		membership.OpAdminister:    {"TENANT:ADMIN", nil},

		membership.OpAdministerWebhooks: {"WEBHOOKS:ADMIN", nil},
		membership.OpCaptureRequests:    {"REQUESTS:CAPTURE", nil},
		membership.OpReceiveStreams:     {"STREAMS:RECEIVE", nil},
	}
	all := []string{
		"USERS:READ", "USERS:WRITE", "GROUPS:READ", "GROUPS:WRITE", "AUDIT:READ", "REQUESTS:READ", "TENANT:ADMIN",
		"WEBHOOKS:ADMIN", "REQUESTS:CAPTURE", "GROUPS:BREAK_GLASS", "STREAMS:RECEIVE",
	}
	for _, op := range operations(t) {
		t.Run(string(op), func(t *testing.T) {
			if op == membership.OpBreakGlassEnterprise { // only a tenant's own policies permit it
				assertForbidden(t, allow(t, op, membership.Call{Permissions: []string{"*"}}))
				return
			}
			want, ok := rows[op]
			require.True(t, ok, "give the operation a row here and in policy.go")

			require.NoError(t, allow(t, op, membership.Call{Permissions: []string{"*"}}))
			require.NoError(t, allow(t, op, membership.Call{Permissions: []string{want.permission}}))
			for _, p := range all {
				if p == want.permission {
					continue
				}
				err := allow(t, op, membership.Call{Permissions: []string{p}})
				assertForbidden(t, err)
				assert.Contains(t, err.Error(), want.permission, "the message names what is missing")
			}
			assertForbidden(t, allow(t, op, membership.Call{}))

			for _, scope := range []string{ScopeSCIM, ScopeSCIMRead} {
				err := allow(t, op, membership.Call{Connection: membership.NewID(), Permissions: []string{scope}})
				if slices.Contains(want.scopes, scope) {
					require.NoError(t, err)
				} else {
					assertForbidden(t, err)
				}
			}
			// A connection has scopes; the permissions of the native side are none.
			for _, permissions := range [][]string{nil, {"*"}, {want.permission}} {
				assertForbidden(t,
					allow(t, op, membership.Call{Connection: membership.NewID(), Permissions: permissions}))
			}
			for _, scope := range want.scopes {
				assertForbidden(t, allow(t, op, membership.Call{Permissions: []string{scope}}))
			}
		})
	}
}

func TestDefaultPoliciesHaveIDs(t *testing.T) {
	ids := map[string]bool{}
	for _, of := range defaults.byOperation {
		for _, p := range of.list {
			require.NotEmpty(t, p.id)
			ids[string(p.id)] = true
		}
	}
	// One is of connections, and none of what only tenants' own permit.
	assert.Len(t, ids, len(permissionOf)+1-1)
}

// The page shows what the program holds.
func TestPolicyDocumentation(t *testing.T) {
	page, err := os.ReadFile("../docs/policies.md")
	require.NoError(t, err)
	assert.Contains(t, string(page), "```cedarschema\n"+string(schemaText)+"```")
	assert.Contains(t, string(page), "```cedar\n"+defaultsText+"```")
	blocks := strings.Split(string(page), "```cedar\n")[1:]
	for _, block := range blocks {
		text, _, _ := strings.Cut(block, "```")
		_, err := parsePolicies("x", text)
		require.NoError(t, err, text)
	}
}

func TestPolicyDeniesWhatItDoesNotKnow(t *testing.T) {
	assertForbidden(t, allow(t, membership.OpReadUsers, membership.Call{
		Actor: membership.Actor{Kind: "robot", ID: "r"}, Permissions: []string{"*"},
	}))
	assertForbidden(t, allow(t, "moon.reach", membership.Call{Permissions: []string{"*"}}))
	assertForbidden(t, allow(t, "", membership.Call{Connection: membership.NewID(), Permissions: []string{ScopeSCIM}}))
}

func allow(t *testing.T, op membership.Operation, call membership.Call) error {
	t.Helper()
	if call.Connection.IsZero() && call.Actor.Kind == "" {
		call.Actor = membership.Actor{Kind: membership.ActorUser, ID: "u"}
	}
	return Policy{}.Allow(t.Context(), membership.Question{Call: call, Operation: op})
}

func assertForbidden(t *testing.T, err error) {
	t.Helper()
	require.Error(t, err)
	assert.Equal(t, membership.KindForbidden, membership.KindOf(err))
}
