-- +goose Up
-- How many requests of a connection had an outcome on a day (in days since 1970), and
-- the last of them: what the health of a connection is read from. It is written with
-- the requests.
create table request_days (
    tenant_id     uuid not null,
    connection_id uuid not null,
    day           bigint not null,
    outcome       text not null,
    requests      bigint not null,
    last_at       timestamptz not null,
    last_why      text not null,
    primary key (tenant_id, connection_id, day, outcome)
) with (fillfactor = 50);
alter table request_days enable row level security;
alter table request_days force row level security;
create policy tenant on request_days using (tenant_id = nullif(current_setting('scimbridge.tenant', true), '')::uuid);
