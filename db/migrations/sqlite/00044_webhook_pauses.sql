-- +goose Up
-- Until when a webhook is let alone, as its receiver asked for or as it failed. Who
-- changes the webhook or sends its deliveries again ends that; held_until is the lease
-- of the server that sends to it, and nothing else.
alter table webhooks add column paused_until text;
