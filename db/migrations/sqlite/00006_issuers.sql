-- +goose Up
-- The tables of the other engine, in this one's types.
create table issuers (
    tenant_id         blob not null references tenants,
    id                blob not null,
    issuer            text not null,
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
    max_age_seconds   integer not null,
    created_at        text not null,
    updated_at        text not null,
    primary key (tenant_id, id)
) strict, without rowid;
create unique index issuers_issuer on issuers (tenant_id, issuer);

alter table tenants add column issuer_version integer not null default 0;

-- Whom an API token stands for. The defaults are what one was before.
alter table tokens add column principal text not null default 'user'; -- user, agent or service; of api tokens only
alter table tokens add column roles text not null default '[]'; -- a JSON array; of api tokens only
