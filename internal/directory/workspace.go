package directory

import (
	"context"
	"fmt"
)

// workspaceNote is what somebody was known as in Google Workspace, in the journal.
type workspaceNote struct {
	Google string `json:"workspace_id"`
	Why    string `json:"why"`
}

// Detach forgets which account of Google Workspace somebody is: the next sync finds him by
// his login or his address again. Somebody not known as one is ErrUnknown.
func (s *Store) Detach(ctx context.Context, actor, externalID, reason string) error {
	err := s.write(ctx, actor, func(w *writer) error {
		if fault := plain("reason", reason, 1, 500); fault != "" {
			return fmt.Errorf("%s: %w", fault, ErrInvalid)
		}
		e, err := w.entry(ctx, externalID)
		if err != nil {
			return err
		}
		if e.Workspace == "" {
			return fmt.Errorf("no account of Google Workspace: %w", ErrUnknown)
		}
		_, err = w.tx.Exec(ctx, "update person set workspace_id = null where id = $1", e.ID)
		w.note("workspace.detached", e.ExternalID, workspaceNote{e.Workspace, reason}, nil)
		return err
	})
	if err != nil {
		return fmt.Errorf("detach %s: %w", shown(externalID), err)
	}
	return nil
}
