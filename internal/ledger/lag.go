package ledger

import (
	"context"
	"fmt"
	"time"
)

// LagSince tells how many cases have messages that are behind although nothing has happened
// to them for so long.
func (db *DB) LagSince(ctx context.Context, quiet time.Duration) (int, error) {
	var n int
	err := db.Pool.QueryRow(ctx, `select count(*) from approval_case c where cards_at < events and not exists (
		select from event e where e.case_id = c.id and e.fact is not null and e.at > $1)`, db.Now().Add(-quiet)).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("cases behind: %w", classify(err))
	}
	return n, nil
}
