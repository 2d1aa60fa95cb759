package db

import (
	"context"

	"github.com/scimbridge/scimbridge/membership"
)

// guard counts what a change closes, or says that it may be too much. On PostgreSQL
// the function write_members does the same.
func (m *memberSteps) guard(ctx context.Context) (*membership.HeldRemovals, error) {
	if m.c.MostRemoved == 0 || len(m.close) < 2 {
		return nil, nil //nolint:nilnil // it passes
	}
	this, over := membership.RemovalMinutes(m.c.At)
	h := membership.HeldRemovals{Closing: len(m.close), Open: int(m.link.Members)}
	window := []any{m.tenant, m.c.Connection, m.c.Group, membership.ID{}, micros(over)}
	if err := m.one(ctx, "group", qRemovedLately, window, &h.InGroup, &h.InAll); err != nil {
		return nil, err
	}
	if h.Closing+max(h.InGroup, h.InAll) > m.c.MostRemoved {
		return &h, nil
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
