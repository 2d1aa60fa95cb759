-- +goose Up
-- The command line on the server lists the tenants. Its transaction says so with
-- a setting of its own; of nothing but this table does it see more than a tenant's.
create policy list on tenants for select using (current_setting('scimbridge.list', true) = 'tenants');

-- +goose Down
drop policy list on tenants;
