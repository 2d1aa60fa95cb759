-- +goose Up
-- They are in the file of the request log: db/requests/schema.
select 1;
