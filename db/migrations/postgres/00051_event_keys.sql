-- +goose Up
-- What finds events takes half as much. The events of a user and of a group are found
-- by a hash of the id: two numbers of eight bytes are all that an entry has, and pages
-- of such entries are split where they grow, at the end of a user, so that they are
-- full. Hash indexes and partitions stand on the same function, so it does not change.
--
-- Every event is written again for its number, and so were its entries in the index of
-- positions. Now each is in one of two: of those without a number, which empties itself,
-- or of those with one. Without a primary key the table says how its rows are told apart.
alter table events
    add column user_key  bigint generated always as (uuid_hash_extended(user_id, 0)) stored,
    add column group_key bigint generated always as (uuid_hash_extended(group_id, 0)) stored;
drop index events_by_user;
drop index events_by_group;
create index events_by_user on events (user_key, number) where number is not null and user_key is not null;
create index events_by_group on events (group_key, number) where number is not null and group_key is not null;

drop index events_waiting;
create unique index events_waiting on events (tenant_id, position) where number is null;
-- position is never 0: only what looks for positions says so, and a planner without
-- statistics takes the index for nothing else.
create unique index events_by_position on events (tenant_id, position) with (fillfactor = 100)
    where number is not null and position <> 0;
alter index events_by_number set (fillfactor = 100);
alter table events drop constraint events_pkey;
alter table events replica identity full;
