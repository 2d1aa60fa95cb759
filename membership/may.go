package membership

import (
	"context"
	"errors"
)

// May returns nil if a call may do an operation, or else why not (KindForbidden),
// without doing it: nothing was attempted, so nothing is recorded. It is for pages that
// show a person what there is for them to do. Group and user may be zero; where the
// policy wants to see each user, and none is named, the answer is nil.
func (d *Directory) May(ctx context.Context, call Call, op Operation, group, user ID) error {
	q := Question{Call: call, Operation: op, Group: group, User: user}
	err := d.authorize(ctx, q)
	if errors.Is(err, ErrUndecided) && (!group.IsZero() || !user.IsZero()) {
		err = d.store.Read(ctx, call.Tenant, func(r Reader) error { return d.authorizeReading(ctx, r, q) })
	}
	if errors.Is(err, ErrUndecided) {
		return nil
	}
	return err
}
