package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// ServerSettings are the settings of a server on which its promises depend.
type ServerSettings struct {
	ServerVersion            string
	ServerVersionNum         int
	Fsync                    bool
	FullPageWrites           bool
	DataChecksums            bool
	SynchronousCommit        string
	SynchronousStandbyNames  string
	DefaultIsolation         string
	IdleInTransactionTimeout time.Duration // 0 is none
	LockTimeout              time.Duration // 0 is none
	InRecovery               bool          // a standby, which only reads
	Superuser                bool          // of the role that asks
}

// Querier is a connection, a pool or a transaction.
type Querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Settings reads them from a server, as the connection's role sees them.
func Settings(ctx context.Context, q Querier) (ServerSettings, error) {
	var s ServerSettings
	var idle, lock int64
	err := q.QueryRow(ctx, `
		SELECT current_setting('server_version'), current_setting('server_version_num')::int,
		       current_setting('fsync')::bool, current_setting('full_page_writes')::bool, current_setting('data_checksums') = 'on',
		       current_setting('synchronous_commit'), current_setting('synchronous_standby_names'),
		       current_setting('default_transaction_isolation'),
		       (SELECT setting::bigint FROM pg_settings WHERE name = 'idle_in_transaction_session_timeout'),
		       (SELECT setting::bigint FROM pg_settings WHERE name = 'lock_timeout'),
		       pg_is_in_recovery(), (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)`,
	).Scan(&s.ServerVersion, &s.ServerVersionNum, &s.Fsync, &s.FullPageWrites, &s.DataChecksums,
		&s.SynchronousCommit, &s.SynchronousStandbyNames, &s.DefaultIsolation, &idle, &lock, &s.InRecovery, &s.Superuser)
	if err != nil {
		return s, fmt.Errorf("settings of the database server: %w", err)
	}
	s.IdleInTransactionTimeout = time.Duration(idle) * time.Millisecond
	s.LockTimeout = time.Duration(lock) * time.Millisecond
	return s, nil
}

// Class names what an answered commit survives: "unsafe" not even a crash of
// the server, "local" a crash, "replicated" also the loss of the server.
func (s ServerSettings) Class() string {
	switch {
	case !s.Fsync || !s.FullPageWrites || s.SynchronousCommit == "off":
		return "unsafe"
	case s.SynchronousStandbyNames == "" || s.SynchronousCommit == "local":
		return "local"
	default:
		return "replicated"
	}
}

// Dangers lists in words what is dangerous; none is an empty list.
func (s ServerSettings) Dangers() []string {
	var out []string
	for _, d := range []struct {
		wrong bool
		words string
	}{
		{s.ServerVersionNum < MinMajor*10000, fmt.Sprintf("the server is version %s; %d or newer is needed", s.ServerVersion, MinMajor)},
		{!s.Fsync, "fsync is off: a power cut or a crash of the machine can destroy the whole database; set fsync = on"},
		{!s.FullPageWrites, "full_page_writes is off: a power cut can tear pages that cannot be repaired; set full_page_writes = on"},
		{s.SynchronousCommit == "off", "synchronous_commit is off: a decision that was answered can be lost in a crash; set synchronous_commit = on"},
		{s.SynchronousStandbyNames != "" && s.SynchronousCommit == "local", "synchronous_commit is local although standbys are named: an answered decision can be lost with the primary; set synchronous_commit = on"},
		{!s.DataChecksums, "data checksums are off: pages damaged by the disk are not noticed; turn them on with pg_checksums --enable while the server is stopped"},
		{s.IdleInTransactionTimeout == 0, "idle_in_transaction_session_timeout is not set: a client that hangs in a transaction blocks decisions; set it to 10s"},
		{s.InRecovery, "the server is a standby, which only reads: point database.url at the primary, or add target_session_attrs=read-write"},
		{s.Superuser, "the service connects as a superuser: give it a role that owns nothing"},
	} {
		if d.wrong {
			out = append(out, d.words)
		}
	}
	return out
}
