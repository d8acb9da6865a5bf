package telegram

import (
	"slices"
	"strings"
	"time"
)

// UpdateKind is what an update is about.
type UpdateKind uint8

// The kinds of update.
const (
	UpdateOther UpdateKind = iota // one that nothing is done about
	UpdateCallback
	UpdateMessage
	UpdateEdited
	UpdateInline
	UpdateChosen
	UpdateMember
)

// String returns the kind as a label.
func (k UpdateKind) String() string {
	names := [...]string{"other", "callback_query", "message", "edited_message", "inline_query", "chosen_inline_result", "my_chat_member"}
	if int(k) < len(names) {
		return names[k]
	}
	return "other"
}

// Update is what we need of an update. Of the pointers the one that Kind names is set.
type Update struct {
	ID       int64
	Kind     UpdateKind
	Callback *Callback
	Message  *Message // UpdateMessage and UpdateEdited
	Inline   *InlineQuery
	Chosen   *Chosen
	Member   *MemberChange
}

// User is a Telegram account. The id is all that identifies it: names change hands.
type User struct {
	ID        int64
	IsBot     bool
	FirstName string
	LastName  string
	Username  string
	Language  string // as the app says, for instance "pt-br"
}

// Person says whether the account is somebody who can be held to a decision: not a bot, and none of the
// placeholders that stand for an anonymous administrator, a channel, or Telegram itself.
func (u User) Person() bool {
	placeholders := []int64{777000, 1087968824, 136817688}
	return u.ID > 0 && !u.IsBot && !slices.Contains(placeholders, u.ID)
}

// Name is how the account calls itself.
func (u User) Name() string { return strings.TrimSpace(u.FirstName + " " + u.LastName) }

// Chat is where a message stands. Types that are new are passed on as they are.
type Chat struct {
	ID    int64
	Type  string // private, group, supergroup, channel
	Title string // the name of the person in a private chat
	Forum bool
}

// Private says whether it is the chat of one person with the bot.
func (c Chat) Private() bool { return c.Type == "private" && c.ID > 0 }

// Callback is a tap on a button.
type Callback struct {
	ID   string
	From User
	// Message is the message of the button; nil when it was posted by inline mode.
	Message *Message
	// InlineID is the message of the button when it was posted by inline mode.
	InlineID     string
	ChatInstance string
	// Data is what the button carries, or what a forged client says it does; empty for a game.
	Data string
	Game string
}

// Message is what we need of a message.
type Message struct {
	ID       int64
	ThreadID int64
	// InTopic means that ThreadID is a topic of a forum; otherwise it is a thread of replies.
	InTopic bool
	// Date is what Telegram says. It decides nothing: the ledger has its own clock.
	Date time.Time
	// Inaccessible means that only the chat and the id are known.
	Inaccessible bool
	Chat         Chat
	// From is nil in channels.
	From *User
	// SenderChat is set when it was written in the name of a chat: From is then a placeholder.
	SenderChat *Chat
	Text       string
	Caption    string
	ReplyTo    *Reply
	Contact    *Contact
	// Attached is the file that it carries, of whatever kind.
	Attached *Attached
	// Album is the same in messages that were sent as one.
	Album     string
	Forwarded bool
	// ViaBot means that it was posted by inline mode.
	ViaBot bool
	// MigrateTo and MigrateFrom announce that a group has got another id.
	MigrateTo   int64
	MigrateFrom int64
}

// Written says whether the sender wrote the message himself, under his own name: not forwarded, not in the
// name of a chat, not through a bot.
func (m *Message) Written() bool {
	return m.From != nil && m.From.Person() && m.SenderChat == nil && !m.Forwarded && !m.ViaBot
}

// Attached is a file of a message, as the messenger tells of it. None of it is proven.
type Attached struct {
	Kind   string // document, photo, video, voice and so on
	FileID string
	Name   string // of a document
	Size   int64  // zero if not told
}

// Reply is the message that was replied to.
type Reply struct {
	ID   int64
	Date time.Time // by the same clock as that of the message
	From *User
	Data []string // of its buttons
}

// Contact is a shared telephone number.
type Contact struct {
	Phone     string
	UserID    int64 // zero if the number belongs to nobody known
	FirstName string
}

// InlineQuery is what a person types after the name of the bot.
type InlineQuery struct {
	ID       string
	From     User
	Query    string
	Offset   string
	ChatType string
}

// Chosen is a row of an inline answer that was posted.
type Chosen struct {
	From     User
	ResultID string
	Query    string
	// InlineID is the message that was posted, if it has buttons.
	InlineID string
}

// MemberChange says that the bot's own place in a chat changed.
type MemberChange struct {
	Chat Chat
	From User
	Old  ChatMember
	New  ChatMember
}

// ChatMember is what an account is in a chat.
type ChatMember struct {
	User   User
	Status string // creator, administrator, member, restricted, left, kicked, or something new
	// IsMember and CanSend are told of restricted members.
	IsMember bool
	CanSend  bool
}

// Present says whether the account is in the chat.
func (m ChatMember) Present() bool {
	switch m.Status {
	case "creator", "administrator", "member":
		return true
	case "restricted":
		return m.IsMember
	default:
		return false
	}
}

// Writes says whether the account may write in the chat.
func (m ChatMember) Writes() bool {
	return m.Present() && (m.Status != "restricted" || m.CanSend)
}
