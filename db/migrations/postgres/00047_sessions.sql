-- +goose Up
-- The logins of people at the console: who has one, and with what it began and ends.
create table sessions (
    tenant_id   uuid not null references tenants,
    id          uuid not null,
    hash        bytea not null, -- SHA-256 of the secret in the cookie
    token_id    uuid not null, -- the API token that it began with; zero: a JWT
    issuer_id   uuid not null, -- of the JWT; zero: a token
    issuer_at   timestamptz, -- when the issuer had last been changed
    actor_kind  text not null,
    actor_id    text not null,
    permissions text not null, -- JSON arrays, of the JWT
    roles       text not null,
    created_at  timestamptz not null,
    expires_at  timestamptz not null,
    primary key (tenant_id, id)
);
create index sessions_of_actor on sessions (tenant_id, actor_kind, actor_id, id);
create index sessions_expired on sessions (tenant_id, expires_at);

alter table sessions enable row level security;
alter table sessions force row level security;
create policy tenant on sessions using (tenant_id = nullif(current_setting('scimbridge.tenant', true), '')::uuid);
