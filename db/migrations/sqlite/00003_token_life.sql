-- +goose Up
-- What a token needs for its life: narrower uses, rotation, when it was used
-- last. The defaults are what a token was before it could have any of it, and
-- what a program of the version before still inserts.
alter table tokens add column scopes text not null default '["scim"]'; -- a JSON array; of scim tokens only
alter table tokens add column networks text not null default '[]'; -- a JSON array of CIDR blocks; empty: anywhere
alter table tokens add column last_used_at text;
alter table tokens add column warned_at text; -- when an event last told that it expires soon
alter table tokens add column replaced_by blob not null default x'00000000000000000000000000000000'; -- zero: not rotated
