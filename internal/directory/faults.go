package directory

import (
	"context"
	"fmt"

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

// Untold lists the chats whose fault, or whose being well again, the administrators have
// not been told of.
func (s *Store) Untold(ctx context.Context) ([]Chat, error) {
	return someChats(ctx, s.Pool, "fault <> told")
}

// Told notes that the administrators know of the fault of a chat as it was listed. One
// that has changed since is still owed.
func (s *Store) Told(ctx context.Context, c Chat) error {
	if _, err := s.Pool.Exec(ctx, `update chat set told = $2 where id = $1`, c.ID, c.Fault); err != nil {
		return fmt.Errorf("fault of chat %s: %w", shown(c.ExternalID), err)
	}
	return nil
}
