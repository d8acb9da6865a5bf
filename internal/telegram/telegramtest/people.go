package telegramtest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Said is a message that a person writes.
type Said struct {
	UserID   int64
	ChatID   int64
	ThreadID int64
	ReplyTo  int64
	Text     string
	// Forwarded marks it as forwarded from somebody else.
	Forwarded bool
	// Anonymous writes in the name of the chat.
	Anonymous bool
	// Phone and PhoneOwner share a contact.
	Phone      string
	PhoneOwner int64
	// FileName and File attach a document; Text is its caption.
	FileName string
	File     []byte
	// Photo sends the file as a picture, which has no name.
	Photo bool
	// Album makes it one of several that are sent together.
	Album string
	// Extra are members of the update as they are, for what else a message may carry.
	Extra map[string]any
}

// StartBot opens the private chat of a person with the bot, or unblocks the bot, and sends /start with the payload.
// It returns the id of the message.
func (s *Server) StartBot(userID int64, payload string) (int64, error) {
	s.mu.Lock()
	if s.users[userID] == nil {
		s.mu.Unlock()
		return 0, fmt.Errorf("start of user %d: %w", userID, ErrNotPossible)
	}
	c := s.chats[userID]
	if c == nil {
		c = &chat{Chat: Chat{ID: userID, Type: Private, Title: s.users[userID].Name, Members: []int64{userID}, Bot: statusMember}}
		s.chats[userID] = c
	}
	c.Started = true
	s.unblock(c)
	s.mu.Unlock()
	return s.Say(userID, userID, strings.TrimSpace("/start "+payload), 0)
}

// Block makes a person block the bot.
func (s *Server) Block(userID int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.chats[userID]
	if c == nil || c.Blocked {
		return fmt.Errorf("block by user %d: %w", userID, ErrNotPossible)
	}
	c.Blocked = true
	s.memberUpdate(c, userID, statusMember, statusKicked)
	return nil
}

// Unblock makes a person let the bot in again, without a /start.
func (s *Server) Unblock(userID int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.chats[userID]; c != nil {
		s.unblock(c)
	}
}

func (s *Server) unblock(c *chat) {
	if c.Blocked {
		c.Blocked = false
		s.memberUpdate(c, c.ID, statusKicked, statusMember)
	}
}

// Say writes a text in a chat, as a reply if replyTo is not zero, and returns the id of the message.
func (s *Server) Say(userID, chatID int64, text string, replyTo int64) (int64, error) {
	return s.Post(Said{UserID: userID, ChatID: chatID, Text: text, ReplyTo: replyTo})
}

// Post writes a message in a chat and returns its id. In groups the bot hears only what privacy mode lets through.
func (s *Server) Post(p Said) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.chats[p.ChatID]
	if err := s.present(c, p.UserID); err != nil {
		return 0, fmt.Errorf("message to chat %d: %w", p.ChatID, err)
	}
	m := s.newMessage(c, p.UserID)
	m.ReplyTo, m.ThreadID = p.ReplyTo, p.ThreadID
	m.Photo, m.Album, m.Phone = p.Photo && p.File != nil, p.Album, p.Phone
	switch {
	case m.Photo:
		m.Document = s.store("photo", upload{name: "photo.jpg", mime: "image/jpeg", data: p.File}).document()
	case p.File != nil:
		m.Document = s.store("document", upload{name: p.FileName, mime: "application/octet-stream", data: p.File}).document()
	}
	text := content{text: p.Text}
	text.tidy()
	if word, _, _ := strings.Cut(text.text, " "); strings.HasPrefix(word, "/") {
		text.entities = []Entity{{Type: "bot_command", Length: len16(word)}}
	}
	s.show(m, text, markup{})
	s.record(Event{Kind: EventSay, UserID: p.UserID, ChatID: p.ChatID, MessageID: m.ID, Text: m.Text})
	if s.hears(c, m) {
		s.messageUpdate(c, m, p.extras(s))
	}
	return m.ID, nil
}

// EditSaid changes the text of a person's own message.
func (s *Server) EditSaid(userID, chatID, messageID int64, text string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.find(chatID, messageID)
	if m == nil || m.Deleted || m.From != userID {
		return fmt.Errorf("edit message %d of chat %d: %w", messageID, chatID, ErrNotPossible)
	}
	s.show(m, content{text: text}, markup{})
	m.Edits++
	m.EditedAt = s.clock.Now()
	s.record(Event{Kind: EventEdited, UserID: userID, ChatID: chatID, MessageID: messageID, Text: text})
	if c := s.chats[chatID]; s.hears(c, m) {
		s.enqueue(&update{kind: "edited_message", queue: "chat " + itoa(chatID), userID: userID}, s.wireMessage(m), messageLife)
	}
	return nil
}

// Remove makes a person delete a message, the bot's for instance. The bot is not told.
func (s *Server) Remove(userID, chatID, messageID int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.find(chatID, messageID)
	if err := s.present(s.chats[chatID], userID); err != nil || m == nil || m.Deleted {
		return fmt.Errorf("delete message %d of chat %d: %w", messageID, chatID, ErrNotPossible)
	}
	m.Deleted = true
	s.record(Event{Kind: EventDeleted, UserID: userID, ChatID: chatID, MessageID: messageID})
	return nil
}

func (p Said) extras(s *Server) map[string]any {
	more := maps.Clone(p.Extra)
	if more == nil {
		more = map[string]any{}
	}
	if p.Forwarded {
		more["forward_origin"] = map[string]any{"type": "hidden_user", "sender_user_name": "Somebody", "date": s.clock.Now().Unix()}
	}
	if p.Anonymous {
		more["sender_chat"] = s.wireChat(p.ChatID)
		more["from"] = map[string]any{"id": 1087968824, "is_bot": true, "first_name": "Group", "username": "GroupAnonymousBot"}
	}
	if p.Phone != "" {
		more["contact"] = map[string]any{"phone_number": p.Phone, "first_name": "Contact", "user_id": p.PhoneOwner}
	}
	return more
}

// present says whether a person can act in a chat.
func (s *Server) present(c *chat, userID int64) error {
	switch {
	case s.users[userID] == nil:
		return fmt.Errorf("user %d is not known: %w", userID, ErrNotPossible)
	case c == nil || c.MigratedTo != 0 || !slices.Contains(c.Members, userID):
		return fmt.Errorf("user %d is not there: %w", userID, ErrNotPossible)
	case c.Blocked:
		return fmt.Errorf("user %d has blocked the bot: %w", userID, ErrNotPossible)
	default:
		return nil
	}
}

// hears says whether the bot gets a message: in a group with privacy mode only commands, and replies to itself.
func (s *Server) hears(c *chat, m *Message) bool {
	switch {
	case c.Type == Private:
		return true
	case c.Bot == statusLeft, c.Bot == statusKicked:
		return false
	case s.options.ReadsAll, c.Bot == "administrator":
		return true
	}
	if replied := s.find(c.ID, m.ReplyTo); replied != nil && replied.From == s.botID {
		return true
	}
	word, _, _ := strings.Cut(m.Text, " ")
	_, bot, addressed := strings.Cut(word, "@")
	return strings.HasPrefix(word, "/") && (!addressed || strings.EqualFold(bot, s.options.BotName))
}

// press says who taps what.
type press struct {
	userID, chatID, messageID int64
	inlineID, data            string
}

// Tap taps the button of a message whose text contains the given one, or whose data is it, and waits for
// the answer.
func (s *Server) Tap(ctx context.Context, userID, chatID, messageID int64, button string) (Answered, error) {
	t, err := s.Press(userID, chatID, messageID, button) //nolint:contextcheck // a delivery outlives the call
	if err != nil {
		return Answered{}, err
	}
	return t.Wait(ctx)
}

// Press is Tap without waiting.
func (s *Server) Press(userID, chatID, messageID int64, button string) (*Tapped, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.find(chatID, messageID)
	if err := s.present(s.chats[chatID], userID); err != nil {
		return nil, err
	}
	if m == nil || m.Deleted {
		return nil, fmt.Errorf("tap on message %d of chat %d: %w", messageID, chatID, ErrNotPossible)
	}
	data, err := m.data(button)
	if err != nil {
		return nil, err
	}
	return s.tap(press{userID: userID, chatID: chatID, messageID: messageID, inlineID: m.InlineID, data: data}), nil
}

// Forge sends a tap with any data, as a modified app can, or as an app does that still shows an old keyboard.
func (s *Server) Forge(userID, chatID, messageID int64, data string) (*Tapped, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users[userID] == nil {
		return nil, fmt.Errorf("tap of user %d: %w", userID, ErrNotPossible)
	}
	return s.tap(press{userID: userID, chatID: chatID, messageID: messageID, data: data}), nil
}

// PressInline taps a button of a message of inline mode. Anybody who sees it may.
func (s *Server) PressInline(userID int64, inlineID, button string) (*Tapped, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.inline[inlineID]
	if s.users[userID] == nil || m == nil || m.Deleted {
		return nil, fmt.Errorf("tap on inline message %q: %w", inlineID, ErrNotPossible)
	}
	data, err := m.data(button)
	if err != nil {
		return nil, err
	}
	return s.tap(press{userID: userID, inlineID: inlineID, data: data}), nil
}

// data finds the data of a button.
func (m *Message) data(button string) (string, error) {
	for _, row := range m.Keyboard {
		for _, b := range row {
			if b.Data != "" && b.Data == button {
				return b.Data, nil
			}
		}
	}
	if b, found := m.Button(button); found && b.Data != "" {
		return b.Data, nil
	}
	return "", fmt.Errorf("message %d has no button %q to tap: %w", m.ID, button, ErrNotPossible)
}

func (s *Server) tap(p press) *Tapped {
	q := s.newQuery(p.userID, TapLife)
	payload := map[string]any{
		"id": q.id, "from": s.wireUser(p.userID), "data": p.data,
		"chat_instance": itoa(p.chatID*7919 + 17),
	}
	m := s.find(p.chatID, p.messageID)
	switch {
	case p.inlineID != "":
		payload["inline_message_id"] = p.inlineID
	case m == nil || m.Deleted:
		payload["message"] = map[string]any{"chat": s.wireChat(p.chatID), "message_id": p.messageID, "date": 0}
	default:
		payload["message"] = s.wireMessage(m)
	}
	s.record(Event{Kind: EventTap, UserID: p.userID, ChatID: p.chatID, MessageID: p.messageID, QueryID: q.id, Data: p.data})
	q.update = &update{kind: "callback_query", queue: "tap " + itoa(p.userID), userID: p.userID, query: q}
	id := s.enqueue(q.update, payload, TapLife)
	return &Tapped{UpdateID: id, QueryID: q.id, server: s, press: p, query: q}
}
