-- +goose Up
-- The request log of an embedded store is a file of its own: db/requests/schema.
select 1;
