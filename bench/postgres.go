package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/url"

	"github.com/jackc/pgx/v5"
)

// role is what servers connect as: no superuser, so that row-level security holds
// and costs what it costs in production.
const role = "scimbridge_bench"

// postgres is a PostgreSQL server, as somebody who may create databases.
type postgres struct {
	url        *url.URL
	describe   string
	postmaster int // its process; 0 if it does not run here
}

func openPostgres(ctx context.Context, address string) (*postgres, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("%s is no URL", databaseURL) // it may hold a password
	}
	p := &postgres{url: u}
	c, err := pgx.Connect(ctx, address)
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close(ctx) }()
	var version, fsync, commit string
	var backend int
	err = c.QueryRow(ctx, `select current_setting('server_version'), current_setting('fsync'),
		current_setting('synchronous_commit'), pg_backend_pid()`).Scan(&version, &fsync, &commit, &backend)
	if err != nil {
		return nil, err
	}
	p.describe = fmt.Sprintf("%s, fsync %s, synchronous_commit %s", version, fsync, commit)
	p.postmaster = postmaster(backend)
	_, err = c.Exec(ctx, `do $$ begin
		create role `+role+` login password '`+role+`' nosuperuser nobypassrls;
	exception when duplicate_object or unique_violation then null; end $$`)
	return p, err
}

// fresh makes an empty database; drop ends it, with all who still use it.
func (p *postgres) fresh(ctx context.Context) (address string, drop func() error, err error) {
	var b [6]byte
	_, _ = rand.Read(b[:])
	name := "scimbridge_bench_" + hex.EncodeToString(b[:])
	if err := p.admin(ctx, "create database "+name+" owner "+role); err != nil {
		return "", nil, err
	}
	u := *p.url
	u.User = url.UserPassword(role, role)
	u.Path = "/" + name
	return u.String(), func() error {
		return p.admin(context.WithoutCancel(ctx), "drop database if exists "+name+" with (force)")
	}, nil
}

func (p *postgres) admin(ctx context.Context, statement string) error {
	c, err := pgx.Connect(ctx, p.url.String())
	if err != nil {
		return err
	}
	defer func() { _ = c.Close(ctx) }()
	_, err = c.Exec(ctx, statement)
	return err
}
