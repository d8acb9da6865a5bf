package erp

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"countersign/internal/ledger"
)

const (
	// KeyLife is how long an idempotency key is known.
	KeyLife = 30 * 24 * time.Hour
	// claimLife is after what time a request that never ended is taken for dead. No
	// request may last that long.
	claimLife = 2 * time.Minute
)

// keyStore owns the table of idempotency keys.
type keyStore struct {
	pool *pgxpool.Pool
	now  func() time.Time
}

// claim is the right to do what a key stands for. Its zero value is no claim.
type claim struct {
	source string
	key    string
	token  string
}

// earlier is what is known of a key already.
type earlier struct {
	mine    bool
	request []byte
	status  int    // of the answer; 0: still running
	answer  []byte // as it was sent
}

// take claims a key for a request, or tells what became of the earlier one. It writes in
// either case, so that an answer given again is one that survives.
func (s keyStore) take(ctx context.Context, c claim, request []byte) (earlier, error) {
	now := s.now()
	var e earlier
	var status *int
	err := s.pool.QueryRow(ctx, `
		insert into api_idempotency as i (source, key, claim, request, started_at) values ($1, $2, $3, $4, $5)
		on conflict (source, key) do update set (claim, request, started_at, status, response) = (
			select case when f.free then excluded.claim else i.claim end,
			       case when f.free then excluded.request else i.request end,
			       case when f.free then excluded.started_at else i.started_at end,
			       case when f.free then null else i.status end,
			       case when f.free then null else i.response end
			from (select i.started_at < $7 or i.status is null and i.started_at < $6 and i.request = excluded.request as free) f)
		returning claim = $3, request, status, response`,
		c.source, c.key, c.token, request, now, now.Add(-claimLife), now.Add(-KeyLife)).
		Scan(&e.mine, &e.request, &status, &e.answer)
	if err != nil {
		return e, fmt.Errorf("idempotency key: %w", err)
	}
	if status != nil {
		e.status = *status
	}
	return e, nil
}

const settleSQL = `update api_idempotency set status = $4, response = $5 where source = $1 and key = $2 and claim = $3`

// settleOrEndSQL does the same, and divides by zero where the key is not held any more: the
// commit is on its way behind it, and only the database can still stop that.
const settleOrEndSQL = `with held as (` + settleSQL + ` returning 1) select 1 / count(*) from held`

// overtaken reports whether an effect was undone because its key is not held any more: a
// request that stood still for longer than claimLife was taken for dead, and done again.
func overtaken(err error) bool {
	refused, ok := errors.AsType[*pgconn.PgError](err)
	return ok && refused.Code == "22012"
}

// settle keeps the answer of a request that is done.
func (s keyStore) settle(ctx context.Context, c claim, status int, text []byte) error {
	if _, err := s.pool.Exec(ctx, settleSQL, c.source, c.key, c.token, status, text); err != nil {
		return fmt.Errorf("answer of an idempotency key: %w", err)
	}
	return nil
}

// settled lends the answer to the transaction of the effect, if it has any. Without the key
// there is no effect.
func (c claim) settled(status int, text []byte) ledger.Also {
	return func(b *pgx.Batch, refusal error) {
		if c.token != "" && refusal == nil {
			b.Queue(settleOrEndSQL, c.source, c.key, c.token, status, text)
		}
	}
}

// drop gives the key back: the request had no effect.
func (s keyStore) drop(ctx context.Context, c claim) error {
	_, err := s.pool.Exec(ctx, `delete from api_idempotency where source = $1 and key = $2 and claim = $3 and status is null`,
		c.source, c.key, c.token)
	if err != nil {
		return fmt.Errorf("give back an idempotency key: %w", err)
	}
	return nil
}

func newClaim(source, key string) claim { return claim{source: source, key: key, token: rand.Text()} }

// Tidy forgets idempotency keys whose time is over, a thousand at most, and gives how
// many. Call it now and then.
func (d *Door) Tidy(ctx context.Context) (int, error) {
	tag, err := d.Ledger.Pool.Exec(ctx, `delete from api_idempotency where (source, key) in (
		select source, key from api_idempotency where started_at < $1 order by started_at limit 1000 for update skip locked)`,
		d.Ledger.Now().Add(-KeyLife))
	if err != nil {
		return 0, fmt.Errorf("forget idempotency keys: %w", err)
	}
	return int(tag.RowsAffected()), nil
}

// away reports whether the database cannot be reached or has no room now.
func away(err error) bool {
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch refused.Code[:2] {
		case "08", "53", "55", "57", "58":
			return true
		}
		return false
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*net.OpError](err); ok {
		return true
	}
	return errors.Is(err, io.ErrUnexpectedEOF) || pgconn.Timeout(err) || pgconn.SafeToRetry(err)
}
