package telegramtest

import (
	"context"
	"fmt"
)

const maxQuery = 256 // characters

// InlineQuery types a query after the name of the bot in a chat of some type, and waits for what is shown.
func (s *Server) InlineQuery(ctx context.Context, userID int64, text string) (InlineAnswered, error) {
	return s.InlineScroll(ctx, userID, text, "")
}

// InlineScroll is InlineQuery for more of the same: with the next offset of the answer before. The app sends no more
// than 256 characters of what is typed.
func (s *Server) InlineScroll(ctx context.Context, userID int64, text, offset string) (InlineAnswered, error) {
	if r := []rune(text); len(r) > maxQuery {
		text = string(r[:maxQuery])
	}
	s.mu.Lock()
	if s.users[userID] == nil {
		s.mu.Unlock()
		return InlineAnswered{}, fmt.Errorf("inline query of user %d: %w", userID, ErrNotPossible)
	}
	q := s.newQuery(userID, InlineLife)
	s.record(Event{Kind: EventInline, UserID: userID, QueryID: q.id, Text: text})
	q.update = &update{kind: "inline_query", queue: "inline " + itoa(userID), userID: userID, query: q}
	payload := map[string]any{"id": q.id, "from": s.wireUser(userID), "query": text, "offset": offset, "chat_type": "sender"}
	s.enqueue(q.update, payload, InlineLife) //nolint:contextcheck // a delivery outlives the call
	s.mu.Unlock()
	select {
	case <-q.done:
	case <-s.ctx.Done():
	case <-ctx.Done():
		return InlineAnswered{}, fmt.Errorf("inline query of user %d: %w", userID, ctx.Err())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !q.answered {
		return InlineAnswered{}, fmt.Errorf("inline query of user %d: %w", userID, ErrUnanswered)
	}
	return q.shown, nil
}

// Choose posts a row of an inline answer into a chat, which need not be known here, and returns the inline id of
// the message. The bot is told of the choice, and sees the message if it is in the chat.
func (s *Server) Choose(userID, chatID int64, r InlineResult, query string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users[userID] == nil {
		return "", fmt.Errorf("choice of user %d: %w", userID, ErrNotPossible)
	}
	m := &Message{From: userID, Date: s.clock.Now()}
	c := s.chats[chatID]
	if c != nil {
		m = s.newMessage(c, userID)
	}
	s.last.query++
	m.InlineID = "AgAAA" + itoa(userID) + "-" + itoa(s.last.query)
	s.inline[m.InlineID] = m
	s.show(m, r.content, r.markup)
	s.record(Event{Kind: EventShown, UserID: userID, ChatID: m.ChatID, MessageID: m.ID, Text: m.Text})
	if !s.options.NoFeedback {
		payload := map[string]any{"result_id": r.ID, "from": s.wireUser(userID), "query": query}
		if len(m.Keyboard) > 0 {
			payload["inline_message_id"] = m.InlineID
		}
		s.enqueue(&update{kind: "chosen_inline_result", queue: "chosen " + itoa(userID), userID: userID}, payload, chosenLife)
	}
	if c != nil && c.Bot != statusLeft && c.Bot != statusKicked {
		s.messageUpdate(c, m, map[string]any{"via_bot": s.wireUser(s.botID)})
	}
	return m.InlineID, nil
}

// RemoveInline makes somebody delete a message of inline mode. The bot is not told.
func (s *Server) RemoveInline(inlineID string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.inline[inlineID]
	if m == nil || m.Deleted {
		return fmt.Errorf("delete inline message %q: %w", inlineID, ErrNotPossible)
	}
	m.Deleted = true
	s.record(Event{Kind: EventDeleted, ChatID: m.ChatID, MessageID: m.ID})
	return nil
}
