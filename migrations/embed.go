// Package migrations holds the schema of the database, one numbered step a file.
//
// It owns the files only. Which package owns which table is said at the head of each
// file; package ledger runs the steps, with those of the job queue, under one lock.
package migrations

import "embed"

// FS holds the numbered SQL files.
//
//go:embed *.sql
var FS embed.FS
