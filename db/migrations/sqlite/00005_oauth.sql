-- +goose Up
-- The tables of the other engine, in this one's types.
create table oauth_clients (
    tenant_id        blob not null references tenants,
    id               blob not null,
    connection_id    blob not null,
    auth_method      text not null,
    jwks             text not null, -- empty: none
    jwks_uri         text not null, -- empty: none
    issuer           text not null, -- empty: the client itself
    subject          text not null, -- empty: the client itself
    audience         text not null, -- empty: this server
    reuse_assertions integer not null, -- an assertion may be used again until it expires
    scopes           text not null, -- a JSON array
    token_lifetime   integer not null, -- of its access tokens, in seconds
    created_at       text not null,
    last_used_at     text, -- when it was given an access token
    refused_at       text, -- when an event last told of a refused attempt
    revoked_at       text,
    primary key (tenant_id, id),
    foreign key (tenant_id, connection_id) references connections (tenant_id, id)
) strict, without rowid;
create index oauth_clients_connection on oauth_clients (tenant_id, connection_id);

create table oauth_secrets (
    tenant_id    blob not null references tenants,
    client_id    blob not null,
    id           blob not null,
    hash         blob not null, -- SHA-256 of the secret
    created_at   text not null,
    expires_at   text not null,
    last_used_at text,
    revoked_at   text,
    primary key (tenant_id, client_id, id),
    foreign key (tenant_id, client_id) references oauth_clients (tenant_id, id)
) strict, without rowid;

-- Assertions that were used, until they expire: none is taken twice.
create table oauth_assertions (
    tenant_id  blob not null references tenants,
    hash       blob not null, -- SHA-256 of issuer and jti
    expires_at text not null,
    primary key (tenant_id, hash)
) strict, without rowid;
create index oauth_assertions_expired on oauth_assertions (tenant_id, expires_at);

alter table tokens add column client_id blob not null default x'00000000000000000000000000000000'; -- zero: no access token of a client
create index tokens_client on tokens (tenant_id, client_id, expires_at);
