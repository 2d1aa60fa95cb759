package db_test

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/db/postgres"
	"github.com/scimbridge/scimbridge/membership"
)

// oneEngine are queries of what the other engine does not have, or not so.
var oneEngine = map[string]string{
	"qChangeMembers": "postgres", "qChangeMember": "postgres", "qRoleBypassesRLS": "postgres",
	"qTenantSetting": "postgres", "qAnalyze": "postgres", "qListTenants": "postgres",
	"qNumberEventsByRowID": "postgres", "qHasCitus": "postgres",
	"qTenantsToNumberDistributed": "postgres",
	"qTablesToDistribute":         "citus", "qFunctionsToDistribute": "citus", "qIsDistributed": "citus",
	"qNextPosition": "postgres", "qHasStore": "postgres",
	"qNumberEvent": "sqlite",
	// The delta in plain statements.
	"qGroupOfLocal": "sqlite", "qGroupOfLink": "sqlite", "qGrantsOfMember": "sqlite", "qKnowsUser": "sqlite",
	"qKnowsLink": "sqlite",
}

// registerQueries have each condition, with others and without.
var registerQueries = []membership.RegisterQuery{
	{},
	{
		User: membership.NewID(), Group: membership.NewID(), Connection: membership.NewID(),
		Source: membership.SourceLocal, AsOf: membership.AsOf{Time: time.Now()},
	},
	{Source: membership.SourceLocal, AsOf: membership.AsOf{Time: time.Now(), Behind: time.Now()}},
	{Source: membership.SourceSCIM, Group: membership.NewID(), AsOf: membership.AsOf{Time: time.Now()}},
	{User: membership.NewID(), AsOf: membership.AsOf{Time: time.Now()}},
	{Group: membership.NewID(), ChangedSince: time.Now(), AsOf: membership.AsOf{Time: time.Now()}},
	{
		Group: membership.NewID(), Users: []membership.ID{membership.NewID()},
		AsOf: membership.AsOf{Time: time.Now()},
	},
}

func TestEveryQueryPrepares(t *testing.T) {
	queries := constants(t)
	require.Greater(t, len(queries), 50, "the constants of this package were not found")
	active := true
	for i, q := range []membership.MemberQuery{
		{}, {Limit: 1},
		{Active: &active, Source: membership.SourceLocal, After: membership.NewID(),
			AsOf: membership.AsOf{Time: time.Now()}, Limit: 2},
		{Active: &active, Source: membership.SourceSCIM, Email: "a@example.com", After: membership.NewID(), Limit: 2},
	} {
		queries["members "+strconv.Itoa(i)] = db.MembersQuery(q)
	}
	for i, f := range []membership.EventFilter{{}, {
		From: time.Now(), To: time.Now(), Actor: membership.Actor{Kind: "user", ID: "x"}, Action: "x",
		Cursor: membership.EventCursor{Through: 1},
		User:   membership.NewID(), Group: membership.NewID(), Connection: membership.NewID(),
	}} {
		queries["events "+strconv.Itoa(i)] = db.EventsQuery(f)
	}
	for i, q := range []membership.NativeQuery{
		{}, {
			Name: "n", NamePrefix: "n", Email: "e", Origin: membership.SourceSCIM, Active: &active,
			Kind: membership.GroupCustom,
		},
	} {
		queries["users "+strconv.Itoa(i)], queries["groups "+strconv.Itoa(i)] = db.NativeQueries(q)
	}
	for i, q := range registerQueries {
		queries["register "+strconv.Itoa(i)] = db.RegisterQuery(q)
		for j, text := range db.RegisterPageQueries(q) {
			queries[fmt.Sprint("page of register ", i, j)] = text
		}
	}
	for _, kind := range membership.ExceptionKinds {
		if kind.OfNames() {
			continue // constants
		}
		queries["exceptions "+string(kind)] = db.ExceptionsQuery(kind, 0)
		queries["page of exceptions "+string(kind)] = db.ExceptionsQuery(kind, 1)
	}
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		for name, q := range queries {
			if engine, only := oneEngine[name]; only && engine != s.Engine() {
				continue
			}
			require.NoError(t, s.Prepare(context.Background(), q), "%s: %s", name, q)
			if s.Engine() == "postgres" {
				checker, err := dbtest.Checker()
				require.NoError(t, err)
				require.Empty(t, checker.Check(postgres.Expand(q)), "%s: %s", name, q)
			}
		}
	})
}

// Those that may see more than one tenant are few, and constants; the others may not.
func TestAcrossTenants(t *testing.T) {
	dbtest.Wants(t, "postgres")
	checker, err := dbtest.Checker()
	require.NoError(t, err)
	all := slices.Collect(maps.Values(constants(t)))
	one := *checker
	one.AcrossTenants = nil
	for text, why := range db.AcrossTenants {
		require.NotEmpty(t, why)
		if !strings.HasPrefix(text, "with ") {
			require.Contains(t, all, text)
		}
		require.NotEmpty(t, one.Check(postgres.Expand(text)), text)
	}
}

// wholeTenant are queries of all that a tenant has of something: of what there
// is little, such as tokens, or when a connection is removed.
var wholeTenant = []string{
	"qSealLog", "qHoldSealLog", "qReleaseSealLog", "qSealStep", "qStopSealLog", "qRestartSealLog",
	"qDeleteSealHashes",
	"qTenant", "qLockTenant", "qPolicies", "qPolicyVersion", "qRaisePolicyVersion",
	"qIssuers", "qLockIssuers", "qIssuerVersion", "qRaiseIssuerVersion", "qRaiseCredentialVersion",
	"qClientsOf", "qClientSecrets", "qRevokeClientsOf", "qTokensOf", "qRevokeTokensOf", "qCredentialsOf",
	"qEndClientTokens",
	"qSetupLinks", "qSetupLinksOf", "qForgetSetupLinks", "qCountSetupLinks", "qOpenSetupLinksOf", "qRevokeSetupLinksOf",
	"qEndClientsTokensOf", "qDeleteRole", "qDeleteAssignments",
	"qEventHead", "qLockEventHead", "qMoveEventHead", "qRaiseLatest", "qEventsPending", "qLastWritten",
	"qEventsWritten", "qEventSpans",
	"qRequestChanged", // of what has no number yet
	"qEventHeads",
	"qAllEventUsers", "qAllEventKeys", "qAllEventSpans", "qEventUsersAmong", "qEventKeysAmong", "qTextOfNoEvent",
	"qGrantPlaces", "qEventWithText", // to verify a store
	"qCountSessions",
	"qDropOldRemovals",                                        // ten minutes of removals, and what is left
	"qDropClients", "qDropClientSecrets", "qDropAccessTokens", // by the clients of a tenant, which are few
	"qCaptures",                                                                    // one row a connection
	"qWebhooks", "qCountWebhooks", "qWebhooksDue", "qAllWebhooks", "qWebhookStats", // few
	"qAccessVersions", "qTenantsToSeal", "qTenantsToAnchor", // a row a tenant, on purpose of all
	"qAnswersToErase", // there is a budget for them
	"qCarriedOfUser",  // once, of a store from before: the past is by groups
	"qGroupsConverted", "qGroupsReleased", "qGrantsEnded", "qUsersWithoutGroups",
	"qUsersOfOneName", "qUsersOfPartedNames", "qGroupsOfOneName",
	"qNoteEndedGroups", "qNoteEndedUsers", // once, of a store from before
	"qInsertGroup", "qInsertConnection", // the greatest number, one row of an index
	"qPassTime", "qTenantsEnding", // a row a tenant
	"qNextWork", // the first row of two indexes
}

// SQLite has no statistics and takes any condition on the tenant for a narrow
// one: a query of one user or one group must not read a whole table.
func TestSQLiteReadsNoWholeTenant(t *testing.T) {
	s := dbtest.Open(t, dbtest.URL(t, "sqlite"))
	queries := constants(t)
	queries["members"] = db.MembersQuery(membership.MemberQuery{Limit: 1})
	queries["users"], queries["groups"] = db.NativeQueries(membership.NativeQuery{Name: "x", Limit: 1})
	for i, q := range registerQueries {
		if !q.User.IsZero() && q.Group.IsZero() {
			continue // the past is by groups: a user's is looked for in each
		}
		for j, text := range db.RegisterPageQueries(q) {
			queries[fmt.Sprint("page of register ", i, j)] = text
		}
	}
	for name, q := range queries {
		if engine := oneEngine[name]; engine != "" && engine != "sqlite" || slices.Contains(wholeTenant, name) {
			continue
		}
		plan, err := s.Plan(context.Background(), q)
		require.NoError(t, err, name)
		for _, step := range plan {
			if strings.Contains(step, "SEARCH clock ") { // one row a tenant
				continue
			}
			require.NotContains(t, step, "(tenant_id=?)", "%s: %s", name, strings.Join(plan, "\n"))
			require.NotContains(t, step, "AUTOMATIC", "%s: %s", name, strings.Join(plan, "\n"))
		}
	}
	// One name is not looked for in all of a connection's view.
	w := newTenant(t, s)
	name := membership.Compare{Attribute: membership.Attribute{Name: "userName"}, Op: membership.Equal,
		Value: "import3"}
	external := name
	external.Attribute = membership.Attribute{Name: "externalId", CaseExact: true}
	active := membership.Compare{Attribute: membership.Attribute{Name: "active"}, Op: membership.Equal, Value: true}
	for _, f := range []membership.Filter{
		name, external, membership.And{Left: active, Right: name},
		membership.And{Left: membership.And{Left: external, Right: active}, Right: active},
	} {
		plans, err := s.Plans(w.Ctx, w.ID, func(r membership.Reader) error {
			_, err := r.UserLinks(w.Ctx, w.Connection,
				membership.LinkQuery{Filter: f, Limit: 100, Resources: dbtest.Resources{}})
			return err
		})
		require.NoError(t, err)
		for _, plan := range plans {
			require.Regexp(t, `user_links_(user_name|external_id) \(tenant_id=\? AND \w+=\? AND connection_id=\?\)`,
				plan)
		}
	}
	// Who came and went long ago is not read to list who is in.
	plan, err := s.Plan(context.Background(), queries["members"])
	require.NoError(t, err)
	require.NotContains(t, strings.Join(plan, " "), "grants_of_group")
}

var tables = []string{
	"tenants", "connections", "tokens", "users", "user_links", "user_link_emails", "groups", "group_links", "grants",
	"events", "policies",
	"oauth_clients", "oauth_secrets", "oauth_assertions",
	"event_heads", "event_users", "event_keys", "event_spans", "event_texts",
	"seal_logs", "seal_hashes", "seal_checkpoints", "seal_receipts", "seal_anchors",
	"removal_windows", "removal_allowances",
	"issuers",
	"idempotency_keys",
	"setup_links", "setup_sessions",
	"webhooks", "webhook_deliveries", "request_captures", "sessions", "link_totals", "organization_members", "roles",
	"role_assignments", "outbox", "grant_ends", "grant_clocks", "break_glass",
}

// constants returns the string constants of package db and of those below it whose
// names begin with q and a capital, with their parts put together.
func constants(t *testing.T) map[string]string {
	t.Helper()
	exprs := map[string]ast.Expr{}
	for _, dir := range []string{".", "engine", "sqlite", "postgres"} {
		pkgs, err := parser.ParseDir(token.NewFileSet(), dir, nil, 0) //nolint:staticcheck // no build tags
		require.NoError(t, err)
		for _, pkg := range pkgs {
			if strings.HasSuffix(pkg.Name, "_test") {
				continue
			}
			for _, f := range pkg.Files {
				ast.Inspect(f, func(n ast.Node) bool {
					if v, ok := n.(*ast.ValueSpec); ok {
						for i := range v.Values {
							exprs[v.Names[i].Name] = v.Values[i]
						}
					}
					return true
				})
			}
		}
	}
	var text func(e ast.Expr) string
	text = func(e ast.Expr) string {
		switch e := e.(type) {
		case *ast.BasicLit:
			s, err := strconv.Unquote(e.Value)
			require.NoError(t, err)
			return s
		case *ast.BinaryExpr:
			return text(e.X) + text(e.Y)
		case *ast.Ident:
			return text(exprs[e.Name])
		}
		t.Fatalf("a query is made of %T", e)
		return ""
	}
	out := map[string]string{}
	for name, e := range exprs {
		if len(name) > 1 && name[0] == 'q' && name[1] >= 'A' && name[1] <= 'Z' {
			q := text(e)
			if strings.HasPrefix(q, "select") || strings.HasPrefix(q, "insert") || strings.HasPrefix(q, "update") ||
				strings.HasPrefix(q, "delete") {
				out[name] = q
			}
		}
	}
	return out
}
