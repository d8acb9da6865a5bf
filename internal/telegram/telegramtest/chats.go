package telegramtest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// User is an account.
type User struct {
	ID       int64
	Name     string
	Username string
	Lang     string
	Bot      bool
	// Deactivated accounts cannot be written to.
	Deactivated bool
}

// The types of chat.
const (
	Private    = "private"
	Group      = "group"
	Supergroup = "supergroup"
)

// Chat is a conversation, as people see it.
type Chat struct {
	ID      int64
	Type    string
	Title   string
	Forum   bool
	Members []int64
	// Admins are those of the members who run it.
	Admins []int64
	// Bot is what the bot is there: member, administrator, restricted, left or kicked.
	Bot string
	// Denied are what ordinary members may not do, of can_send_messages and can_send_documents.
	Denied []string
	// Started says that the person has begun the private chat.
	Started bool
	// Blocked says that the person has blocked the bot.
	Blocked bool
	// MigratedTo is the supergroup that the group has become.
	MigratedTo int64
}

// ErrNotPossible means that a person could not have done that.
var ErrNotPossible = errors.New("not possible")

const (
	statusMember     = "member"
	statusRestricted = "restricted"
	statusLeft       = "left"
	statusKicked     = "kicked"
)

// chat is a conversation with all it holds.
type chat struct {
	Chat
	topics   map[int64]bool // true is open
	lastID   int64          // of messages, in a supergroup
	messages []*Message
}

// User adds an account, or changes its name and language. It has no chat with the bot until StartBot.
func (s *Server) User(id int64, name, lang string) User {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, known := s.users[id]
	if !known {
		u = &User{ID: id, Username: "user" + itoa(id)}
		s.users[id] = u
	}
	u.Name, u.Lang = name, lang
	s.touch()
	return *u
}

// ChangeUser changes an account, or adds it, as the function says.
func (s *Server) ChangeUser(id int64, change func(*User)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, known := s.users[id]
	if !known {
		u = &User{ID: id}
		s.users[id] = u
	}
	change(u)
	s.touch()
}

// Users returns all accounts, by id.
func (s *Server) Users() []User {
	s.mu.Lock()
	defer s.mu.Unlock()
	var users []User
	for _, id := range slices.Sorted(maps.Keys(s.users)) {
		users = append(users, *s.users[id])
	}
	return users
}

// AddChat adds a group or supergroup with the bot and these members; its id is negative, and begins with -100 for
// a supergroup. The bot is told that it was added by the first member.
func (s *Server) AddChat(c Chat) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.ID >= 0 || (c.Type != Group && c.Type != Supergroup) || s.chats[c.ID] != nil {
		return fmt.Errorf("add chat %d of type %q: %w", c.ID, c.Type, ErrNotPossible)
	}
	for _, id := range c.Members {
		if s.users[id] == nil {
			return fmt.Errorf("add chat %d: user %d is not known: %w", c.ID, id, ErrNotPossible)
		}
	}
	if c.Bot == "" {
		c.Bot = statusMember
	}
	c.Members = slices.Clone(c.Members)
	added := &chat{Chat: c, topics: map[int64]bool{}}
	s.chats[c.ID] = added
	if len(c.Members) > 0 {
		s.memberUpdate(added, c.Members[0], statusLeft, c.Bot)
	}
	s.touch()
	return nil
}

// ChangeChat changes a chat as the function says: its members, its title, whether it is a forum. The bot is told
// when its own place changes, as if the first member had done it.
func (s *Server) ChangeChat(id int64, change func(*Chat)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.chats[id]
	if c == nil {
		return fmt.Errorf("change chat %d: %w", id, ErrNotPossible)
	}
	before := c.Bot
	change(&c.Chat)
	if c.Bot != before {
		actor := id
		if len(c.Members) > 0 {
			actor = c.Members[0]
		}
		s.memberUpdate(c, actor, before, c.Bot)
	}
	s.touch()
	return nil
}

// Topic opens or closes a topic of a forum.
func (s *Server) Topic(chatID, threadID int64, open bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.chats[chatID]
	if c == nil || !c.Forum {
		return fmt.Errorf("topic %d of chat %d: %w", threadID, chatID, ErrNotPossible)
	}
	c.topics[threadID] = open
	s.touch()
	return nil
}

// DeleteTopic removes a topic of a forum.
func (s *Server) DeleteTopic(chatID, threadID int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.chats[chatID]; c != nil {
		delete(c.topics, threadID)
		s.touch()
	}
}

// Migrate makes a group a supergroup with another id. Both chats tell the bot; the old messages stay behind.
func (s *Server) Migrate(groupID, supergroupID int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.chats[groupID]
	if old == nil || old.Type != Group || old.MigratedTo != 0 || s.chats[supergroupID] != nil || supergroupID >= 0 {
		return fmt.Errorf("migrate %d to %d: %w", groupID, supergroupID, ErrNotPossible)
	}
	fresh := &chat{Chat: old.Chat, topics: map[int64]bool{}}
	fresh.ID, fresh.Type, fresh.Members = supergroupID, Supergroup, slices.Clone(old.Members)
	s.chats[supergroupID] = fresh
	old.MigratedTo = supergroupID
	to := s.newMessage(old, s.someone(old))
	s.messageUpdate(old, to, map[string]any{"migrate_to_chat_id": supergroupID})
	from := s.newMessage(fresh, s.someone(old))
	s.messageUpdate(fresh, from, map[string]any{"migrate_from_chat_id": groupID})
	return nil
}

func (s *Server) someone(c *chat) int64 {
	if len(c.Members) > 0 {
		return c.Members[0]
	}
	return s.botID
}

// Chats returns all chats, by id.
func (s *Server) Chats() []Chat {
	s.mu.Lock()
	defer s.mu.Unlock()
	var chats []Chat
	for _, id := range slices.Sorted(maps.Keys(s.chats)) {
		c := s.chats[id].Chat
		c.Members = slices.Clone(c.Members)
		chats = append(chats, c)
	}
	return chats
}

// Messages returns what is in a chat, oldest first, without deleted messages.
func (s *Server) Messages(chatID int64) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.chats[chatID]
	if c == nil {
		return nil
	}
	var messages []Message
	for _, m := range c.messages {
		if !m.Deleted {
			messages = append(messages, m.clone())
		}
	}
	return messages
}

// Message returns one message, deleted or not.
func (s *Server) Message(chatID, messageID int64) (Message, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.find(chatID, messageID)
	if m == nil {
		return Message{}, false
	}
	return m.clone(), true
}

// InlineMessage returns a message of inline mode by its inline id.
func (s *Server) InlineMessage(inlineID string) (Message, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.inline[inlineID]
	if m == nil {
		return Message{}, false
	}
	return m.clone(), true
}

func (s *Server) find(chatID, messageID int64) *Message {
	c := s.chats[chatID]
	if c == nil {
		return nil
	}
	i, found := slices.BinarySearchFunc(c.messages, messageID, func(m *Message, id int64) int { return int(m.ID - id) })
	if !found {
		return nil
	}
	return c.messages[i]
}

// writable finds the chat of a call and says why the bot may not write there.
func (s *Server) writable(id int64) (*chat, *refusal) {
	c := s.chats[id]
	switch u := s.users[id]; {
	case u != nil && u.Bot:
		return nil, forbidden("bot can't send messages to bots")
	case u != nil && u.Deactivated:
		return nil, forbidden("user is deactivated")
	case c == nil && u != nil && s.met(id):
		return nil, forbidden("bot can't initiate conversation with a user")
	case c == nil:
		return nil, bad("chat not found")
	case c.MigratedTo != 0:
		r := bad("group chat was upgraded to a supergroup chat")
		r.migrateTo = c.MigratedTo
		return nil, r
	case c.Blocked:
		return nil, forbidden("bot was blocked by the user")
	case c.Bot == statusKicked:
		return nil, forbidden("bot was kicked from the " + c.Type + " chat")
	case c.Bot == statusLeft:
		return nil, forbidden("bot is not a member of the " + c.Type + " chat")
	case c.Bot == statusRestricted:
		return nil, bad("not enough rights to send text messages to the chat")
	default:
		return c, nil
	}
}

// met says whether the bot shares a group with a person.
func (s *Server) met(userID int64) bool {
	for _, c := range s.chats {
		if slices.Contains(c.Members, userID) {
			return true
		}
	}
	return false
}
