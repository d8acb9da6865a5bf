package ledger

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Made reports whether the schema was ever begun, and unlike Pending leaves nothing behind
// where it was not.
func Made(ctx context.Context, pool *pgxpool.Pool) (made bool, err error) {
	if err = pool.QueryRow(ctx, `select to_regclass('goose_db_version') is not null`).Scan(&made); err != nil {
		return false, fmt.Errorf("schema: %w", err)
	}
	return made, nil
}
