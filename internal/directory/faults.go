package directory

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"countersign/internal/ident"
)

// TopicFault is the fault of a chat whose topic takes no messages. They go to the group itself.
const TopicFault = "the topic is closed or deleted; messages go to the group itself"

// ChatFault notes why nothing arrives in the chat with the id (cht_…): kicked, no right
// to write. Empty: it works again.
func (s *Store) ChatFault(ctx context.Context, id, fault string) error {
	err := s.write(ctx, actorTelegram, func(w *writer) error {
		if text := plain("fault", fault, 0, 500); text != "" {
			return fmt.Errorf("%s: %w", text, ErrInvalid)
		}
		if !ident.Valid("cht", id) {
			return ErrUnknown
		}
		c, err := oneChat(ctx, w.tx, "id = $1", id)
		if err != nil || c.Fault == fault {
			return err
		}
		before := c.note()
		c.Fault, c.FaultAt = fault, w.at
		w.note("chat.fault", c.ExternalID, before, c.note())
		return w.updateChat(ctx, c)
	})
	if err != nil {
		return fmt.Errorf("fault of chat %s: %w", shown(id), err)
	}
	return nil
}

// Tx is a transaction, for those who only hand it on.
type Tx = pgx.Tx

// TellFaults hands on each chat whose fault, or whose being well again, the administrators
// have not been told of, and notes in the same commit that they are.
func (s *Store) TellFaults(ctx context.Context, tell func(tx Tx, c Chat) error) error {
	owed, err := someChats(ctx, s.Pool, "fault <> told")
	if err != nil {
		return err
	}
	for _, c := range owed {
		err := pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
			// One that has changed since is still owed, and one that another replica told is not.
			tag, err := tx.Exec(ctx, "update chat set told = $2 where id = $1 and fault = $2 and told <> $2", c.ID, c.Fault)
			if err != nil || tag.RowsAffected() == 0 {
				return err
			}
			return tell(tx, c)
		})
		if err != nil {
			return fmt.Errorf("fault of chat %s: %w", shown(c.ExternalID), err)
		}
	}
	return nil
}
