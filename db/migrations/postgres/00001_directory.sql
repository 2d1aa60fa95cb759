-- +goose Up
-- Every key begins with tenant_id, so that no query crosses tenants by accident
-- and the tables can be distributed by tenant as they are. Times are UTC with
-- microseconds. *_key columns hold the folded form of the text beside them.
-- JSON is kept as text: jsonb would reorder what was written.
create table tenants (
    tenant_id  uuid primary key,
    name       text not null,
    created_at timestamptz not null
);

create table connections (
    tenant_id           uuid not null references tenants,
    id                  uuid not null,
    name                text not null,
    idp                 text not null,
    link_existing_users boolean not null,
    group_kind          text not null,
    cursor_key          bytea not null, -- seals the cursors that the connection is given
    created_at          timestamptz not null,
    paused_at           timestamptz,
    primary key (tenant_id, id)
);

create table tokens (
    tenant_id     uuid not null references tenants,
    id            uuid not null,
    kind          text not null,
    name          text not null,
    connection_id uuid not null, -- zero: a native credential
    permissions   text not null, -- a JSON array
    hash          bytea not null, -- SHA-256 of the secret
    created_at    timestamptz not null,
    expires_at    timestamptz,
    revoked_at    timestamptz,
    primary key (tenant_id, id)
);

create table users (
    tenant_id     uuid not null references tenants,
    id            uuid not null,
    user_name     text not null,
    user_name_key text collate "C" not null,
    email         text not null,
    email_key     text collate "C" not null,
    name          text not null,
    origin        text not null,
    suspended     boolean not null,
    deprovisioned boolean not null,
    active        boolean not null,
    created_at    timestamptz not null,
    updated_at    timestamptz not null,
    deleted_at    timestamptz, -- a tombstone: history still names the user
    primary key (tenant_id, id)
);
create unique index users_user_name on users (tenant_id, user_name_key) where deleted_at is null;
create index users_email on users (tenant_id, email_key) where deleted_at is null;

create table user_links (
    tenant_id     uuid not null,
    connection_id uuid not null,
    user_id       uuid not null,
    external_id   text collate "C" not null,
    user_name     text not null,
    user_name_key text collate "C" not null,
    active        boolean not null,
    email         text not null,
    name          text not null,
    attributes    text not null,
    version       bigint not null,
    created_at    timestamptz not null,
    last_modified timestamptz not null,
    primary key (tenant_id, connection_id, user_id),
    foreign key (tenant_id, connection_id) references connections (tenant_id, id),
    foreign key (tenant_id, user_id) references users (tenant_id, id)
);
-- connection_id comes last: otherwise a table without statistics, such as one in
-- its first import, is searched by any of these where the primary key was meant.
create unique index user_links_user_name on user_links (tenant_id, user_name_key, connection_id);
create index user_links_external_id on user_links (tenant_id, external_id, connection_id);
create index user_links_user on user_links (tenant_id, user_id);
create index user_links_last_modified on user_links (tenant_id, last_modified, connection_id);

-- The addresses of a linked user, for lookups only.
create table user_link_emails (
    tenant_id     uuid not null,
    connection_id uuid not null,
    email_key     text collate "C" not null,
    user_id       uuid not null,
    primary key (tenant_id, connection_id, email_key, user_id),
    foreign key (tenant_id, connection_id, user_id)
        references user_links (tenant_id, connection_id, user_id) on delete cascade
);
create index user_link_emails_user on user_link_emails (tenant_id, connection_id, user_id);

create table groups (
    tenant_id        uuid not null references tenants,
    id               uuid not null,
    display_name     text not null,
    display_name_key text collate "C" not null,
    kind             text not null,
    origin           text not null,
    created_at       timestamptz not null,
    updated_at       timestamptz not null,
    deleted_at       timestamptz,
    primary key (tenant_id, id)
);
create index groups_display_name on groups (tenant_id, display_name_key) where deleted_at is null;

-- The version is raised by every change of members: fillfactor leaves room to
-- do that within the page, and an index on last_modified would prevent it.
create table group_links (
    tenant_id        uuid not null,
    connection_id    uuid not null,
    group_id         uuid not null,
    external_id      text collate "C" not null,
    display_name     text not null,
    display_name_key text collate "C" not null,
    attributes       text not null,
    version          bigint not null,
    created_at       timestamptz not null,
    last_modified    timestamptz not null,
    primary key (tenant_id, connection_id, group_id),
    foreign key (tenant_id, connection_id) references connections (tenant_id, id),
    foreign key (tenant_id, group_id) references groups (tenant_id, id)
) with (fillfactor = 70);
create unique index group_links_display_name on group_links (tenant_id, display_name_key, connection_id);
create index group_links_external_id on group_links (tenant_id, external_id, connection_id);
create index group_links_group on group_links (tenant_id, group_id);

-- Grants and events have no foreign keys: users and groups are never deleted,
-- only marked, and a check of its own for each row would cost more than the
-- rest of the write.
create table grants (
    tenant_id      uuid not null,
    group_id       uuid not null,
    user_id        uuid not null,
    id             uuid not null,
    connection_id  uuid not null, -- zero: local
    member_since   timestamptz not null,
    opened_at      timestamptz not null,
    opened_by_kind text not null,
    opened_by_id   text not null,
    opened_request text not null,
    opened_reason  text not null,
    closed_at      timestamptz,
    closed_by_kind text,
    closed_by_id   text,
    closed_request text,
    closed_reason  text,
    primary key (tenant_id, group_id, user_id, id)
);
create unique index grants_open on grants (tenant_id, group_id, user_id, connection_id) where closed_at is null;
create index grants_open_user on grants (tenant_id, user_id) where closed_at is null;

create table events (
    tenant_id     uuid not null,
    id            uuid not null,
    at            timestamptz not null,
    actor_kind    text not null,
    actor_id      text not null,
    source        text not null,
    connection_id uuid not null,
    action        text not null,
    group_id      uuid not null,
    user_id       uuid not null,
    before        text not null, -- JSON, or empty
    after         text not null,
    request_id    text not null,
    reason        text not null,
    primary key (tenant_id, at, id)
);

-- The second wall: whatever a statement forgets, it sees one tenant. Without
-- the setting it sees nothing.
-- +goose StatementBegin
do $$
declare t text;
begin
    foreach t in array array['tenants', 'connections', 'tokens', 'users', 'user_links', 'user_link_emails',
                             'groups', 'group_links', 'grants', 'events'] loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
        execute format('create policy tenant on %I using (tenant_id = nullif(current_setting(%L, true), %L)::uuid)',
                       t, 'scimbridge.tenant', '');
    end loop;
end $$;
-- +goose StatementEnd
