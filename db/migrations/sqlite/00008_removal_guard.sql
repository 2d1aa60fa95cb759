-- +goose Up
-- The tables of the other engine, in this one's types.
create table removal_windows (
    tenant_id     blob not null,
    connection_id blob not null,
    group_id      blob not null,
    recent        text not null,
    primary key (tenant_id, connection_id, group_id),
    foreign key (tenant_id, connection_id) references connections (tenant_id, id) on delete cascade
) strict, without rowid;

create table removal_allowances (
    tenant_id     blob not null,
    connection_id blob not null,
    id            blob not null,
    group_id      blob not null,
    allowed_by    text not null,
    reason        text not null,
    created_at    text not null,
    expires_at    text not null,
    primary key (tenant_id, connection_id, id),
    foreign key (tenant_id, connection_id) references connections (tenant_id, id) on delete cascade
) strict, without rowid;
