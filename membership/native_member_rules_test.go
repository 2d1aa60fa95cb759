package membership

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestJudge(t *testing.T) {
	custom := Group{ID: NewID(), Kind: GroupCustom}
	enterprise := Group{ID: NewID(), Kind: GroupEnterprise}
	user := User{ID: NewID()}
	local := MemberSource{}
	scim := MemberSource{Grant: Grant{Connection: NewID()}, ConnectionName: "okta"}
	by := func(sources ...MemberSource) Member { return Member{User: user, Sources: sources} }
	add, beside, remove := LocalChange{Add: true}, LocalChange{Add: true, AlsoLocal: true}, LocalChange{}
	for _, c := range []struct {
		name    string
		state   MemberState
		change  LocalChange
		want    Kind
		sources int
	}{
		{"rule 7", MemberState{custom, user, by()}, add, "", 0},
		{"rule 7, no group", MemberState{Group{}, user, by()}, add, KindNotFound, 0},
		{"rule 7, no user", MemberState{custom, User{}, by()}, add, KindNotFound, 0},
		{"rule 8, local", MemberState{custom, user, by(local)}, add, KindAlreadyMember, 1},
		{"rule 8, provider", MemberState{custom, user, by(scim)}, add, KindAlreadyMember, 1},
		{"rule 8, both", MemberState{custom, user, by(local, scim)}, add, KindAlreadyMember, 2},
		{"rule 8, also local", MemberState{custom, user, by(scim)}, beside, "", 0},
		{"rule 8, also local twice", MemberState{custom, user, by(local, scim)}, beside, KindAlreadyMember, 2},
		{"rule 9", MemberState{custom, user, by(local)}, remove, "", 0},
		{"rule 9, no member", MemberState{custom, user, by()}, remove, KindNotFound, 0},
		{"rule 9, no group", MemberState{Group{}, User{}, by()}, remove, KindNotFound, 0},
		{"rule 9, group of a provider", MemberState{enterprise, user, by(local)}, remove, "", 0},
		{"rule 10", MemberState{custom, user, by(scim)}, remove, KindManagedByIdP, 1},
		{"rule 11", MemberState{custom, user, by(local, scim)}, remove, "", 0},
		{"rule 12", MemberState{enterprise, user, by()}, add, KindGroupManaged, 0},
		{"rule 12 before rule 8", MemberState{enterprise, user, by(scim)}, beside, KindGroupManaged, 0},
		{"rule 12 before the user", MemberState{enterprise, User{}, by()}, add, KindGroupManaged, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := judge(c.state, c.change)
			require.Equal(t, c.want, KindOf(err))
			if c.sources > 0 {
				var e *Error
				require.ErrorAs(t, err, &e)
				assert.Len(t, e.Details["sources"], c.sources)
			}
		})
	}
}

// Each refusal of a local change is made in one file.
func TestRefusalsStandOnce(t *testing.T) {
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, kind := range []string{"only an identity provider adds members to",
		"an identity provider put this member here",
		"TakesLocal() error"} {
		var in []string
		for _, f := range files {
			text, err := os.ReadFile(f)
			require.NoError(t, err)
			if !strings.HasSuffix(f, "_test.go") && strings.Contains(string(text), kind) {
				in = append(in, f)
			}
		}
		assert.Len(t, in, 1, kind)
	}
}
