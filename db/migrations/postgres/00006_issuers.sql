-- +goose Up
-- The issuers whose JWTs a tenant takes as credentials of its native doors.
-- issuer_version grows with every change of them, as policy_version does.
create table issuers (
    tenant_id         uuid not null references tenants,
    id                uuid not null,
    issuer            text collate "C" not null,
    audiences         text not null, -- a JSON array
    jwks              text not null, -- a JSON Web Key Set; empty: it is at jwks_uri
    jwks_uri          text not null,
    tenant_claim      text not null,
    tenant_value      text not null, -- empty: the id of the tenant
    principal_claim   text not null, -- empty, here and below: the default claims
    permissions_claim text not null,
    roles_claim       text not null,
    default_principal text not null,
    permissions       text not null, -- a JSON array: the most that its JWTs can carry
    max_age_seconds   bigint not null,
    created_at        timestamptz not null,
    updated_at        timestamptz not null,
    primary key (tenant_id, id)
);
create unique index issuers_issuer on issuers (tenant_id, issuer);
alter table issuers enable row level security;
alter table issuers force row level security;
create policy tenant on issuers using (tenant_id = nullif(current_setting('scimbridge.tenant', true), '')::uuid);

alter table tenants add column issuer_version bigint not null default 0;

-- Whom an API token stands for. The defaults are what one was before.
alter table tokens
    add column principal text not null default 'user', -- user, agent or service; of api tokens only
    add column roles     text not null default '[]'; -- a JSON array; of api tokens only
