-- +goose Up
-- PostgreSQL needs a policy for the list of tenants. Nothing is done here: both
-- engines have the same number.
select 1;

-- +goose Down
select 1;
