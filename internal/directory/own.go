package directory

import (
	"context"
	"fmt"

	"countersign/internal/people"
)

// Delegate is [Store.Delegate] of a delegation that no ERP names.
func (e *Edit) Delegate(ctx context.Context, n NewDelegation) (Given, error) {
	n.Name = Name{}
	if n.From.IsZero() {
		n.From = e.w.at
	}
	g, err := e.w.delegate(ctx, n, 0)
	if err != nil {
		return Given{}, fmt.Errorf("delegation of %s: %w", n.Principal, err)
	}
	return g, nil
}

// TakeBack ends a delegation that somebody gave himself, or an ERP for him. It reports
// whether it ended now: one of another, or that is over, does not.
func (s *Store) TakeBack(ctx context.Context, actor string, principal people.ID, id people.DelegationID) (ended bool, err error) {
	err = s.write(ctx, actor, func(w *writer) error {
		err := w.endDelegations(ctx, "d.id = $1 and d.principal = $2 and d.until > $3", "taken back", id, principal, w.at)
		ended = len(w.notes) > 0
		return err
	})
	if err != nil {
		return false, fmt.Errorf("take back delegation %d: %w", id, err)
	}
	return ended, nil
}
