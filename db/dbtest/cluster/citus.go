package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/jackc/pgx/v5"
)

// citusSettings are what a node of Citus needs. There are few shards, since each test has a
// database of its own, with files for each table of each shard.
var citusSettings = []string{
	"shared_preload_libraries=citus", "wal_level=logical", "max_connections=400", "max_prepared_transactions=400",
	"max_replication_slots=20", "max_wal_senders=20", "max_worker_processes=64", "citus.shard_count=2",
	"citus.node_conninfo=sslmode=disable",
}

// StartCitus makes a coordinator, which is the first, and workers of the Citus extension.
// It has to be installed beside PostgreSQL's programs.
func StartCitus(bin Binaries, durable bool, workers int) (nodes []*Cluster, err error) {
	defer func() {
		if err != nil {
			for _, n := range nodes {
				n.Stop()
			}
		}
	}()
	var urls []*url.URL
	for range 1 + workers {
		c, err := StartCitusNode(bin, durable)
		if err != nil {
			return nodes, err
		}
		u, err := url.Parse(c.URL())
		if err != nil {
			return nodes, err
		}
		nodes, urls = append(nodes, c), append(urls, u)
	}
	return nodes, JoinCitus(context.Background(), urls)
}

// StartCitusNode makes a node that belongs to no Citus yet.
func StartCitusNode(bin Binaries, durable bool) (*Cluster, error) {
	return create(&Cluster{bin: bin, durable: durable, citus: true}, initialize)
}

// JoinCitus makes databases of one name on several nodes one of Citus. The URLs are the
// superuser's, the coordinator's is the first.
func JoinCitus(ctx context.Context, nodes []*url.URL) error {
	for _, u := range nodes {
		if err := Exec(ctx, u, "create extension if not exists citus"); err != nil {
			return err
		}
	}
	var statements []string
	for i, u := range nodes {
		join := "citus_add_node"
		if i == 0 {
			join = "citus_set_coordinator_host"
		}
		statements = append(statements, fmt.Sprintf("select %s('%s', %s)", join, u.Hostname(), u.Port()))
	}
	return Exec(ctx, nodes[0], statements...)
}

// Exec runs statements one after the other.
func Exec(ctx context.Context, u *url.URL, statements ...string) (err error) {
	conn, err := pgx.Connect(ctx, u.String())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	for _, s := range statements {
		if _, err := conn.Exec(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	return nil
}
