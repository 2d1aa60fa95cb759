-- +goose Up
-- Links by which a person without any other credential sets up one connection, and the
-- browsers that are signed in by them.
create table setup_links (
    tenant_id     uuid not null references tenants,
    id            uuid not null,
    connection_id uuid not null,
    abilities     text not null, -- a JSON array
    hash          bytea not null, -- SHA-256 of the secret
    created_by    text not null,
    created_at    timestamptz not null,
    expires_at    timestamptz not null,
    last_used_at  timestamptz,
    done_at       timestamptz,
    revoked_at    timestamptz,
    token_id      uuid not null, -- what was made by it; zero: nothing
    client_id     uuid not null,
    made          integer not null,
    primary key (tenant_id, id),
    foreign key (tenant_id, connection_id) references connections (tenant_id, id)
);
create index setup_links_connection on setup_links (tenant_id, connection_id);

create table setup_sessions (
    tenant_id  uuid not null references tenants,
    id         uuid not null,
    link_id    uuid not null,
    hash       bytea not null, -- SHA-256 of the secret
    created_at timestamptz not null,
    expires_at timestamptz not null,
    primary key (tenant_id, id),
    foreign key (tenant_id, link_id) references setup_links (tenant_id, id) on delete cascade
);
create index setup_sessions_link on setup_sessions (tenant_id, link_id, created_at);

alter table setup_links enable row level security;
alter table setup_links force row level security;
create policy tenant on setup_links using (tenant_id = nullif(current_setting('scimbridge.tenant', true), '')::uuid);
alter table setup_sessions enable row level security;
alter table setup_sessions force row level security;
create policy tenant on setup_sessions using (tenant_id = nullif(current_setting('scimbridge.tenant', true), '')::uuid);
