// Package db keeps the directory in SQLite (embedded) or PostgreSQL.
//
// One hand-written set of queries serves both engines: each stands as a
// constant above the code that scans it. What really differs is small and sits
// in sqlite.go and postgres.go: opening, transactions, the words in braces of a
// query (dialect.go), error codes, and the member delta, which PostgreSQL does
// in one function call. Package dbtest has the contract that both pass.
package db
