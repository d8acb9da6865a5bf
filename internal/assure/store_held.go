package assure

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"countersign/internal/people"
)

// Held lists the ways that persons have set up: a PIN, codes, a passkey that nobody else
// is known to have. A login is not among them.
func (s *Store) Held(ctx context.Context) (map[people.ID][]Method, error) {
	rows, err := s.Pool.Query(ctx, `select person_id, method from assure_secret
		union select person_id, 'passkey' from assure_passkey where copied_at is null order by person_id, method`)
	if err != nil {
		return nil, fmt.Errorf("what persons confirm with: %w", err)
	}
	out := map[people.ID][]Method{}
	var (
		id people.ID
		m  Method
	)
	_, err = pgx.ForEachRow(rows, []any{&id, &m}, func() error {
		out[id] = append(out[id], m)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("what persons confirm with: %w", err)
	}
	return out, nil
}
