-- +goose Up
-- How many users and groups are linked to a connection, so that no list counts
-- them. It is raised and lowered in the transaction that makes or ends links, at
-- its end. A row is for the transactions of some database connections only: those
-- of different ones need not wait for each other. The sum is the number.
create table link_totals (
    tenant_id     uuid not null,
    connection_id uuid not null,
    kind          text not null, -- user_links or group_links
    stripe        integer not null,
    links         bigint not null,
    primary key (tenant_id, connection_id, kind, stripe)
) with (fillfactor = 50);

-- Nobody links or unlinks meanwhile. Row-level security is for the owner of the
-- tables as well, and would show no links to a migration.
alter table user_links no force row level security;
alter table group_links no force row level security;
insert into link_totals
    select tenant_id, connection_id, 'user_links', 0, count(*) from user_links group by tenant_id, connection_id
    union all
    select tenant_id, connection_id, 'group_links', 0, count(*) from group_links group by tenant_id, connection_id;
alter table user_links force row level security;
alter table group_links force row level security;
alter table link_totals enable row level security;
alter table link_totals force row level security;
create policy tenant on link_totals using (tenant_id = nullif(current_setting('scimbridge.tenant', true), '')::uuid);

-- What lists ask for and few users are, in the order of the lists. An active user
-- of a provider is in none of them.
create index user_links_inactive on user_links (tenant_id, connection_id, user_id) where not active;
create index users_inactive on users (tenant_id, id) where not active and deleted_at is null;
create index users_local on users (tenant_id, id) where origin = 'local' and deleted_at is null;
