package videowatch

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// figure is a number about a server, or about a part of it.
type figure struct {
	Name   string
	Server string
	Part   string // empty: of the whole
	Value  float64
}

// figures are those of some servers. What is not known is not among them.
func (s *Store) figures(ctx context.Context, servers []string) ([]figure, error) {
	rows, err := s.Pool.Query(ctx, `
		select 'up', server, part, (state = 'well')::int::float8 from watch_part where server = any($1) and state <> '' and part <> 'certificate'
		union all select 'took', server, part, took_us / 1e6::float8 from watch_part where server = any($1) and part <> 'certificate'
		union all select 'expires', server, '', extract(epoch from expires_at)::float8 from watch_server where server = any($1) and expires_at is not null
		union all select 'checked', server, '', extract(epoch from checked_at)::float8 from watch_server where server = any($1) and checked_at is not null
		union all select 'scanned', server, '', extract(epoch from scanned_at)::float8 from watch_server where server = any($1) and scanned_at is not null
		union all select 'conferences', server, '', conferences::float8 from watch_server where server = any($1) and conferences is not null
		union all select 'forgotten', server, '', forgotten::float8 from watch_server where server = any($1) and forgotten is not null`, servers)
	if err != nil {
		return nil, fmt.Errorf("figures of video servers: %w", err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowToStructByPos[figure])
	if err != nil {
		return nil, fmt.Errorf("figures of video servers: %w", err)
	}
	return out, nil
}

// unknown forgets how many conferences run on a server that does not tell.
func (s *Store) unknown(ctx context.Context, t turn) error {
	return s.in(ctx, t, func(tx Tx, _ time.Time) error {
		_, err := tx.Exec(ctx, `update watch_server set (conferences, forgotten) = (null, null) where server = $1`, t.server)
		return err
	})
}
