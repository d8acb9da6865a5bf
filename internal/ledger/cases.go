package ledger

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"countersign/internal/document"
)

// CasesOf lists the cases that a document has had; none for one that is not there.
func (db *DB) CasesOf(ctx context.Context, k document.Key) ([]string, error) {
	rows, err := db.Pool.Query(ctx, `select c.id from document d join approval_case c on c.document_id = d.id
		where d.source = $1 and d.external_id = $2 order by c.id`, k.Source, k.ExternalID)
	if err != nil {
		return nil, fmt.Errorf("cases of %s: %w", k, classify(err))
	}
	out, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("cases of %s: %w", k, classify(err))
	}
	return out, nil
}
