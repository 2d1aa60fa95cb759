-- +goose Up
-- The tables of the other engine, in this one's types.
create table seal_logs (
    tenant_id  blob primary key,
    origin     text not null,
    public_key blob not null,
    size       integer not null,
    holder     text not null default '',
    held_until text,
    stopped    text not null default ''
) strict, without rowid;

create table seal_hashes (
    tenant_id blob not null,
    level     integer not null,
    first     integer not null,
    hashes    blob not null,
    primary key (tenant_id, level, first)
) strict;

create table seal_checkpoints (
    tenant_id blob not null,
    origin    text not null,
    size      integer not null,
    at        text not null,
    note      text not null,
    primary key (tenant_id, origin, size)
) strict, without rowid;

create table seal_receipts (
    tenant_id blob not null,
    origin    text not null,
    size      integer not null,
    anchor    text not null,
    at        text not null,
    lines     text not null,
    token     blob not null,
    primary key (tenant_id, origin, size, anchor)
) strict, without rowid;
