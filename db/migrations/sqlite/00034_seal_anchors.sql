-- +goose Up
-- The tables of the other engine, in this one's types.
create table seal_anchors (
    tenant_id blob not null,
    anchor    text not null,
    origin    text not null default '',
    size      integer not null default 0,
    failures  integer not null default 0,
    next_at   text,
    primary key (tenant_id, anchor)
) strict, without rowid;

create index seal_time_stamps on seal_receipts (tenant_id, origin, size) where octet_length(token) > 0;
