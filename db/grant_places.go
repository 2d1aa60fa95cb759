package db

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/scimbridge/scimbridge/membership"
)

// A grant says at which positions the events stand that opened and closed it: who did it, when
// and why is read there. A database could look for each grant in the text of its event, which
// is long: here each text is read once for the grants that come together.

const (
	whoseGrant = `, coalesce({text g.id}, ''), {text x.user_id} from `
	groupOf    = ` x left join groups g on g.tenant_id = $1 and g.no = x.group_no where x.tenant_id = $1`

	qGrantPlaces = `select x.id, x.opened_event, 'grant.opened'` + whoseGrant + `grants` + groupOf + `
		union all select x.id, x.opened_event, 'grant.opened'` + whoseGrant + `past_grants` + groupOf + `
		union all select x.id, x.closed_event, 'grant.closed'` + whoseGrant + `past_grants` + groupOf
	qMembersAt = `select e.position, coalesce(e.members, ''), e.body from {all events} e
		where e.tenant_id = $1 and e.position {in numbers $2}`
)

// The bounds of what is held at a time: grants, and events of 500 members at most.
const (
	grantsTogether = 1000
	eventsTogether = 500
)

// placeOfGrant is a grant, and the position of the event of an action.
type placeOfGrant struct {
	grant    membership.ID
	position int64
	grantFact
	user string
}

// grantFact is what an event says of all of its grants.
type grantFact struct {
	action membership.Action
	group  string
}

// eventOfGrants is an event at such a position.
type eventOfGrants struct {
	grantFact
	users map[membership.ID]string // of each grant
}

// grantPlaces holds grants against events.
type grantPlaces struct {
	store    *Store
	tenant   membership.ID
	events   map[int64]eventOfGrants
	unlogged int64 // openings and closings of which no event in the log tells
}

var errFound = errors.New("one is found")

// grantOfNoEvent finds a grant whose event is not where it says; nil: there is none. It
// counts openings and closings whose event is none of the log: a migration made it of what
// was kept before.
func (s *Store) grantOfNoEvent(
	ctx context.Context, tenant membership.ID,
) (wrong *placeOfGrant, unlogged int64, err error) {
	p := &grantPlaces{store: s, tenant: tenant}
	batch := make([]placeOfGrant, 0, grantsTogether)
	check := func() error {
		wrong, err = p.check(ctx, batch)
		if batch = batch[:0]; err == nil && wrong != nil {
			return errFound
		}
		return err
	}
	err = s.read(ctx, tenant, func(in *session) error {
		for g, err := range stream(ctx, in, qGrantPlaces, []any{tenant}, func(g *placeOfGrant) []any {
			return []any{&g.grant, &g.position, (*string)(&g.action), &g.group, &g.user}
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
	return wrong, p.unlogged, err
}

func (p *grantPlaces) check(ctx context.Context, batch []placeOfGrant) (wrong *placeOfGrant, err error) {
	if err := p.load(ctx, batch); err != nil {
		return nil, err
	}
	for _, g := range batch {
		e, there := p.events[g.position]
		if user, told := e.users[g.grant]; !there || !told || user != g.user || e.grantFact != g.grantFact {
			return &g, nil
		}
		if g.position < 0 {
			p.unlogged++
		}
	}
	return nil, nil //nolint:nilnil // all are where they say
}

// load reads the events of grants that are not held yet, on a connection of its own:
// that of the grants is in use. Events do not change, and come before their grants.
func (p *grantPlaces) load(ctx context.Context, batch []placeOfGrant) error {
	if len(p.events) > eventsTogether || p.events == nil {
		p.events = map[int64]eventOfGrants{}
	}
	var positions []int64
	asked := map[int64]bool{}
	for _, g := range batch {
		if _, held := p.events[g.position]; !held && !asked[g.position] {
			asked[g.position] = true
			positions = append(positions, g.position)
		}
	}
	if len(positions) == 0 {
		return nil
	}
	type row struct {
		position      int64
		members, body []byte
	}
	return p.store.read(ctx, p.tenant, func(s *session) error {
		for r, err := range stream(ctx, s, qMembersAt, []any{p.tenant, positions}, func(r *row) []any {
			return []any{&r.position, &r.members, &r.body}
		}) {
			if err != nil {
				return err
			}
			if p.events[r.position], err = parseEventOfGrants(r.body, r.members); err != nil {
				return err
			}
		}
		return nil
	})
}

// parseEventOfGrants reads what an event says of its grants; of none if it has no members.
func parseEventOfGrants(body, members []byte) (e eventOfGrants, err error) {
	var head struct {
		Action  membership.Action
		GroupID string `json:"group_id"`
	}
	if len(members) == 0 {
		return e, nil
	}
	if err := json.Unmarshal(body, &head); err != nil {
		return e, err
	}
	list, err := parseEventMembers(members)
	if err != nil {
		return e, err
	}
	e.grantFact, e.users = grantFact{head.Action, head.GroupID}, make(map[membership.ID]string, len(list))
	for _, m := range list {
		e.users[m.Grant] = m.User.String()
	}
	return e, nil
}
