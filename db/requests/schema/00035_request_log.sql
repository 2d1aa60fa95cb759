-- +goose Up
-- The tables of the other engine, in this one's types. They are in a file of their
-- own, so that no change of the store waits for them.
create table request_classes (
    tenant_id     blob not null,
    class         integer not null,
    connection_id blob not null,
    operation     text not null,
    status        integer not null,
    scim_type     text not null,
    outcome       text not null,
    primary key (tenant_id, class)
) strict, without rowid;

create table requests (
    tenant_id blob not null,
    id        blob not null,
    class     integer not null,
    keys      blob not null,
    body      text not null,
    primary key (tenant_id, id)
) strict, without rowid;
create index requests_by_class on requests (tenant_id, class, id);

create table request_keys (
    tenant_id blob not null,
    key       blob not null,
    id        blob not null,
    class     integer not null,
    primary key (tenant_id, key, id)
) strict, without rowid;
