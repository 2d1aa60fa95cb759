-- +goose Up
-- OAuth clients: identity providers that fetch short-lived access tokens, which
-- are rows of tokens with the client's id.
create table oauth_clients (
    tenant_id        uuid not null references tenants,
    id               uuid not null,
    connection_id    uuid not null,
    auth_method      text not null,
    jwks             text not null, -- empty: none
    jwks_uri         text not null, -- empty: none
    issuer           text not null, -- empty: the client itself
    subject          text not null, -- empty: the client itself
    audience         text not null, -- empty: this server
    reuse_assertions boolean not null, -- an assertion may be used again until it expires
    scopes           text not null, -- a JSON array
    token_lifetime   bigint not null, -- of its access tokens, in seconds
    created_at       timestamptz not null,
    last_used_at     timestamptz, -- when it was given an access token
    refused_at       timestamptz, -- when an event last told of a refused attempt
    revoked_at       timestamptz,
    primary key (tenant_id, id),
    foreign key (tenant_id, connection_id) references connections (tenant_id, id)
);
create index oauth_clients_connection on oauth_clients (tenant_id, connection_id);

create table oauth_secrets (
    tenant_id    uuid not null references tenants,
    client_id    uuid not null,
    id           uuid not null,
    hash         bytea not null, -- SHA-256 of the secret
    created_at   timestamptz not null,
    expires_at   timestamptz not null,
    last_used_at timestamptz,
    revoked_at   timestamptz,
    primary key (tenant_id, client_id, id),
    foreign key (tenant_id, client_id) references oauth_clients (tenant_id, id)
);

-- Assertions that were used, until they expire: none is taken twice.
create table oauth_assertions (
    tenant_id  uuid not null references tenants,
    hash       bytea not null, -- SHA-256 of issuer and jti
    expires_at timestamptz not null,
    primary key (tenant_id, hash)
);
create index oauth_assertions_expired on oauth_assertions (tenant_id, expires_at);

-- +goose StatementBegin
do $$
declare
    t text;
begin
    foreach t in array array['oauth_clients', 'oauth_secrets', 'oauth_assertions'] loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
        execute format('create policy tenant on %I using (tenant_id = nullif(current_setting(%L, true), %L)::uuid)',
                       t, 'scimbridge.tenant', '');
    end loop;
end $$;
-- +goose StatementEnd

alter table tokens
    add column client_id uuid not null default '00000000-0000-0000-0000-000000000000'; -- zero: no access token of a client
create index tokens_client on tokens (tenant_id, client_id, expires_at);
