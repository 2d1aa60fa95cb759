-- +goose Up
-- Whole bodies, encrypted with a key that is not in the database.
create table request_bodies (
    tenant_id     blob not null,
    id            blob not null, -- of the request
    connection_id blob not null,
    until         text not null, -- it is removed then
    size          integer not null, -- of the box
    box           blob not null,
    primary key (tenant_id, id)
) strict, without rowid;
