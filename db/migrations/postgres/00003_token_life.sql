-- +goose Up
-- What a token needs for its life: narrower uses, rotation, when it was used
-- last. The defaults are what a token was before it could have any of it, and
-- what a program of the version before still inserts. They cannot be set by an
-- update here: row-level security shows a migration no rows.
alter table tokens
    add column scopes       text not null default '["scim"]', -- a JSON array; of scim tokens only
    add column networks     text not null default '[]', -- a JSON array of CIDR blocks; empty: anywhere
    add column last_used_at timestamptz,
    add column warned_at    timestamptz, -- when an event last told that it expires soon
    add column replaced_by  uuid not null default '00000000-0000-0000-0000-000000000000'; -- zero: not rotated
