-- +goose Up
-- The windows in which whole bodies of requests are kept: one of a connection. The
-- bodies are in the file of the request log: db/requests/schema.
create table request_captures (
    tenant_id     blob not null references tenants,
    connection_id blob not null,
    id            blob not null,
    opened_by     text not null,
    opened_at     text not null,
    ends_at       text not null,
    primary key (tenant_id, connection_id)
) strict, without rowid;
