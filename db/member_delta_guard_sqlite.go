package db

import (
	"context"

	"github.com/scimbridge/scimbridge/membership"
)

// guard counts what a change closes, or says that it may be too much. On PostgreSQL
// the function write_members does the same.
func (m *memberSteps) guard(ctx context.Context) (*membership.HeldRemovals, error) {
	if !m.c.Guard.On || len(m.close) < 2 {
		return nil, nil //nolint:nilnil // it passes
	}
	this, over := membership.RemovalMinutes(m.c.At)
	h := membership.HeldRemovals{Closing: len(m.close), Open: int(m.link.Members)}
	window := []any{m.tenant, m.c.Connection, m.c.Group, membership.ID{}, micros(over)}
	if err := m.one(ctx, "group", qRemovedLately, window, &h.InGroup, &h.InAll); err != nil {
		return nil, err
	}
	holds, err := m.c.Guard.Holds(&h, func() (n int, err error) {
		if err := m.versions.Write(ctx, m.tx); err != nil { // which count the members of links
			return 0, err
		}
		err = m.one(ctx, "connection", qOpenOf, []any{m.tenant, m.c.Connection}, &n)
		return n, err
	})
	if err != nil || holds {
		return &h, err
	}
	if _, err := m.exec(ctx, qDropRemovals, window...); err != nil {
		return nil, err
	}
	for _, group := range []membership.ID{m.c.Group, {}} {
		if _, err := m.exec(ctx, qCountRemovals, m.tenant, m.c.Connection, group, micros(this), h.Closing); err != nil {
			return nil, err
		}
	}
	return nil, nil //nolint:nilnil // it passes
}
