-- +goose Up
-- When a window of the connection was last ended before its time: of requests until
-- then no body is read, also one that was written afterwards.
alter table request_captures add column closed_at timestamptz;
