-- +goose Up
-- It is in the file of the request log: db/requests/schema.
select 1;
