// Package db keeps the directory in SQLite (embedded) or PostgreSQL.
//
// One hand-written set of queries serves both: each stands as a constant above the
// code that scans it. Below it, package engine is the port to a database, and
// packages sqlite and postgres are the drivers. What the databases do differently
// for a change of members is in delta_sqlite.go and delta_postgres.go. Package
// dbtest has the contract that both pass.
package db
