package db

import (
	"context"

	"github.com/scimbridge/scimbridge/membership"
)

const groupLinkColumns = `l.connection_id, l.group_id, l.external_id, l.display_name,
	l.attributes, l.version, l.created_at, l.last_modified`

func groupLinkDest(l *membership.GroupLink) []any {
	return []any{
		&l.Connection, &l.Group, &l.ExternalID, &l.DisplayName,
		&l.Attributes, &l.Version, (*stamp)(&l.CreatedAt), (*stamp)(&l.LastModified),
	}
}

const (
	qGroupLink = `select ` + groupLinkColumns + ` from group_links l
		where l.tenant_id = $1 and l.connection_id = $2 and l.group_id = $3` + liveConnection
	qGroupLinkByName = `select ` + groupLinkColumns + ` from group_links l
		where l.tenant_id = $1 and l.connection_id = $2 and l.display_name_key = $3
		order by l.name_rank`
	qLinksOfGroup = `select ` + groupLinkColumns + ` from group_links l {index group_links_group}
		where l.tenant_id = $1 and l.group_id = $2 order by l.connection_id`
)

func (s *session) groupLink(ctx context.Context, q string, args ...any) (membership.GroupLink, error) {
	l := membership.GroupLink{Tenant: s.tenant}
	err := s.one(ctx, "group", q, args, groupLinkDest(&l)...)
	return l, err
}

// GroupLink implements membership.Reader.
func (s *session) GroupLink(ctx context.Context, connection, group membership.ID) (membership.GroupLink, error) {
	return s.groupLink(ctx, qGroupLink, s.tenant, connection, group)
}

// GroupLinkByName implements membership.Reader.
func (s *session) GroupLinkByName(
	ctx context.Context, connection membership.ID, key string,
) (membership.GroupLink, error) {
	return s.groupLink(ctx, qGroupLinkByName, s.tenant, connection, key)
}

func (s *session) groupLinks(ctx context.Context, q string, args ...any) ([]membership.GroupLink, error) {
	return list(ctx, s, q, args, func(l *membership.GroupLink) []any {
		l.Tenant = s.tenant
		return groupLinkDest(l)
	})
}

const qGroupsLinked = `select l.group_id from group_links l where l.tenant_id = $1 and l.connection_id = $2
	order by l.group_id limit $3`

// GroupsLinked implements membership.Reader.
func (s *session) GroupsLinked(ctx context.Context, connection membership.ID, limit int) ([]membership.ID, error) {
	return s.ids(ctx, qGroupsLinked, s.tenant, connection, limit)
}

// LinksOfGroup implements membership.Reader.
func (s *session) LinksOfGroup(ctx context.Context, group membership.ID) ([]membership.GroupLink, error) {
	return s.groupLinks(ctx, qLinksOfGroup, s.tenant, group)
}

const qInsertGroupLink = `insert into group_links (tenant_id, connection_id, group_id, external_id,
		display_name, display_name_key, attributes, version, created_at, last_modified)
	values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`

// InsertGroupLink implements membership.Tx.
func (s *session) InsertGroupLink(ctx context.Context, l membership.GroupLink) error {
	s.linked(l.Connection, groupLinkTable, 1)
	return s.execLater(ctx, qInsertGroupLink, s.tenant, l.Connection, l.Group, l.ExternalID,
		l.DisplayName, membership.Fold(l.DisplayName), string(l.Attributes), l.Version,
		stamp(l.CreatedAt), stamp(l.LastModified))
}

const qUpdateGroupLink = `update group_links set external_id = $4, display_name = $5, display_name_key = $6,
		name_rank = case when display_name_key = $6 then name_rank else 0 end,
		attributes = $7, version = $8, last_modified = $9
	where tenant_id = $1 and connection_id = $2 and group_id = $3`

// UpdateGroupLink implements membership.Tx.
func (s *session) UpdateGroupLink(ctx context.Context, l membership.GroupLink) error {
	return s.changed(ctx, "group", qUpdateGroupLink, s.tenant, l.Connection, l.Group, l.ExternalID,
		l.DisplayName, membership.Fold(l.DisplayName), string(l.Attributes), l.Version, stamp(l.LastModified))
}

const qDeleteGroupLink = `delete from group_links where tenant_id = $1 and connection_id = $2 and group_id = $3`

// DeleteGroupLink implements membership.Tx.
func (s *session) DeleteGroupLink(ctx context.Context, connection, group membership.ID) error {
	if err := s.execLater(ctx, qNoteEndedGroup, s.tenant, connection, group); err != nil {
		return err
	}
	n, err := s.exec(ctx, qDeleteGroupLink, s.tenant, connection, group)
	s.linked(connection, groupLinkTable, -n)
	if err == nil && n == 0 {
		return membership.NotFound("group")
	}
	return err
}
