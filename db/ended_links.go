package db

import "context"

// Grants are closed before the link ends that they were given under, and before their
// user is deleted. Where some were left open all the same, ended_links has the group
// or the user: exceptions are looked for there, not among all grants.
const (
	noteEnded       = `insert into ended_links (tenant_id, group_no, user_id) `
	ifNew           = ` on conflict do nothing`
	qNoteEndedGroup = noteEnded + `select l.tenant_id, o.no, {no id}
		from group_links l join groups o on o.tenant_id = $1 and o.id = l.group_id
		where l.tenant_id = $1 and l.connection_id = $2 and l.group_id = $3 and l.members > 0` + ifNew
	noteEndedUser = noteEnded + `select g.tenant_id, 0, g.user_id from grants g {index grants_of_user}
		where g.tenant_id = $1 and g.user_id = $2`
	qNoteEndedUser     = noteEndedUser + ifNew
	qNoteEndedUserLink = noteEndedUser + ` and g.connection_no = ` + noOfConnection + `$3)` + ifNew
)

// Of a store that did not have the table.
const (
	qNoteEndedGroups = noteEnded + `select g.tenant_id, g.group_no, {no id} from (
			select distinct x.tenant_id, x.group_no, x.connection_no from grants x
				where x.tenant_id = $1 and x.connection_no <> 0) g
		{lookup groups o on o.tenant_id = $1 and o.no = g.group_no}
		{maybe connections c on c.tenant_id = $1 and c.no = g.connection_no}
		where ` + abandoned + ifNew
	qNoteEndedUsers = noteEnded + `select g.tenant_id, 0, g.user_id from (
			select distinct x.tenant_id, x.user_id, x.connection_no from grants x {index grants_of_user}
				where x.tenant_id = $1) g
		{maybe users u on u.tenant_id = $1 and u.id = g.user_id}
		{maybe connections c on c.tenant_id = $1 and c.no = g.connection_no}
		{maybe user_links l on l.tenant_id = $1 and l.connection_id = c.id and l.user_id = g.user_id}
		where u.id is null or u.deleted_at is not null or g.connection_no <> 0 and l.user_id is null` + ifNew
)

// noteEndedLinks looks at all open grants.
func (s *session) noteEndedLinks(ctx context.Context) error {
	for _, q := range []string{qNoteEndedGroups, qNoteEndedUsers} {
		if _, err := s.exec(ctx, q, s.tenant); err != nil {
			return err
		}
	}
	return nil
}
