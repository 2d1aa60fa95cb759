-- +goose Up
-- The functions are PostgreSQL's.
--
-- How many links of a connection are not active has a total as well.
insert into link_totals
    select tenant_id, connection_id, 'inactive user_links', 0, count(*) from user_links where not active
    group by tenant_id, connection_id;
