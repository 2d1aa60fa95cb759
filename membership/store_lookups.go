package membership

import "context"

// Lookups read what one key names in a connection's view. They are the most frequent
// questions, so each costs one round trip, which those of the same moment share. An
// answer is from one snapshot.
type Lookups interface {
	// LookUpUser returns a user with the groups that the connection put them into. Like
	// Reader.UserLink it finds nothing once the connection is removed.
	LookUpUser(ctx context.Context, tenant, connection, user ID) (ProvisionedUser, error)
	// LookUpUsersNamed returns those who have a folded userName: one, but for names that
	// were not the same when they were given.
	LookUpUsersNamed(ctx context.Context, tenant, connection ID, key string) ([]ProvisionedUser, error)
	// LookUpGroupLink is Reader.GroupLink.
	LookUpGroupLink(ctx context.Context, tenant, connection, group ID) (GroupLink, error)
}
