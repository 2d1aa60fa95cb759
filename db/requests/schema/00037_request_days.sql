-- +goose Up
create table request_days (
    tenant_id     blob not null,
    connection_id blob not null,
    day           integer not null,
    outcome       text not null,
    requests      integer not null,
    last_at       text not null,
    last_why      text not null,
    primary key (tenant_id, connection_id, day, outcome)
) strict, without rowid;
