-- +goose Up
-- A stream of security event tokens is a webhook: a place in the log. Its state is never
-- active: servers of the version before this one leave it alone.
alter table webhooks add column requested text not null default '[]'; -- the event types that its receiver wants
alter table webhooks add column description text not null default '';
alter table webhooks add column verified_at timestamptz; -- when a verification event was asked for
alter table webhook_deliveries add column taken integer not null default 0; -- which of an event's tokens, a bit each
