package db

import (
	"context"
	"errors"

	"github.com/scimbridge/scimbridge/membership"
)

// A grant says at which positions the events stand that opened and closed it. A
// database could look for each grant in the text of its event, which is long: here
// each text is read once for the grants that come together.

const (
	qGrantPlaces = `select g.id, g.opened_event, 'grant.opened' from grants g
			where g.tenant_id = $1 and g.opened_event > 0
		union all select p.id, p.opened_event, 'grant.opened' from past_grants p
			where p.tenant_id = $1 and p.opened_event > 0
		union all select p.id, p.closed_event, 'grant.closed' from past_grants p
			where p.tenant_id = $1 and p.closed_event > 0`
	qMembersAt = `select e.position, coalesce(e.members, '') from {all events} e
		where e.tenant_id = $1 and e.position {in numbers $2}`
)

// The bounds of what is held at a time: grants, and events of 500 members at most.
const (
	grantsTogether = 1000
	eventsTogether = 500
)

// grantPlace is a grant and the position of the event of an action.
type grantPlace struct {
	grant    membership.ID
	position int64
	action   string
}

// grantPlaces holds grants against events.
type grantPlaces struct {
	store  *Store
	tenant membership.ID
	// members of some events; nil: of an event that lists none.
	members map[int64]map[membership.ID]bool
}

var errFound = errors.New("one is found")

// grantOfNoEvent finds a grant whose event is not where it says.
func (s *Store) grantOfNoEvent(ctx context.Context, tenant membership.ID) (wrong grantPlace, found bool, err error) {
	p := &grantPlaces{store: s, tenant: tenant}
	batch := make([]grantPlace, 0, grantsTogether)
	check := func() error {
		wrong, found, err = p.check(ctx, batch)
		if batch = batch[:0]; err == nil && found {
			return errFound
		}
		return err
	}
	err = s.read(ctx, tenant, func(in *session) error {
		for g, err := range stream(ctx, in, qGrantPlaces, []any{tenant}, func(g *grantPlace) []any {
			return []any{&g.grant, &g.position, &g.action}
		}) {
			if err != nil {
				return err
			}
			if batch = append(batch, g); len(batch) == grantsTogether {
				if err := check(); err != nil {
					return err
				}
			}
		}
		return check()
	})
	if errors.Is(err, errFound) {
		err = nil
	}
	return wrong, found, err
}

func (p *grantPlaces) check(ctx context.Context, batch []grantPlace) (wrong grantPlace, found bool, err error) {
	if err := p.load(ctx, batch); err != nil {
		return wrong, false, err
	}
	for _, g := range batch {
		if members, there := p.members[g.position]; !there || members != nil && !members[g.grant] {
			return g, true, nil
		}
	}
	return wrong, false, nil
}

// load reads the events of grants that are not held yet, on a connection of its own:
// that of the grants is in use. Events do not change, and come before their grants.
func (p *grantPlaces) load(ctx context.Context, batch []grantPlace) error {
	if len(p.members) > eventsTogether || p.members == nil {
		p.members = map[int64]map[membership.ID]bool{}
	}
	var positions []int64
	asked := map[int64]bool{}
	for _, g := range batch {
		if _, held := p.members[g.position]; !held && !asked[g.position] {
			asked[g.position] = true
			positions = append(positions, g.position)
		}
	}
	if len(positions) == 0 {
		return nil
	}
	type row struct {
		position int64
		members  []byte
	}
	return p.store.read(ctx, p.tenant, func(s *session) error {
		for r, err := range stream(ctx, s, qMembersAt, []any{p.tenant, positions}, func(r *row) []any {
			return []any{&r.position, &r.members}
		}) {
			if err != nil {
				return err
			}
			p.members[r.position] = nil
			if len(r.members) == 0 {
				continue
			}
			members, err := parseEventMembers(r.members)
			if err != nil {
				return err
			}
			grants := make(map[membership.ID]bool, len(members))
			for _, m := range members {
				grants[m.Grant] = true
			}
			p.members[r.position] = grants
		}
		return nil
	})
}
