-- +goose Up
-- The end of a connection: when its credentials died, and what became of its
-- grants after that (empty: nothing yet).
alter table connections
    add column removed_at timestamptz,
    add column removal    text not null default ''; -- release, convert or freeze

-- The version at which a link was frozen: what would raise it fails, also when
-- it comes from a request that was let in before, or a server of the version
-- before.
alter table group_links
    add column frozen_version bigint,
    add constraint group_links_frozen check (frozen_version is null or version = frozen_version);
