package audiodesk

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// figure is one number.
type figure struct {
	Name, Label string
	Value       float64
}

func (s *Store) figures(ctx context.Context) ([]figure, error) {
	rows, err := s.Pool.Query(ctx, `select 'calls', state, count(*) from audio_call where ended_at is null group by state
		union all select 'ended', outcome, count(*) from audio_call where at > statement_timestamp() - interval '1 day' and ended_at is not null group by outcome
		union all select 'rooms', '', count(distinct room_id) from audio_presence where gone_at is null
		union all select 'people', '', count(*) from audio_presence where gone_at is null`)
	if err != nil {
		return nil, fail("figures of the audio rooms", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (f figure, err error) {
		return f, row.Scan(&f.Name, &f.Label, &f.Value)
	})
	return out, fail("figures of the audio rooms", err)
}
