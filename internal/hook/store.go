package hook

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"countersign/internal/crash"
	"countersign/internal/ledger"
	"countersign/internal/seal"
	"countersign/internal/wake"
)

// Hook delivers the events of the ledger. Set the exported fields before use.
type Hook struct {
	Pool    *pgxpool.Pool
	Ledger  *ledger.DB
	Bell    *wake.Bell       // rung when something was committed
	Placed  *wake.Bell       // rung here when events got their places in the feed; nil: nobody else listens
	Crash   *crash.Points    // nil but in tests
	Now     func() time.Time // measures how long things take
	Clock   func() time.Time // decides what is due; nil: the clock of the database, the same for every replica
	Log     *slog.Logger
	Seal    *seal.Seal     // of the secrets; nil: they are kept in the clear
	Egress  []netip.Prefix // networks that may be reached although private or loopback, also over plain http
	Options Options
	Metrics Metrics

	once   sync.Once
	guard  *guard
	client *client
	placed *wake.Bell
	bodies *lru.Cache[string, string] // of events placed lately; they never change
	reads  chan struct{}              // bounds the connections that readers of bodies take
	closed sync.Map                   // endpoints of which it was told that their secrets do not open
}

// Options bound the work of one replica. The zero value of a field means its default.
type Options struct {
	// InFlight is how many requests an endpoint gets at once when its maker does not
	// say; 4 by default.
	InFlight int
	// Workers is how many requests all endpoints get at once; 256 by default.
	Workers int
	// Lease is how long a claim holds without being renewed; 6 seconds by default. What a
	// killed replica had in hand goes out again after that.
	Lease time.Duration
	// Poll is how often the database is looked at without a ring; a second by default.
	Poll time.Duration
	// Grace is how long requests under way may take when the service stops; 15 seconds
	// by default.
	Grace time.Duration
	// Ports are open to public addresses besides 443 and 8443.
	Ports []uint16
	// Deny lists the gateway's own addresses and its database. Port 0 means all ports, an
	// unspecified address every loopback address.
	Deny []netip.AddrPort
	// Roots are the authorities whose certificates are trusted; nil: the system's.
	Roots *x509.CertPool
	// Lookup resolves names; nil: the system's servers are asked.
	Lookup func(ctx context.Context, host string) ([]netip.Addr, error)
}

// Metrics are told what happened. Each may be nil and must return at once.
type Metrics struct {
	Delivered func(endpoint string, lag, took time.Duration) // lag: since the event
	Failed    func(endpoint string, status int, took time.Duration)
	Dead      func(endpoint string)
	Stale     func(endpoint string) // a claim had gone to another when its end was noted
}

const (
	defaultInFlight = 4
	defaultWorkers  = 256
	defaultLease    = 6 * time.Second
	defaultPoll     = time.Second
	defaultGrace    = 15 * time.Second
	commitTime      = 10 * time.Second
	keptBodies      = 512
	readers         = 4
)

func setDefault[T int | time.Duration](v *T, otherwise T) {
	if *v <= 0 {
		*v = otherwise
	}
}

// prepare makes what the fields only describe.
func (h *Hook) prepare() {
	h.once.Do(func() {
		setDefault(&h.Options.InFlight, defaultInFlight)
		setDefault(&h.Options.Workers, defaultWorkers)
		setDefault(&h.Options.Lease, defaultLease)
		setDefault(&h.Options.Poll, defaultPoll)
		setDefault(&h.Options.Grace, defaultGrace)
		h.guard = newGuard(h.Egress, h.Options)
		h.client = newClient(h.guard, h.Options, h.Now)
		h.placed = h.Placed
		if h.placed == nil {
			h.placed = &wake.Bell{}
		}
		h.bodies, _ = lru.New[string, string](keptBodies) // fails on a size below one only
		h.reads = make(chan struct{}, readers)
	})
}

// clock is the time given, or null for the clock of the database.
func (h *Hook) clock() *time.Time {
	if h.Clock == nil {
		return nil
	}
	t := h.Clock()
	return &t
}

// Place gives the events that wait their places in the feed and makes their deliveries,
// a bounded number at a time. It gives how many it placed.
func (h *Hook) Place(ctx context.Context) (int, error) {
	h.prepare()
	n, err := h.Ledger.Sequence(ctx, h.fan)
	if err != nil || n == 0 {
		return n, err
	}
	h.Crash.Pass(crash.HookSequenced)
	h.placed.Ring()
	return n, nil
}

// fan makes the deliveries of events, in the transaction that places them. An endpoint
// that ends at this moment is waited for: its row is locked. A delivery of a document
// that waits for a retry waits with it.
func (h *Hook) fan(ctx context.Context, tx pgx.Tx, events []ledger.FeedEvent) error {
	n := len(events)
	pos, ids, sources := make([]int64, n), make([]string, n), make([]string, n)
	documents, seqs := make([]string, n), make([]int32, n)
	kinds, ats := make([]string, n), make([]time.Time, n)
	for i, e := range events {
		pos[i], ids[i], sources[i], documents[i] = e.Pos, e.ID, e.Source, e.DocumentID
		seqs[i], kinds[i], ats[i] = int32(e.Seq), e.Kind, e.At //nolint:gosec // the column is an int
		h.bodies.Add(e.ID, e.Body)                             // an event is there for good before it is placed
	}
	_, err := tx.Exec(ctx, `with w as materialized (
			select id, source, types from webhook where source = any ($3::text[]) and state <> 'ended' order by id for share),
		t as (select coalesce($8::timestamptz, statement_timestamp()) as now)
		insert into delivery (endpoint, pos, event_id, document_id, document_seq, kind, at, due_since, next_at)
		select w.id, e.pos, e.id, e.document_id, e.seq, e.kind, e.at, t.now, greatest(t.now, (
			select d.next_at from delivery d where d.endpoint = w.id and d.document_id = e.document_id and d.state = 'due'
			order by d.pos desc limit 1))
		from t, unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::int[], $6::text[], $7::timestamptz[])
			as e (pos, id, source, document_id, seq, kind, at)
		join w on w.source = e.source and (w.types = '{}' or e.kind = any (w.types))
		order by w.id, e.pos`,
		pos, ids, sources, documents, seqs, kinds, ats, h.clock())
	if err != nil {
		return fmt.Errorf("deliveries of %d events: %w", n, err)
	}
	return nil
}

// session is a transaction in two round trips: one that begins, locks and reads, and
// one that writes and commits.
type session struct {
	conn *pgxpool.Conn
}

func (h *Hook) begin(ctx context.Context, b *pgx.Batch) (*session, error) {
	conn, err := h.Pool.Acquire(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	s := &session{conn}
	if err := conn.SendBatch(ctx, b).Close(); err != nil {
		s.end(ctx)
		return nil, err
	}
	return s, nil
}

// end gives the connection back; what was not committed is undone.
func (s *session) end(ctx context.Context) {
	if s.conn.Conn().PgConn().TxStatus() != 'I' {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_, _ = s.conn.Exec(ctx, "rollback") // on failure the pool drops the connection
	}
	s.conn.Release()
}

// again repeats what the database undid to end a deadlock.
func again(act func() error) error {
	for try := 1; ; try++ {
		err := act()
		refused, ok := errors.AsType[*pgconn.PgError](err)
		if try == 4 || !ok || refused.Code != "40P01" && refused.Code != "40001" {
			return classify(err)
		}
	}
}

// classify tells a database that is away from other faults.
func classify(err error) error {
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch refused.Code[:2] {
		case "08", "53", "57", "58":
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		return err
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok || pgconn.Timeout(err) {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return err
}
