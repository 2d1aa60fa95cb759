package main

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	_ "modernc.org/sqlite" // the driver of sql.Open
)

// as connects to the database of a target as a role to which row-level security
// does not hold.
func (p *postgres) as(ctx context.Context, t *target) (*pgx.Conn, error) {
	of, err := url.Parse(t.store)
	if err != nil {
		return nil, err
	}
	u := *p.url
	u.Path = of.Path
	return pgx.Connect(ctx, u.String())
}

func (p *postgres) seed(ctx context.Context, t *target, size growthSize, tables []seedTable) error {
	c, err := p.as(ctx, t)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close(ctx) }()
	// Foreign keys hold by themselves here, and to check a million of them takes long.
	if _, err := c.Exec(ctx, "set session_replication_role = replica"); err != nil {
		return err
	}
	for _, table := range tables {
		rows := pgx.CopyFromSlice(size.users, func(i int) ([]any, error) {
			row := table.row(i)
			for j, v := range row {
				if id, is := v.(seedID); is {
					row[j] = id.bytes()
				}
			}
			return row, nil
		})
		if _, err := c.CopyFrom(ctx, pgx.Identifier{table.name}, table.columns, rows); err != nil {
			return err
		}
	}
	_, err = c.Exec(ctx, seedTotals, seedID(t.made.TenantID).bytes(), seedID(t.made.ConnectionID).bytes(),
		int64(size.users))
	return err
}

func (p *postgres) vacuum(ctx context.Context, t *target) error {
	c, err := p.as(ctx, t)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close(ctx) }()
	_, err = c.Exec(ctx, "vacuum (analyze)")
	return err
}

func (id seedID) bytes() (b [16]byte) {
	text, _ := hex.DecodeString(strings.ReplaceAll(string(id), "-", "")) // the server, or grownID, made it
	copy(b[:], text)
	return b
}

func seedSQLite(ctx context.Context, t *target, size growthSize, tables []seedTable) (err error) {
	db, err := sql.Open("sqlite",
		"file:"+strings.TrimPrefix(t.store, "sqlite:")+"?_pragma=synchronous(OFF)&_pragma=cache_size(-262144)")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, tx.Rollback())
			return
		}
		err = tx.Commit()
	}()
	for _, table := range tables {
		if err := seedSQLiteTable(ctx, tx, size, table); err != nil {
			return err
		}
	}
	tenant, connection := seedID(t.made.TenantID).bytes(), seedID(t.made.ConnectionID).bytes()
	_, err = tx.ExecContext(ctx, seedTotals, tenant[:], connection[:], size.users)
	return err
}

func seedSQLiteTable(ctx context.Context, tx *sql.Tx, size growthSize, table seedTable) error {
	places := make([]string, len(table.columns))
	for i := range places {
		places[i] = "$" + strconv.Itoa(i+1)
	}
	insert, err := tx.PrepareContext(ctx,
		"insert into "+table.name+" ("+strings.Join(table.columns, ", ")+") values ("+strings.Join(places, ", ")+")")
	if err != nil {
		return err
	}
	defer insert.Close()
	for i := range size.users {
		row := table.row(i)
		for j, v := range row {
			switch v := v.(type) {
			case seedID:
				b := v.bytes()
				row[j] = b[:]
			case time.Time:
				row[j] = v.Format("2006-01-02T15:04:05.000000Z")
			}
		}
		if _, err := insert.ExecContext(ctx, row...); err != nil {
			return err
		}
	}
	return nil
}
