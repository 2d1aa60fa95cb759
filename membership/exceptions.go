package membership

import (
	"context"
	"iter"
	"slices"
	"time"
)

// ExceptionKind says why somebody should look at a membership.
type ExceptionKind string

// The kinds of exceptions.
const (
	// ExceptionLocalInEnterprise is a local grant in an enterprise group (rule 33).
	ExceptionLocalInEnterprise ExceptionKind = "local_in_enterprise"
	// ExceptionDoublyGranted is a membership that several sources grant: to
	// remove it at one of them changes nothing.
	ExceptionDoublyGranted ExceptionKind = "doubly_granted"
	// ExceptionInactiveMember is a membership of a user who is inactive.
	ExceptionInactiveMember ExceptionKind = "inactive_member"
	// ExceptionAfterDeprovisioning is a grant that is left of a user that
	// the provider does not have any more, or none has (rule 25).
	ExceptionAfterDeprovisioning ExceptionKind = "grant_after_deprovisioning"
	// ExceptionConnectionGone is a grant whose connection will not end it: the
	// connection is gone, or does not provision the group any more.
	ExceptionConnectionGone ExceptionKind = "connection_gone"
	// ExceptionBreakGlass is a local grant that was taken by break-glass and that no other
	// person has signed off, also one that has ended (rule 16).
	ExceptionBreakGlass ExceptionKind = "break_glass"
	// ExceptionGrantTooLong is a local grant without an end, or with one that is too late,
	// in a group that asks for ends: it is from before the group did.
	ExceptionGrantTooLong ExceptionKind = "grant_too_long"
	// ExceptionSharedUserName is no membership, but a user whose userName others
	// of the tenant, or of a connection's view, have as well: the names were not
	// the same when they were given (docs/semantics.md, Names).
	ExceptionSharedUserName ExceptionKind = "shared_user_name"
	// ExceptionSharedGroupName is the same of groups in a connection's view.
	ExceptionSharedGroupName ExceptionKind = "shared_group_name"
	// ExceptionPartedUserName is a user that a connection was linked to, because
	// two names were the same that are not any more: perhaps two people.
	ExceptionPartedUserName ExceptionKind = "parted_user_name"
)

// ExceptionKinds are all kinds, in the order in which they are listed.
var ExceptionKinds = []ExceptionKind{
	ExceptionLocalInEnterprise, ExceptionDoublyGranted, ExceptionInactiveMember,
	ExceptionAfterDeprovisioning, ExceptionConnectionGone,
	ExceptionSharedUserName, ExceptionSharedGroupName, ExceptionPartedUserName,
	ExceptionBreakGlass, ExceptionGrantTooLong, // cursors count the kinds: new ones come last
}

// OfNames reports whether the exceptions of a kind are users or groups with a
// name that somebody should look at, not memberships.
func (k ExceptionKind) OfNames() bool {
	return k == ExceptionSharedUserName || k == ExceptionSharedGroupName || k == ExceptionPartedUserName
}

// Exception is a membership that somebody should look at, as it is now; or a user
// or a group, with the other one zero.
type Exception struct {
	Kind  ExceptionKind
	Group Group
	User  User
	// Sources are the grants that make it one, the oldest first. Of a name they
	// are the connections that provision the user or the group, of a grant that
	// has only Connection, OpenedAt (since when) and OpenedBy.
	Sources []MemberSource
	// Since is since when those grants have been open; of one that takes two,
	// since the second was opened. Of a name, since when the first source has
	// the user or the group.
	Since time.Time
}

// Cursor is the position of the exception in the list.
func (e Exception) Cursor() ExceptionCursor { return ExceptionCursor{e.Kind, e.Group.ID, e.User.ID} }

// ExceptionCursor is a position in the list of exceptions: by kind, group and user.
type ExceptionCursor struct {
	Kind        ExceptionKind
	Group, User ID
}

// ExceptionQuery selects exceptions.
type ExceptionQuery struct {
	Kind  ExceptionKind   // "": all
	After ExceptionCursor // zero: from the beginning
	Limit int             // 0: all
}

func (q ExceptionQuery) kinds() ([]ExceptionKind, error) {
	kinds := ExceptionKinds
	if q.Kind != "" {
		if !slices.Contains(kinds, q.Kind) {
			return nil, Invalidf("kind must be one of %v", kinds)
		}
		kinds = []ExceptionKind{q.Kind}
	}
	if q.After.Kind == "" {
		return kinds, nil
	}
	i := slices.Index(kinds, q.After.Kind)
	if i < 0 {
		return nil, Invalidf("cursor is of another kind of exceptions")
	}
	return kinds[i:], nil
}

// Exceptions lists memberships that somebody should look at.
func (d *Directory) Exceptions(ctx context.Context, call Call, q ExceptionQuery) (es []Exception, err error) {
	if err := d.allow(ctx, call, OpReadAudit, ID{}, ID{}); err != nil {
		return nil, err
	}
	kinds, err := q.kinds()
	if err != nil {
		return nil, err
	}
	err = d.store.Read(ctx, call.Tenant, func(r Reader) error {
		es = nil
		for e, err := range exceptions(ctx, r, kinds, q) {
			if err != nil {
				return err
			}
			es = append(es, e)
		}
		return nil
	})
	return es, err
}

// ExportExceptions sends all exceptions, as they are now.
func (d *Directory) ExportExceptions(
	ctx context.Context, call Call, kind ExceptionKind, f Format[Exception], send Send,
) error {
	if err := d.allow(ctx, call, OpReadAudit, ID{}, ID{}); err != nil {
		return err
	}
	q := ExceptionQuery{Kind: kind}
	kinds, err := q.kinds()
	if err != nil {
		return err
	}
	m := Manifest{Report: ReportExceptions}
	if kind != "" {
		m.Query = []Parameter{{"kind", string(kind)}}
	}
	return export(ctx, d, call, m, f, func(r Reader) iter.Seq2[Exception, error] {
		return exceptions(ctx, r, kinds, q)
	}, send)
}

// exceptions folds the grants of each kind to memberships.
func exceptions(
	ctx context.Context, r RegisterReader, kinds []ExceptionKind, q ExceptionQuery,
) iter.Seq2[Exception, error] {
	return func(yield func(Exception, error) bool) {
		n := 0
		for _, kind := range kinds {
			place := ExceptionCursor{Kind: kind}
			if kind == q.After.Kind {
				place = q.After
			}
			left := 0
			if q.Limit > 0 {
				if left = q.Limit - n; left == 0 {
					return
				}
			}
			var e Exception
			for row, err := range r.ExceptionalGrants(ctx, place, left) {
				if err != nil {
					yield(Exception{}, err)
					return
				}
				if len(e.Sources) > 0 && (e.Group.ID != row.Group.ID || e.User.ID != row.User.ID) {
					if n++; !yield(e, nil) {
						return
					}
					e = Exception{}
				}
				e.take(kind, row)
			}
			if len(e.Sources) > 0 {
				if n++; !yield(e, nil) {
					return
				}
			}
		}
	}
}

func (e *Exception) take(kind ExceptionKind, row RegisterRow) {
	e.Kind, e.Group, e.User = kind, row.Group, row.User
	e.Sources = append(e.Sources, MemberSource{Grant: row.Grant, ConnectionName: row.ConnectionName})
	if n := len(e.Sources); n == 1 || n == 2 && kind == ExceptionDoublyGranted {
		e.Since = row.Grant.OpenedAt
	}
}
