-- +goose Up
-- Local grants that end (docs/decisions/0043). From the second of its end on a grant
-- is closed to every read, although its row is here until the job closes it.
alter table grants add column expires_at integer; -- of a local grant that ends
alter table grants add column notice_at integer; -- when the notice of its end is due; null: none is, or it was given
create index grants_ending on grants (tenant_id, expires_at) where expires_at is not null;
create index grants_to_notice on grants (tenant_id, notice_at) where notice_at is not null;

-- What the end of a grant was set to, and when: a register shows it as it was known.
create table grant_ends (
    tenant_id  blob not null,
    grant_id   blob not null,
    set_at     integer not null,
    expires_at integer, -- null: none any more
    primary key (tenant_id, grant_id, set_at)
) strict, without rowid;

-- The time of a tenant, as its ends know it: whatever ends at passed_at or before has
-- ended, for good. A tenant without a row has never had an end.
create table grant_clocks (
    tenant_id blob primary key,
    passed_at integer not null,
    work_at   integer -- when there is something to close or to give notice of; null: never
) strict, without rowid;

-- What a group asks of the ends of its local grants.
alter table groups add column max_grant_seconds integer not null default 0; -- 0: they may live for ever
alter table groups add column grants_must_end integer not null default 0;

-- To a program of before, an access that has ended would be there until it is closed.
update oldest_program set schema = 48;
