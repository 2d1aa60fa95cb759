-- +goose Up
-- How often credentials of a tenant were changed, or the connections that they are of:
-- what a server keeps of them is as old as this number says.
alter table tenants add column credential_version bigint not null default 0;
