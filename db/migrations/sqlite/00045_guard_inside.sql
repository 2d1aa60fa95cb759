-- +goose Up
-- The function is PostgreSQL's.
select 1;
