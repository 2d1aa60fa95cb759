-- +goose Up
-- How many users and groups are linked to a connection, so that no list counts
-- them. It is raised and lowered in the transaction that makes or ends links.
create table link_totals (
    tenant_id     blob not null,
    connection_id blob not null,
    kind          text not null, -- user_links or group_links
    stripe        integer not null, -- 0: there is one writer
    links         integer not null,
    primary key (tenant_id, connection_id, kind, stripe)
) strict, without rowid;

insert into link_totals
    select tenant_id, connection_id, 'user_links', 0, count(*) from user_links group by tenant_id, connection_id
    union all
    select tenant_id, connection_id, 'group_links', 0, count(*) from group_links group by tenant_id, connection_id;

-- What lists ask for and few users are, in the order of the lists. An active user
-- of a provider is in none of them.
create index user_links_inactive on user_links (tenant_id, connection_id, user_id) where not active;
create index users_inactive on users (tenant_id, id) where not active and deleted_at is null;
create index users_local on users (tenant_id, id) where origin = 'local' and deleted_at is null;
