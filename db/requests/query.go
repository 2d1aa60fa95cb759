package requests

import (
	"bytes"
	"context"
	"slices"

	"github.com/scimbridge/scimbridge/db/engine"
	"github.com/scimbridge/scimbridge/membership"
)

const (
	qClasses = `select class, connection_id, operation, status, scim_type, outcome from request_classes
		where tenant_id = $1`
	qAll     = `select id from requests where tenant_id = $1 and id < $2 and id >= $3 order by id desc limit $4`
	qOfClass = `select id from requests {index requests_by_class}
		where tenant_id = $1 and class = $5 and id < $2 and id >= $3 order by id desc limit $4`
	qOfKey = `select id, class from request_keys where tenant_id = $1 and key = $5 and id < $2 and id >= $3
		order by id desc limit $4`
	qRows = `select r.id, r.class, r.keys, r.body from {ids $2} i
		{lookup requests r on r.tenant_id = $1 and r.id = i.id}`
)

const (
	// maxLooked bounds the requests that are looked at for one page: a filter that
	// few of them match gives a short page, and a cursor.
	maxLooked = 5_000
	// lookedAtOnce of them are read together.
	lookedAtOnce = 500
	// classesAtOnce are read together.
	classesAtOnce = 50
)

// search is one page that is looked for.
type search struct {
	tx      engine.Tx
	tenant  membership.ID
	filter  membership.RequestFilter
	classes map[int64]class
	before  membership.ID // looked at are those below
	least   membership.ID
}

var lastID = membership.ID(bytes.Repeat([]byte{0xff}, 16))

// Requests implements membership.RequestLog.
func (l *Log) Requests(
	ctx context.Context, tenant membership.ID, f membership.RequestFilter,
) (p membership.RequestPage, err error) {
	err = l.engine.Read(ctx, tenant, func(t engine.Tx) error {
		s := &search{tx: t, tenant: tenant, filter: f, before: lastID}
		if !f.To.IsZero() {
			s.before = membership.FirstID(f.To)
		}
		if !f.Before.IsZero() && bytes.Compare(f.Before[:], s.before[:]) < 0 {
			s.before = f.Before
		}
		if !f.From.IsZero() {
			s.least = membership.FirstID(f.From)
		}
		p, err = s.page(ctx)
		return err
	})
	return p, l.translate(err)
}

// Request implements membership.RequestLog.
func (l *Log) Request(ctx context.Context, tenant, id membership.ID) (r membership.Request, err error) {
	err = l.engine.Read(ctx, tenant, func(t engine.Tx) error {
		s := &search{tx: t, tenant: tenant}
		if err := s.readClasses(ctx); err != nil {
			return err
		}
		rows, err := s.rows(ctx, []membership.ID{id}, nil)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			return membership.NotFound("request")
		}
		r = rows[0]
		return nil
	})
	return r, l.translate(err)
}

func (s *search) page(ctx context.Context) (p membership.RequestPage, err error) {
	if err := s.readClasses(ctx); err != nil {
		return p, err
	}
	keys := filterKeys(s.filter)
	for looked := 0; ; {
		want := s.filter.Limit + 1 - len(p.Requests)
		if len(keys) > 1 {
			want = lookedAtOnce // some have not the other keys
		}
		ids, last, end, n, err := s.next(ctx, keys, want)
		if err != nil {
			return p, err
		}
		rows, err := s.rows(ctx, ids, keys[min(1, len(keys)):])
		if err != nil {
			return p, err
		}
		p.Requests = append(p.Requests, rows...)
		if len(p.Requests) > s.filter.Limit {
			p.Requests = p.Requests[:s.filter.Limit]
			p.More, p.Last = true, p.Requests[s.filter.Limit-1].ID
			return p, nil
		}
		if end {
			return p, nil
		}
		s.before = last
		if looked += n; looked >= maxLooked {
			p.More, p.Last = true, last
			return p, nil
		}
	}
}

func (s *search) readClasses(ctx context.Context) error {
	type classRow struct {
		id int64
		class
	}
	rs, err := s.tx.Query(ctx, qClasses, s.tenant)
	if err != nil {
		return err
	}
	defer rs.Close()
	s.classes = map[int64]class{}
	for r, err := range engine.Each(rs, func(r *classRow) []any {
		return []any{&r.id, &r.Connection, &r.Operation, &r.Status, &r.ScimType, &r.Outcome}
	}) {
		if err != nil {
			return err
		}
		s.classes[r.id] = r.class
	}
	return nil
}

// next finds at most want ids that a filter may match, below the last that was looked
// at. end: there are no more; looked counts those that were looked at.
func (s *search) next(ctx context.Context, keys []membership.ID, want int) (
	ids []membership.ID, last membership.ID, end bool, looked int, err error,
) {
	switch {
	case len(keys) > 0:
		return s.ofKey(ctx, keys[0], want)
	case asked(s.filter):
		ids, err = s.ofClasses(ctx, want)
	default:
		ids, err = s.ids(ctx, engine.Query{Text: qAll, Args: []any{s.tenant, s.before, s.least, want}})
	}
	if len(ids) > 0 {
		last = ids[len(ids)-1]
	}
	return ids, last, len(ids) < want, len(ids), err
}

func (s *search) ids(ctx context.Context, qs ...engine.Query) (ids []membership.ID, err error) {
	for i := range qs {
		qs[i].Read = func(rs engine.Rows) error {
			found, err := engine.ReadAll(rs, func(id *membership.ID) []any { return []any{id} })
			ids = append(ids, found...)
			return err
		}
	}
	return ids, s.tx.Pipeline(ctx, qs...)
}

// ofClasses merges the newest of each class that matches.
func (s *search) ofClasses(ctx context.Context, want int) (ids []membership.ID, err error) {
	var qs []engine.Query
	least := s.least
	read := func() error {
		found, err := s.ids(ctx, qs...)
		if err != nil {
			return err
		}
		ids = append(ids, found...)
		slices.SortFunc(ids, func(a, b membership.ID) int { return bytes.Compare(b[:], a[:]) })
		if len(ids) >= want {
			ids = ids[:want]
			least = ids[want-1] // of the next classes only newer ones count
		}
		qs = qs[:0]
		return nil
	}
	for id, c := range s.classes {
		if !c.matches(s.filter) {
			continue
		}
		qs = append(qs, engine.Query{Text: qOfClass, Args: []any{s.tenant, s.before, least, want, id}})
		if len(qs) == classesAtOnce {
			if err := read(); err != nil {
				return nil, err
			}
		}
	}
	if len(qs) > 0 {
		err = read()
	}
	return ids, err
}

// ofKey looks at the requests of a key, and keeps those whose class matches.
func (s *search) ofKey(ctx context.Context, key membership.ID, want int) (
	ids []membership.ID, last membership.ID, end bool, looked int, err error,
) {
	type keyRow struct {
		id    membership.ID
		class int64
	}
	rs, err := s.tx.Query(ctx, qOfKey, s.tenant, s.before, s.least, lookedAtOnce, key)
	if err != nil {
		return nil, last, false, 0, err
	}
	defer rs.Close()
	for r, err := range engine.Each(rs, func(r *keyRow) []any { return []any{&r.id, &r.class} }) {
		if err != nil {
			return nil, last, false, 0, err
		}
		looked, last = looked+1, r.id
		if s.classes[r.class].matches(s.filter) {
			if ids = append(ids, r.id); len(ids) == want {
				return ids, last, false, looked, nil
			}
		}
	}
	return ids, last, looked < lookedAtOnce, looked, nil
}

// rows reads requests that have all of some keys, the newest first.
func (s *search) rows(ctx context.Context, ids, keys []membership.ID) (out []membership.Request, err error) {
	if len(ids) == 0 {
		return nil, nil
	}
	type found struct {
		id         membership.ID
		class      int64
		keys, body []byte
	}
	rs, err := s.tx.Query(ctx, qRows, s.tenant, ids)
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	for f, err := range engine.Each(rs, func(f *found) []any { return []any{&f.id, &f.class, &f.keys, &f.body} }) {
		if err != nil {
			return nil, err
		}
		if !hasAll(f.keys, keys) {
			continue
		}
		r, err := decode(s.tenant, f.id, s.classes[f.class], f.body)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b membership.Request) int {
		return bytes.Compare(b.ID[:], a.ID[:])
	})
	return out, nil
}

func hasAll(flat []byte, keys []membership.ID) bool {
	return !slices.ContainsFunc(keys, func(k membership.ID) bool {
		for b := flat; len(b) >= keySize; b = b[keySize:] {
			if bytes.Equal(b[:keySize], k[:]) {
				return false
			}
		}
		return true
	})
}
