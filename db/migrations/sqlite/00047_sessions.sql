-- +goose Up
-- The logins of people at the console: who has one, and with what it began and ends.
create table sessions (
    tenant_id   blob not null references tenants,
    id          blob not null,
    hash        blob not null, -- SHA-256 of the secret in the cookie
    token_id    blob not null, -- the API token that it began with; zero: a JWT
    issuer_id   blob not null, -- of the JWT; zero: a token
    issuer_at   text, -- when the issuer had last been changed
    actor_kind  text not null,
    actor_id    text not null,
    permissions text not null, -- JSON arrays, of the JWT
    roles       text not null,
    created_at  text not null,
    expires_at  text not null,
    primary key (tenant_id, id)
) strict, without rowid;
create index sessions_of_actor on sessions (tenant_id, actor_kind, actor_id, id);
create index sessions_expired on sessions (tenant_id, expires_at);
