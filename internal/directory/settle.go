package directory

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"
)

// Unsettled gives the chats that have changed since the open cases were asked to be shown
// anew, each with the number of its last change.
func (s *Store) Unsettled(ctx context.Context) (map[string]int64, error) {
	rows, err := s.Pool.Query(ctx, `select id, changes from chat where settled < changes`)
	if err != nil {
		return nil, fmt.Errorf("changed chats: %w", err)
	}
	out := map[string]int64{}
	var (
		id string
		no int64
	)
	_, err = pgx.ForEachRow(rows, []any{&id, &no}, func() error {
		out[id] = no
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("changed chats: %w", err)
	}
	return out, nil
}

// Settle notes that the open cases were asked to be shown anew after these changes. A chat
// that changed again meanwhile stays unsettled.
func (s *Store) Settle(ctx context.Context, seen map[string]int64) error {
	ids := slices.Sorted(maps.Keys(seen))
	numbers := make([]int64, len(ids))
	for i, id := range ids {
		numbers[i] = seen[id]
	}
	_, err := s.Pool.Exec(ctx, `update chat set settled = greatest(settled, no) from unnest($1::text[], $2::bigint[]) as seen (chat_id, no) where id = chat_id`, ids, numbers)
	if err != nil {
		return fmt.Errorf("changed chats: %w", err)
	}
	return nil
}
