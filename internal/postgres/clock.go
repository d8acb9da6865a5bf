package postgres

import (
	"context"
	"fmt"
	"time"
)

// Clock is the time at a server.
func Clock(ctx context.Context, q Querier) (at time.Time, err error) {
	if err = q.QueryRow(ctx, "SELECT clock_timestamp()").Scan(&at); err != nil {
		return at, fmt.Errorf("clock of the database server: %w", err)
	}
	return at, nil
}
