package membership

import (
	"context"
	"iter"
)

// RegisterReader reads reports of grants, on the snapshot of the transaction.
type RegisterReader interface {
	// Register streams the grants that were open at a time, ordered by group (in the
	// order in which they were made), user and when they were opened. What was deleted
	// is in it.
	Register(ctx context.Context, q RegisterQuery) iter.Seq2[RegisterRow, error]
	// RegisterPage is a part of that, behind q.After: about limit rows, as it ends with the
	// last grant of a member, or less where few grants among very many are what is asked for.
	RegisterPage(ctx context.Context, q RegisterQuery, limit int) (RegisterPage, error)
	// ExceptionalGrants streams the open grants that make exceptions of after's
	// kind, of at most limit (0: all) members behind after: those of one member one
	// after another, the oldest first, the members by group and user, or by user and
	// group where the kind is one of users.
	ExceptionalGrants(ctx context.Context, after ExceptionCursor, limit int) iter.Seq2[RegisterRow, error]
}
