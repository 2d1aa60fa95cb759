package db

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/scimbridge/scimbridge/membership"
)

// named is a row with a name and its key of before.
type named struct {
	connection, id membership.ID
	name, key      string

	email, emailKey string // of a user
	deleted         stamp
	userName        string // of the user of a link
	attributes      []byte // of a link
}

// nameTable is a table with keys of names.
type nameTable struct {
	batch   int // how many rows are held at once
	ofLinks bool
	next    string // the rows after an id, or after a connection's id, in order
	dest    func(*named) []any
	stale   func(named) bool
	renew   func(context.Context, *session, named) error
}

// keyBefore is the key that migration 17 replaces. It stays as it was.
func keyBefore(s string) string { return cases.Fold().String(norm.NFC.String(s)) }

// keyMoves reports whether migration 17 gives a text another key.
func keyMoves(s string) bool { return keyBefore(s) != membership.Fold(s) }

const (
	qNextUserNames = `select u.id, u.user_name, u.user_name_key, u.email, u.email_key, u.deleted_at from users u
		where u.tenant_id = $1 and u.id > $2 order by u.id limit $3`
	qNextGroupNames = `select g.id, g.display_name, g.display_name_key from groups g
		where g.tenant_id = $1 and g.id > $2 order by g.id limit $3`
	qNextUserLinkNames = `select l.connection_id, l.user_id, l.user_name, l.user_name_key, u.user_name, l.attributes
		from user_links l cross join users u
		where l.tenant_id = $1 and u.tenant_id = $1 and u.id = l.user_id
			and (l.connection_id, l.user_id) > ($2, $3) order by l.connection_id, l.user_id limit $4`
	qNextGroupLinkNames = `select l.connection_id, l.group_id, l.display_name, l.display_name_key from group_links l
		where l.tenant_id = $1 and (l.connection_id, l.group_id) > ($2, $3)
		order by l.connection_id, l.group_id limit $4`

	// The first rank that is free: 0, unless others have the name already.
	qUserNameRank = `select coalesce(max(u.name_rank) + 1, 0) from users u {index users_user_name}
		where u.tenant_id = $1 and u.user_name_key = $2 and u.deleted_at is null`
	qUserLinkNameRank = `select coalesce(max(l.name_rank) + 1, 0) from user_links l {index user_links_user_name}
		where l.tenant_id = $1 and l.user_name_key = $2 and l.connection_id = $3`
	qGroupLinkNameRank = `select coalesce(max(l.name_rank) + 1, 0) from group_links l {index group_links_display_name}
		where l.tenant_id = $1 and l.display_name_key = $2 and l.connection_id = $3`

	// What was renamed since it was read has its key already.
	qRenewUserName = `update users set user_name_key = $4, name_rank = $5
		where tenant_id = $1 and id = $2 and user_name = $3`
	qRenewGroupName = `update groups set display_name_key = $4
		where tenant_id = $1 and id = $2 and display_name = $3`
	qRenewUserLinkName = `update user_links set user_name_key = $4, name_rank = $5
		where tenant_id = $1 and user_id = $2 and user_name = $3 and connection_id = $6`
	qRenewGroupLinkName = `update group_links set display_name_key = $4, name_rank = $5
		where tenant_id = $1 and group_id = $2 and display_name = $3 and connection_id = $6`
	qRenewUserEmail = `update users set email_key = $4 where tenant_id = $1 and id = $2 and email = $3`
	qPartName       = `update user_links set name_parted = 1
		where tenant_id = $1 and connection_id = $2 and user_id = $3`
	qNamesOfLinks = `select l.connection_id, l.user_name from user_links l {index user_links_user}
		where l.tenant_id = $1 and l.user_id = $2`
)

// Links have documents, so fewer of them are held.
var nameTables = []nameTable{
	{
		batch: 1000, next: qNextUserNames, renew: renewUser,
		dest:  func(n *named) []any { return []any{&n.id, &n.name, &n.key, &n.email, &n.emailKey, &n.deleted} },
		stale: func(n named) bool { return n.staleName() || n.emailKey != membership.Fold(n.email) },
	},
	{
		batch: 1000, next: qNextGroupNames, stale: named.staleName,
		dest: func(n *named) []any { return []any{&n.id, &n.name, &n.key} },
		renew: func(ctx context.Context, s *session, n named) error {
			_, err := s.exec(ctx, qRenewGroupName, s.tenant, n.id, n.name, membership.Fold(n.name))
			return err
		},
	},
	{
		batch: 200, ofLinks: true, next: qNextUserLinkNames, renew: renewUserLink,
		dest: func(n *named) []any {
			return []any{&n.connection, &n.id, &n.name, &n.key, &n.userName, &n.attributes}
		},
		stale: func(n named) bool {
			return n.staleName() || keyMoves(n.name) || keyMoves(n.userName) ||
				slices.ContainsFunc(n.emails(), keyMoves)
		},
	},
	{
		batch: 1000, ofLinks: true, next: qNextGroupLinkNames, stale: named.staleName,
		dest: func(n *named) []any { return []any{&n.connection, &n.id, &n.name, &n.key} },
		renew: func(ctx context.Context, s *session, n named) error {
			return s.renewKey(ctx, n, qGroupLinkNameRank, qRenewGroupLinkName)
		},
	},
}

// renewNames makes the keys of all names of a tenant anew: a batch at a time,
// each in a transaction of its own.
func (s *Store) renewNames(ctx context.Context, tenant membership.ID) error {
	for _, t := range nameTables {
		var last named
		for {
			rows, err := s.nextNames(ctx, tenant, t, last)
			if err != nil {
				return err
			}
			if err := s.renewBatch(ctx, tenant, t, rows); err != nil {
				return err
			}
			if len(rows) < t.batch {
				break
			}
			last = rows[len(rows)-1]
		}
	}
	return nil
}

func (s *Store) nextNames(
	ctx context.Context, tenant membership.ID, t nameTable, after named,
) (rows []named, err error) {
	args := []any{tenant, after.id, t.batch}
	if t.ofLinks {
		args = []any{tenant, after.connection, after.id, t.batch}
	}
	err = s.read(ctx, tenant, func(s *session) error {
		rows, err = list(ctx, s, t.next, args, t.dest)
		return err
	})
	return rows, err
}

// renewBatch writes nothing where every key is right: so are nearly all.
func (s *Store) renewBatch(ctx context.Context, tenant membership.ID, t nameTable, rows []named) error {
	rows = slices.DeleteFunc(slices.Clone(rows), func(n named) bool { return !t.stale(n) })
	if len(rows) == 0 {
		return nil
	}
	return s.update(ctx, tenant, func(s *session) error {
		for _, n := range rows {
			if err := t.renew(ctx, s, n); err != nil {
				return err
			}
		}
		return nil
	})
}

func (n named) staleName() bool { return n.key != membership.Fold(n.name) }

// renewKey gives a link the key of its name, and the first rank that is free.
func (s *session) renewKey(ctx context.Context, n named, rankOf, write string) error {
	if !n.staleName() {
		return nil
	}
	key := membership.Fold(n.name)
	var rank int
	if err := s.one(ctx, "name", rankOf, []any{s.tenant, key, n.connection}, &rank); err != nil {
		return err
	}
	_, err := s.exec(ctx, write, s.tenant, n.id, n.name, key, rank, n.connection)
	return err
}

func renewUser(ctx context.Context, s *session, n named) error {
	if n.staleName() {
		key := membership.Fold(n.name)
		var rank int // none of those that are deleted
		if time.Time(n.deleted).IsZero() {
			if err := s.one(ctx, "name", qUserNameRank, []any{s.tenant, key}, &rank); err != nil {
				return err
			}
		}
		if _, err := s.exec(ctx, qRenewUserName, s.tenant, n.id, n.name, key, rank); err != nil {
			return err
		}
	}
	_, err := s.exec(ctx, qRenewUserEmail, s.tenant, n.id, n.email, membership.Fold(n.email))
	return err
}

// renewUserLink makes the keys of a link anew, and marks it if its name is not
// the same any more as the user's, or as another link's.
func renewUserLink(ctx context.Context, s *session, n named) error {
	if err := s.renewKey(ctx, n, qUserLinkNameRank, qRenewUserLinkName); err != nil {
		return err
	}
	l := membership.UserLink{Connection: n.connection, User: n.id, Emails: n.emails()}
	if slices.ContainsFunc(l.Emails, keyMoves) {
		if err := s.execLater(ctx, qDeleteEmails, s.tenant, l.Connection, l.User); err != nil {
			return err
		}
		if err := s.insertEmails(ctx, l); err != nil {
			return err
		}
	}
	if !keyMoves(n.name) && !keyMoves(n.userName) {
		return nil
	}
	others, err := list(ctx, s, qNamesOfLinks, []any{s.tenant, n.id}, func(o *named) []any {
		return []any{&o.connection, &o.name}
	})
	if err != nil {
		return err
	}
	for _, o := range append(others, named{name: n.userName}) {
		if keyBefore(o.name) != keyBefore(n.name) || membership.Fold(o.name) == membership.Fold(n.name) {
			continue
		}
		for _, c := range []membership.ID{n.connection, o.connection} { // of the user's own name there is no link
			if _, err := s.exec(ctx, qPartName, s.tenant, c, n.id); err != nil {
				return err
			}
		}
	}
	return nil
}

// emails are the addresses of a link (RFC 7643 section 4.1.2), which its table
// keeps in the document only.
func (n named) emails() (all []string) {
	var doc struct {
		Emails []json.RawMessage `json:"emails"`
	}
	if json.Unmarshal(n.attributes, &doc) != nil {
		return nil // it has none that a lookup would find
	}
	for _, e := range doc.Emails {
		var of struct {
			Value string `json:"value"`
		}
		if json.Unmarshal(e, &of) == nil && of.Value != "" {
			all = append(all, of.Value)
		}
	}
	return all
}
