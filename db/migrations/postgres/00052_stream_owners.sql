-- +goose Up
-- A stream is of the receiver that made it: of its token, and what that was rotated to, or
-- of the subject of its JWT. Empty: of no receiver.
alter table webhooks add column owner text not null default '';
alter table tokens add column first_id uuid not null default '00000000-0000-0000-0000-000000000000'; -- what rotations made it of; zero: none did
