-- +goose Up
-- How long the last attempt of a delivery took, and those before it: a JSON array, the first
-- one first, a hundred at most.
alter table webhook_deliveries add column duration_us integer not null default 0; -- microseconds
alter table webhook_deliveries add column earlier text not null default '[]';
