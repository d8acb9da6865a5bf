package videowatch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Standing is how a server is, as far as it was seen often enough.
type Standing struct {
	Checked time.Time // zero: never
	Version string    // empty: not told
	Expires time.Time // of the certificate; zero: not known
	Parts   map[Part]Stand
}

// Stand is how a part is.
type Stand struct {
	State State
	Since time.Time
	Fault string // what was wrong last, a word: the rest of a key that begins with "watch.fault."
	Right string // with the fault "right": which one is missing
	Took  time.Duration
}

// change is a part that is another than it was.
type change struct {
	part     Part
	from, to State
	lasted   time.Duration // how long it was what it was
	fault    string
	right    string
}

// found is what came of a round of probes.
type found struct {
	looks   map[Part]look
	version string
	expires time.Time
}

// news is what changed with it.
type news struct {
	changes  []change
	expires  time.Time
	from, to string // versions; both empty: the same
}

// Standing is how a server is.
func (s *Store) Standing(ctx context.Context, server string) (Standing, error) {
	out := Standing{Parts: map[Part]Stand{}}
	var expires *time.Time
	err := s.Pool.QueryRow(ctx, `select checked_at, version, expires_at from watch_server where server = $1 and checked_at is not null`, server).
		Scan(&out.Checked, &out.Version, &expires)
	if errors.Is(err, pgx.ErrNoRows) {
		return out, nil
	}
	if err != nil {
		return Standing{}, fmt.Errorf("video server %q: %w", server, err)
	}
	out.Expires = moment(expires)
	rows, err := s.Pool.Query(ctx, `select part, state, since, fault, fault_right, took_us from watch_part where server = $1`, server)
	if err != nil {
		return Standing{}, fmt.Errorf("video server %q: %w", server, err)
	}
	var part Part
	var at Stand
	var took int64
	if _, err := pgx.ForEachRow(rows, []any{&part, &at.State, &at.Since, &at.Fault, &at.Right, &took}, func() error {
		at.Took = time.Duration(took) * time.Microsecond
		out.Parts[part] = at
		return nil
	}); err != nil {
		return Standing{}, fmt.Errorf("video server %q: %w", server, err)
	}
	return out, nil
}

// moment is a time that is zero where there is none.
func moment(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

// record keeps what was found, and ends the turn. Tell adds what people are to be told of
// the news in the same commit; it is not called when there are none.
func (s *Store) record(ctx context.Context, t turn, c Check, f found, tell func(tx Tx, n news) error) error {
	return s.in(ctx, t, func(tx Tx, now time.Time) error {
		n, err := s.version(ctx, tx, t.server, c, f)
		if err != nil {
			return err
		}
		for _, part := range Parts() {
			l, seen := f.looks[part]
			if !seen {
				continue
			}
			change, err := s.part(ctx, tx, round{t.server, c, now}, part, l)
			if err != nil {
				return err
			}
			if change.from != change.to {
				n.changes = append(n.changes, change)
			}
		}
		if len(n.changes) > 0 || n.to != "" {
			if err := tell(tx, n); err != nil {
				return err
			}
		}
		return t.end(ctx, tx)
	})
}

// version keeps which version the server has. One that is seen as often as a fault must be
// is news; the first is not.
func (s *Store) version(ctx context.Context, tx Tx, server string, c Check, f found) (n news, err error) {
	var known, next string
	var times int
	var expires *time.Time
	if !f.expires.IsZero() {
		expires = &f.expires
	}
	err = tx.QueryRow(ctx, `insert into watch_server as s (server, checked_at, expires_at) values ($1, now(), $2)
		on conflict (server) do update set checked_at = now(), expires_at = coalesce(excluded.expires_at, s.expires_at)
		returning version, version_next, version_times, expires_at`, server, expires).Scan(&known, &next, &times, &expires)
	if err != nil {
		return news{}, err
	}
	n.expires = moment(expires)
	seen := plain(f.version, 100)
	switch seen {
	case "":
		return n, nil
	case known:
		next, times = "", 0
	case next:
		times++
	default:
		next, times = seen, 1
	}
	if times >= c.Needed {
		if known != "" {
			n.from, n.to = known, next
		}
		known, next, times = next, "", 0
	}
	_, err = tx.Exec(ctx, `update watch_server set version = $2, version_next = $3, version_times = $4 where server = $1`, server, known, next, times)
	return n, err
}

// round is one look at all parts of a server.
type round struct {
	server string
	check  Check
	now    time.Time
}

// part takes a look into account.
func (s *Store) part(ctx context.Context, tx Tx, r round, part Part, l look) (change, error) {
	var was gauge
	since := r.now
	err := tx.QueryRow(ctx, `select state, seen, since from watch_part where server = $1 and part = $2 for update`, r.server, part).Scan(&was.State, &was.Seen, &since)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return change{}, err
	}
	is := r.check.see(was, l.state)
	out := change{part: part, from: was.State, to: is.State, lasted: r.now.Sub(since)}
	out.fault, out.right = faultOf(l.fault)
	if out.from != out.to {
		since = r.now
	}
	_, err = tx.Exec(ctx, `insert into watch_part (server, part, state, since, seen, fault, fault_right, took_us, at) values ($1, $2, $3, $4, $5, $6, $7, $8, now())
		on conflict (server, part) do update set (state, since, seen, fault, fault_right, took_us, at) =
			(excluded.state, excluded.since, excluded.seen, excluded.fault, excluded.fault_right, excluded.took_us, excluded.at)`,
		r.server, part, is.State, since, is.Seen, out.fault, plain(out.right, 200), max(l.took, 0).Microseconds())
	return out, err
}
