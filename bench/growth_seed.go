package main

import (
	"context"
	"fmt"
	"time"
)

// The users of a store of growth are written past the server, with what it would
// have written of them, as a million requests take long; groups and their members
// come by the server. When the schema changes, the tables below change.

const grownChanged = 50 // users who were changed last

var grownBegin = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func grownName(i int) string     { return fmt.Sprintf("p%07d@growth.example", i) }
func grownExternal(i int) string { return fmt.Sprintf("external-%07d", i) }
func grownActive(i int) bool     { return i%100 != 99 }

// grownID is the id of a user; ids ascend with the time, as those of the server do.
func grownID(i int) string {
	return fmt.Sprintf("01900000-%04x-7%03x-8000-%012x", i>>12&0xffff, i&0xfff, i)
}

// grownModified is when a user was changed last.
func grownModified(users, i int) time.Time {
	at := grownBegin.Add(time.Duration(i) * time.Millisecond)
	if i >= users-grownChanged {
		at = at.AddDate(0, 1, 0)
	}
	return at
}

// seedTable is a table that is written past the server. An id is given as seedID.
type seedTable struct {
	name    string
	columns []string
	row     func(i int) []any
}

type seedID string

// seedTables are what the server would have written of the users of one connection.
func seedTables(size growthSize, tenant, connection string) []seedTable {
	t, c := seedID(tenant), seedID(connection)
	return []seedTable{
		{"users", []string{
			"tenant_id", "id", "user_name", "user_name_key", "email", "email_key", "name", "origin", "suspended",
			"deprovisioned",
			"pending", "active", "created_at", "updated_at",
		}, func(i int) []any {
			name, at := grownName(i), grownModified(size.users, i)
			return []any{t, seedID(grownID(i)), name, name, name, name, "Person", "scim", false, false, false,
				grownActive(i), grownBegin, at}
		}},
		{"user_links", []string{
			"tenant_id", "connection_id", "user_id", "external_id", "user_name", "user_name_key", "active",
			"email", "name",
			"attributes", "version", "created_at", "last_modified",
		}, func(i int) []any {
			name, at := grownName(i), grownModified(size.users, i)
			return []any{
				t, c, seedID(grownID(i)), grownExternal(i), name, name, grownActive(i), name, "Person",
				grownAttributes(i), int64(1),
				grownBegin, at,
			}
		}},
		{"user_link_emails", []string{"tenant_id", "connection_id", "email_key", "user_id"}, func(i int) []any {
			return []any{t, c, grownName(i), seedID(grownID(i))}
		}},
	}
}

// seedTotals counts them where the server does. The row is none of its own.
const seedTotals = `insert into link_totals (tenant_id, connection_id, kind, stripe, links)
	values ($1, $2, 'user_links', -1, cast($3 as bigint)),
		($1, $2, 'inactive user_links', -1, cast($3 as bigint) / 100)`

// grownAttributes is the document of the attributes of userBody.
func grownAttributes(i int) string {
	name := grownName(i)
	return fmt.Sprintf(`{"displayName":"Person %s","emails":[{"primary":true,"type":"work","value":%q}],`+
		`"name":{"familyName":"Person %d","formatted":"Pat Person %d","givenName":"Pat"},"title":"Clerk",`+
		`%q:{"department":"Department %d","employeeNumber":"%d"}}`, name[1:8], name, i, i, enterpriseURN, i%40, i)
}

// grow makes a store of one size. What it returns has to be closed, after an error
// too.
func (b *bench) grow(ctx context.Context, e engine, size growthSize, members bool) (*grown, error) {
	t, err := e.scimbridge(ctx, b.program)
	if t == nil {
		return nil, err
	}
	g := &grown{target: t, size: size, marks: map[string]string{}}
	if err != nil {
		return g, err
	}
	begin := time.Now()
	t.process.stop() // the store is ours now
	tables := seedTables(size, t.made.TenantID, t.made.ConnectionID)
	if e.postgres != nil {
		err = e.postgres.seed(ctx, t, size, tables)
	} else {
		err = seedSQLite(ctx, t, size, tables)
	}
	if err != nil {
		return g, err
	}
	if err := t.serve(ctx); err != nil {
		return g, err
	}
	b.say("%s: %d users after %.0f s", e.name, size.users, time.Since(begin).Seconds())
	g.began = time.Now().UTC().Truncate(time.Second)
	if members {
		if err := g.growMembers(ctx); err != nil {
			return g, err
		}
		b.say("%s: and %d groups after %.0f s", e.name, size.groups+1, time.Since(begin).Seconds())
	}
	t.process.emptyLog()
	if e.postgres != nil { // what autovacuum does within minutes
		if err := e.postgres.vacuum(ctx, t); err != nil {
			return g, err
		}
	}
	return g, nil
}
