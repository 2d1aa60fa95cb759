-- +goose Up
-- The end of a connection: when its credentials died, and what became of its
-- grants after that (empty: nothing yet).
alter table connections add column removed_at text;
alter table connections add column removal text not null default ''; -- release, convert or freeze

-- The version at which a link was frozen: what would raise it fails.
alter table group_links add column frozen_version integer
    constraint group_links_frozen check (frozen_version is null or version = frozen_version);
