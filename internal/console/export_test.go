package console

import "context"

// Refused counts somebody who was turned away.
func (s *Store) Refused(ctx context.Context, email string) error { return s.refused(ctx, email) }
