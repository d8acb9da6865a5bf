package console

import (
	"context"
	"fmt"

	"countersign/internal/journal"
)

// Looked writes down that somebody looked into the journal of what was sent and received,
// and for what. Whoever cannot be written down does not get to see it.
func (s *Store) Looked(ctx context.Context, who string, what journal.Ask) error {
	if err := note(ctx, s.Pool, entry{What: "looked", Person: who, Detail: what.String()}); err != nil {
		return fmt.Errorf("who looked into the journal: %w", err)
	}
	return nil
}
