-- +goose Up
-- The tables of the other engine, in this one's types. Times are UTC with
-- microseconds, as text of one width (2026-01-02T03:04:05.000006Z), so that they
-- sort. Ids are the 16 bytes of a UUID. *_key columns hold the folded form of the
-- text beside them.
create table tenants (
    tenant_id  blob primary key,
    name       text not null,
    created_at text not null
) strict, without rowid;

create table connections (
    tenant_id           blob not null references tenants (tenant_id),
    id                  blob not null,
    name                text not null,
    idp                 text not null,
    link_existing_users integer not null,
    group_kind          text not null,
    cursor_key          blob not null, -- seals the cursors that the connection is given
    created_at          text not null,
    paused_at           text,
    primary key (tenant_id, id)
) strict, without rowid;

create table tokens (
    tenant_id     blob not null references tenants (tenant_id),
    id            blob not null,
    kind          text not null,
    name          text not null,
    connection_id blob not null, -- zero: a native credential
    permissions   text not null, -- a JSON array
    hash          blob not null, -- SHA-256 of the secret
    created_at    text not null,
    expires_at    text,
    revoked_at    text,
    primary key (tenant_id, id)
) strict, without rowid;

create table users (
    tenant_id     blob not null references tenants (tenant_id),
    id            blob not null,
    user_name     text not null,
    user_name_key text not null,
    email         text not null,
    email_key     text not null,
    name          text not null,
    origin        text not null,
    suspended     integer not null,
    deprovisioned integer not null,
    active        integer not null,
    created_at    text not null,
    updated_at    text not null,
    deleted_at    text, -- a tombstone: history still names the user
    primary key (tenant_id, id)
) strict, without rowid;
create unique index users_user_name on users (tenant_id, user_name_key) where deleted_at is null;
create index users_email on users (tenant_id, email_key) where deleted_at is null;

create table user_links (
    tenant_id     blob not null,
    connection_id blob not null,
    user_id       blob not null,
    external_id   text not null,
    user_name     text not null,
    user_name_key text not null,
    active        integer not null,
    email         text not null,
    name          text not null,
    attributes    text not null,
    version       integer not null,
    created_at    text not null,
    last_modified text not null,
    primary key (tenant_id, connection_id, user_id),
    foreign key (tenant_id, connection_id) references connections (tenant_id, id),
    foreign key (tenant_id, user_id) references users (tenant_id, id)
) strict;
create unique index user_links_user_name on user_links (tenant_id, user_name_key, connection_id);
create index user_links_external_id on user_links (tenant_id, external_id, connection_id);
create index user_links_user on user_links (tenant_id, user_id);
create index user_links_last_modified on user_links (tenant_id, last_modified, connection_id);

-- The addresses of a linked user, for lookups only.
create table user_link_emails (
    tenant_id     blob not null,
    connection_id blob not null,
    email_key     text not null,
    user_id       blob not null,
    primary key (tenant_id, connection_id, email_key, user_id),
    foreign key (tenant_id, connection_id, user_id)
        references user_links (tenant_id, connection_id, user_id) on delete cascade
) strict, without rowid;
create index user_link_emails_user on user_link_emails (tenant_id, connection_id, user_id);

create table groups (
    tenant_id        blob not null references tenants (tenant_id),
    id               blob not null,
    display_name     text not null,
    display_name_key text not null,
    kind             text not null,
    origin           text not null,
    created_at       text not null,
    updated_at       text not null,
    deleted_at       text,
    primary key (tenant_id, id)
) strict, without rowid;
create index groups_display_name on groups (tenant_id, display_name_key) where deleted_at is null;

create table group_links (
    tenant_id        blob not null,
    connection_id    blob not null,
    group_id         blob not null,
    external_id      text not null,
    display_name     text not null,
    display_name_key text not null,
    attributes       text not null,
    version          integer not null,
    created_at       text not null,
    last_modified    text not null,
    primary key (tenant_id, connection_id, group_id),
    foreign key (tenant_id, connection_id) references connections (tenant_id, id),
    foreign key (tenant_id, group_id) references groups (tenant_id, id)
) strict;
create unique index group_links_display_name on group_links (tenant_id, display_name_key, connection_id);
create index group_links_external_id on group_links (tenant_id, external_id, connection_id);
create index group_links_group on group_links (tenant_id, group_id);

-- Grants and events have no foreign keys: users and groups are never deleted,
-- only marked, and a check of its own for each row would cost more than the
-- rest of the write.
create table grants (
    tenant_id      blob not null,
    group_id       blob not null,
    user_id        blob not null,
    id             blob not null,
    connection_id  blob not null, -- zero: local
    member_since   text not null,
    opened_at      text not null,
    opened_by_kind text not null,
    opened_by_id   text not null,
    opened_request text not null,
    opened_reason  text not null,
    closed_at      text,
    closed_by_kind text,
    closed_by_id   text,
    closed_request text,
    closed_reason  text,
    primary key (tenant_id, group_id, user_id, id)
) strict, without rowid;
create unique index grants_open on grants (tenant_id, group_id, user_id, connection_id) where closed_at is null;
create index grants_open_user on grants (tenant_id, user_id) where closed_at is null;

create table events (
    tenant_id     blob not null,
    id            blob not null,
    at            text not null,
    actor_kind    text not null,
    actor_id      text not null,
    source        text not null,
    connection_id blob not null,
    action        text not null,
    group_id      blob not null,
    user_id       blob not null,
    before        text not null, -- JSON, or empty
    after         text not null,
    request_id    text not null,
    reason        text not null,
    primary key (tenant_id, at, id)
) strict, without rowid;
