package membership

import "context"

// RemovalCounts is what the removal of a connection, or of one of its links,
// does.
type RemovalCounts struct {
	Users  int // that the connection provisions
	Groups int
	Grants int // that it has open

	MembershipsEnded       int // nothing else grants them
	LocalGrantsOpened      int // also in the place of those that end sooner
	LocalGrantsEnding      int // of them, since their group lets none live for ever
	UsersLeftWithoutGroups int
	UsersDeactivated       int // every other provider of theirs says inactive
	UsersWithoutProvider   int // they stay, as active as they are
	GroupsDeleted          int // no link and no grant is left (rule 32)
}

// PreviewRemoval counts what RemoveConnection would do now.
func (d *Directory) PreviewRemoval(ctx context.Context, call Call, id ID, how Removal) (n RemovalCounts, err error) {
	if err := d.allow(ctx, call, OpAdminister, ID{}, ID{}); err != nil {
		return n, err
	}
	if err := how.Check(); err != nil {
		return n, err
	}
	err = d.store.Read(ctx, call.Tenant, func(r Reader) error {
		c, err := r.Connection(ctx, id)
		if err != nil {
			return err
		}
		if c.State() == ConnectionRemoved {
			return connectionGone()
		}
		n, err = r.RemovalCounts(ctx, id, how, d.clock.Now())
		return err
	})
	return n, err
}

// RemoveConnection ends a connection whose credentials are dead: what it granted
// is closed, made local, or frozen. It does so in steps, each a transaction, so that
// others wait for none of them long; called again it finishes what was not done. A
// frozen connection can be released or converted later. batch is a fact of every
// event. auth.Connections ends the credentials first: no request of the connection
// changes anything any more.
func (d *Directory) RemoveConnection(ctx context.Context, call Call, id ID, how Removal, batch ID) error {
	if err := d.allow(ctx, call, OpAdminister, ID{}, ID{}); err != nil {
		return err
	}
	if err := how.Check(); err != nil {
		return err
	}
	e := scopeEnd{d: d, call: call, connection: id, how: how, batch: batch}
	if e.call.Reason == "" && how != RemovalFreeze {
		e.call.Reason = "the connection was removed"
	}
	for _, phase := range []func(context.Context, Tx, *tally) (bool, error){e.begin, e.showUsers, e.endGroups,
		e.endUsers} {
		for done := false; !done; {
			if err := d.update(ctx, call.Tenant, func(tx Tx, t *tally) (err error) {
				if e.state, err = e.lock(ctx, tx); err == nil {
					done, err = phase(ctx, tx, t)
				}
				return err
			}); err != nil {
				return err
			}
			if e.after = e.last; e.ended {
				return nil
			}
		}
	}
	return d.update(ctx, call.Tenant, func(tx Tx, _ *tally) error {
		state, err := e.lock(ctx, tx)
		if err != nil {
			return err
		}
		e.state = state
		return e.finish(ctx, tx, call)
	})
}

// scopeEnd is the end of everything that a connection provisions, in steps.
type scopeEnd struct {
	d          *Directory
	call       Call // with the reason of what ends
	connection ID
	how        Removal
	batch      ID

	state  ConnectionState
	locked Connection
	counts RemovalCounts // of what was there at the beginning
	after  ID            // the last user that shows without it,
	last   ID            // and that will when the step is committed
	ended  bool          // there is nothing to do any more
}

// How many grants and links a step ends at most.
const (
	grantsAStep = 2000
	groupsAStep = 100
	usersAStep  = 500
)

// lock locks the connection for one step.
func (e *scopeEnd) lock(ctx context.Context, tx Tx) (ConnectionState, error) {
	c, err := tx.LockConnection(ctx, e.connection)
	if err != nil {
		return "", err
	}
	e.locked = c
	switch state := c.State(); state {
	case ConnectionRemoved:
		return "", connectionGone()
	case ConnectionActive, ConnectionPaused:
		return "", Invalidf("the credentials of a connection end before it does")
	default:
		return state, nil
	}
}

// begin counts what there is. A connection that freezes does so here.
func (e *scopeEnd) begin(ctx context.Context, tx Tx, _ *tally) (done bool, err error) {
	if e.ended = e.locked.Removal == e.how; e.ended { // frozen already
		return true, nil
	}
	freeze := e.how == RemovalFreeze
	if freeze {
		if err := tx.LockConnectionScope(ctx, e.connection); err != nil {
			return false, err
		}
	}
	if e.counts, err = tx.RemovalCounts(ctx, e.connection, e.how, e.d.clock.Now()); err != nil {
		return false, err
	}
	if err := tx.FreezeLinks(ctx, e.connection, freeze); err != nil {
		return false, err
	}
	if freeze {
		e.ended = true
		return true, e.finish(ctx, tx, e.call)
	}
	return true, nil
}

// showUsers lets users show what is known of them without the connection.
func (e *scopeEnd) showUsers(ctx context.Context, tx Tx, _ *tally) (done bool, err error) {
	e.last, done, err = e.d.showWithoutConnection(ctx, tx, e.call, e.connection, e.batch, e.after)
	return done, err
}

// endGroups closes the connection's grants and ends its links to groups; when they
// are converted, local ones open first, so that no membership is interrupted.
func (e *scopeEnd) endGroups(ctx context.Context, tx Tx, t *tally) (done bool, err error) {
	groups, err := tx.GroupsLinked(ctx, e.connection, groupsAStep)
	if err != nil || len(groups) == 0 {
		return true, err
	}
	left := grantsAStep
	for _, id := range groups {
		g, err := tx.LockGroup(ctx, id)
		if err != nil {
			return false, err
		}
		n, err := e.endGrants(ctx, tx, t, g, left)
		if err != nil {
			return false, err
		}
		if left -= n; left <= 0 {
			return false, nil
		}
		if err := e.d.endGroupLink(ctx, tx, e.call, g, e.connection, Facts{"batch": e.batch}); err != nil {
			return false, err
		}
	}
	return false, nil
}

// endGrants ends at most so many grants in a group that is locked.
func (e *scopeEnd) endGrants(ctx context.Context, tx Tx, t *tally, g Group, most int) (int, error) {
	var users []ID
	for u, err := range tx.MemberIDs(ctx, e.connection, g.ID) {
		if err != nil {
			return 0, err
		}
		if users = append(users, u); len(users) == most {
			break
		}
	}
	if len(users) == 0 {
		return 0, nil
	}
	c := MemberChange{Call: e.call, At: e.d.clock.Now(), Group: g.ID, Batch: e.batch}
	if e.how == RemovalConvert {
		local := c
		local.UsersLocked = true
		if err := e.d.convertGrants(ctx, tx, t, local, g, users); err != nil {
			return 0, err
		}
	}
	c.Connection, c.Close = e.connection, users
	_, err := t.change(ctx, tx, c)
	return len(users), err
}

// endUsers ends the links to users.
func (e *scopeEnd) endUsers(ctx context.Context, tx Tx, _ *tally) (done bool, err error) {
	n, err := tx.EndUserLinks(ctx, UserLinksEnd{
		Call: e.call, At: e.d.clock.Now(), Connection: e.connection, Batch: e.batch, Most: usersAStep,
	})
	return n < usersAStep, err
}

// finish says how the connection ended.
func (e *scopeEnd) finish(ctx context.Context, tx Tx, call Call) error {
	c := e.locked
	c.Removal = e.how
	if err := tx.UpdateConnection(ctx, c); err != nil {
		return err
	}
	action := ActionConnectionRemoved
	if e.how == RemovalFreeze {
		action = ActionConnectionFrozen
	}
	after := e.counts.facts()
	after["connection_id"], after["members"], after["batch"] = e.connection, e.how, e.batch
	return tx.AppendEvents(ctx, call.Event(e.d.clock.Now(), action, ID{}, ID{},
		Facts{"connection_id": e.connection, "state": e.state}, after))
}

// Check is nil for one of the three ways.
func (r Removal) Check() error {
	switch r {
	case RemovalRelease, RemovalConvert, RemovalFreeze:
		return nil
	}
	return Invalidf("members must say what becomes of the members that the connection granted: " +
		"release (their grants end), convert (the grants become local) or freeze (they stay, and nobody changes them)")
}

func (n RemovalCounts) facts() Facts {
	return Facts{
		"users": n.Users, "groups": n.Groups, "grants": n.Grants, "memberships_ended": n.MembershipsEnded,
		"local_grants_opened": n.LocalGrantsOpened, "local_grants_ending": n.LocalGrantsEnding,
		"users_left_without_groups": n.UsersLeftWithoutGroups,
		"users_deactivated":         n.UsersDeactivated, "users_without_provider": n.UsersWithoutProvider,
		"groups_deleted": n.GroupsDeleted,
	}
}
