// Package ledger is the record: documents and their revisions, cases, votes, and
// events in order.
//
// It owns their tables and is the only one to write them; a case changes in one
// function, change: lock the document, let the core decide, store the result with its
// events, commit. People belong to package directory, file contents to package file;
// both are read inside the ledger's transactions. What is shown in the messenger and
// sent to ERPs follows from here and is done by others.
//
// Nothing may be told to anybody before the commit of a transaction that wrote
// something after what it tells: a row seen is not yet a row that survives a failover.
// Locking a row writes, so the reads here that state a decision lock the document.
package ledger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"countersign/internal/crash"
	"countersign/internal/directory"
	"countersign/internal/file"
	"countersign/internal/wake"
)

// DB is the ledger on one database. Set the exported fields before use.
type DB struct {
	Pool      *pgxpool.Pool
	Directory *directory.Store
	Files     *file.Store
	Now       func() time.Time
	LoginLife time.Duration // after which whoever was linked by a login must prove it again to vote; 0: never
	Bell      *wake.Bell    // rung after every commit that changed something
	Crash     *crash.Points // nil but in tests

	routes    routeCache
	rechecked bookmark // after this blocked case the last Recheck had to stop
}

// Errors of the record itself; refusals of a case are those of package approval.
var (
	// ErrNotFound: no such document, case, event or route.
	ErrNotFound = errors.New("not found")
	// ErrUnknown: the commit was sent and its answer did not come. The act may have
	// been done or not; doing it again is safe.
	ErrUnknown = errors.New("outcome unknown")
	// ErrStale: the ERP speaks of a revision that is not the last.
	ErrStale = errors.New("not the current revision")
	// ErrOldRevision: the ERP sends another content under a number it has used up.
	ErrOldRevision = errors.New("a later revision is known")
	// ErrTypeChanged: a document cannot become one of another type.
	ErrTypeChanged = errors.New("the type of a document cannot change")
	// ErrUnavailable: the database cannot be reached now.
	ErrUnavailable = errors.New("the database is not available")
)

const (
	commitTime = 10 * time.Second // then the outcome is called unknown; the commit is never cancelled
	tries      = 4
)

// transaction runs two batches on one connection: one that begins and reads, one that
// writes and commits. Round trips, not fsync, are the cost of a small transaction.
type transaction struct {
	conn *pgxpool.Conn
}

func (db *DB) begin(ctx context.Context) (*transaction, error) {
	conn, err := db.Pool.Acquire(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return &transaction{conn}, nil
}

// read sends "begin" with the queries given.
func (t *transaction) read(ctx context.Context, queue func(*pgx.Batch)) error {
	b := &pgx.Batch{}
	b.Queue("begin")
	queue(b)
	return t.conn.SendBatch(ctx, b).Close()
}

// commit sends the writes given with "commit". Once that is under way it is not
// cancelled with the caller: a cancelled commit is neither done nor undone.
func (t *transaction) commit(ctx context.Context, b *pgx.Batch) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTime)
	defer cancel()
	b.Queue("commit")
	err := t.conn.SendBatch(ctx, b).Close()
	if err == nil || t.undone(err) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnknown, err)
}

// undone reports whether a commit that failed surely changed nothing: it was never sent,
// or the server is still there to say what became of it.
func (t *transaction) undone(err error) bool {
	if _, unsent := errors.AsType[pgx.ErrPreprocessingBatch](err); unsent || pgconn.SafeToRetry(err) {
		return true
	}
	conn := t.conn.Conn().PgConn()
	if conn.IsClosed() { // also where the last word was an error: it may be about the connection
		return false
	}
	_, refused := errors.AsType[*pgconn.PgError](err)
	return refused || conn.TxStatus() != 'I'
}

// end gives the connection back; what was not committed is undone.
func (t *transaction) end(ctx context.Context) {
	if t.conn.Conn().PgConn().TxStatus() != 'I' {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_, _ = t.conn.Exec(ctx, "rollback") // on failure the pool drops the connection
	}
	t.conn.Release()
}

// again runs an act anew when the database asks for it: a deadlock, a serialization
// failure, a connection that was lost before the commit was sent, two who made the
// same document at once.
func (db *DB) again(ctx context.Context, act func() error) error {
	for try := 1; ; try++ {
		err := act()
		if err == nil || try == tries || ctx.Err() != nil || !passing(err) {
			return classify(err)
		}
	}
}

// passing reports whether the same act may succeed the next time. Every act is safe to
// repeat: it meets its own effect as "unchanged", "already voted", "same reference".
func passing(err error) bool {
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch refused.Code {
		case "40001", "40P01", "57P01", "57P02", "57P03":
			return true
		default:
			return false
		}
	}
	return errors.Is(err, ErrUnknown) || pgconn.SafeToRetry(err) || lost(err)
}

// lost reports whether the connection broke. Where that was before the commit, nothing
// has happened.
func lost(err error) bool {
	_, network := errors.AsType[*net.OpError](err)
	return network || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.Is(err, pgconn.ErrConnClosed) || errors.Is(err, net.ErrClosed)
}

// isTaken reports that somebody else made the same document in this moment.
func isTaken(err error) bool {
	var refused *pgconn.PgError
	return errors.As(err, &refused) && refused.Code == "23505" && refused.ConstraintName == "document_source_external_id_key"
}

// classify tells a database that is away from a fault of ours.
func classify(err error) error {
	if err == nil || errors.Is(err, ErrUnknown) || errors.Is(err, ErrUnavailable) {
		return err
	}
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch refused.Code[:2] {
		case "08", "53", "57", "58":
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		return err
	}
	if _, away := errors.AsType[*pgconn.ConnectError](err); away || pgconn.Timeout(err) || lost(err) {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return err
}

// routeCache keeps route versions, which never change.
type routeCache struct {
	mu   sync.Mutex
	kept map[routeName]keptRoute
}

// now is the time as the database can keep it.
func (db *DB) now() time.Time { return db.Now().UTC().Truncate(time.Microsecond) }
