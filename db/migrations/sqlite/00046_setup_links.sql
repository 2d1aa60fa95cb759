-- +goose Up
-- Links by which a person without any other credential sets up one connection, and the
-- browsers that are signed in by them.
create table setup_links (
    tenant_id     blob not null references tenants,
    id            blob not null,
    connection_id blob not null,
    abilities     text not null, -- a JSON array
    hash          blob not null, -- SHA-256 of the secret
    created_by    text not null,
    created_at    text not null,
    expires_at    text not null,
    last_used_at  text,
    done_at       text,
    revoked_at    text,
    token_id      blob not null, -- what was made by it; zero: nothing
    client_id     blob not null,
    made          integer not null,
    primary key (tenant_id, id),
    foreign key (tenant_id, connection_id) references connections (tenant_id, id)
) strict, without rowid;
create index setup_links_connection on setup_links (tenant_id, connection_id);

create table setup_sessions (
    tenant_id  blob not null references tenants,
    id         blob not null,
    link_id    blob not null,
    hash       blob not null, -- SHA-256 of the secret
    created_at text not null,
    expires_at text not null,
    primary key (tenant_id, id),
    foreign key (tenant_id, link_id) references setup_links (tenant_id, id) on delete cascade
) strict, without rowid;
create index setup_sessions_link on setup_sessions (tenant_id, link_id, created_at);
