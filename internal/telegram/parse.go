package telegram

import (
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// ErrUnreadable means that an update can never be understood: put it aside and answer 200, or it
// blocks everything behind it.
var ErrUnreadable = errors.New("unreadable update")

// maxDepth is far above what Telegram sends.
const maxDepth = 100

// Parse reads an update. Unknown fields and values are no error; a name in another case is another name; a name
// twice, two payloads, a second document, or an identity that is not a positive whole number is ErrUnreadable.
func Parse(body []byte) (Update, error) {
	head, err := Envelope(body)
	if err != nil {
		return Update{}, err
	}
	u := Update{ID: head.ID}
	switch head.name {
	case "callback_query":
		u.Kind = UpdateCallback
		u.Callback, err = parseAs[wireCallback](head.payload, (*wireCallback).callback)
	case "message", "edited_message":
		u.Kind = UpdateMessage
		if head.name == "edited_message" {
			u.Kind = UpdateEdited
		}
		u.Message, err = parseAs[wireMessage](head.payload, (*wireMessage).top)
	case "inline_query":
		u.Kind = UpdateInline
		u.Inline, err = parseAs[wireInline](head.payload, (*wireInline).query)
	case "chosen_inline_result":
		u.Kind = UpdateChosen
		u.Chosen, err = parseAs[wireChosenResult](head.payload, (*wireChosenResult).chosen)
	case "my_chat_member":
		u.Kind = UpdateMember
		u.Member, err = parseAs[wireChange](head.payload, (*wireChange).change)
	}
	if err != nil {
		return Update{}, fmt.Errorf("update %d, %s: %w: %w", head.ID, head.name, ErrUnreadable, err)
	}
	return u, nil
}

func parseAs[W, T any](payload []byte, convert func(*W) (*T, error)) (*T, error) {
	var w W
	// Invalid UTF-8 becomes U+FFFD: a tap with spoiled data deserves its answer.
	if err := json.Unmarshal(payload, &w, jsontext.AllowInvalidUTF8(true)); err != nil {
		return nil, err
	}
	return convert(&w)
}

var (
	errNobody   = errors.New("has no sender")
	errIdentity = errors.New("has an id out of range")
)

type wireUser struct {
	ID        int64  `json:"id"`
	IsBot     bool   `json:"is_bot"`
	FirstName string `json:"first_name"`
	LastName  string `json:"last_name"`
	Username  string `json:"username"`
	Language  string `json:"language_code"`
}

func (w *wireUser) user() (*User, error) {
	if w == nil {
		return nil, nil // channels have no sender
	}
	if w.ID <= 0 {
		return nil, errIdentity
	}
	return new(User(*w)), nil
}

// sender is for what must come from somebody.
func (w *wireUser) sender() (User, error) {
	u, err := w.user()
	if err != nil {
		return User{}, err
	}
	if u == nil {
		return User{}, errNobody
	}
	return *u, nil
}

type wireChat struct {
	ID        int64  `json:"id"`
	Type      string `json:"type"`
	Title     string `json:"title"`
	FirstName string `json:"first_name"`
	LastName  string `json:"last_name"`
	Forum     bool   `json:"is_forum"`
}

func (w *wireChat) chat() Chat {
	c := Chat{ID: w.ID, Type: w.Type, Title: w.Title, Forum: w.Forum}
	if c.Title == "" {
		c.Title = User{FirstName: w.FirstName, LastName: w.LastName}.Name()
	}
	return c
}

type wireFile struct {
	FileID string `json:"file_id"`
	Name   string `json:"file_name"`
	Size   int64  `json:"file_size"`
}

// attached finds the file of a message. The last picture is the largest.
func (w *wireMessage) attached() *Attached {
	if n := len(w.Photo); n > 0 {
		return w.Photo[n-1].as("photo")
	}
	for _, f := range []struct {
		kind string
		file *wireFile
	}{
		{"document", w.Document}, {"video", w.Video}, {"voice", w.Voice}, {"audio", w.Audio}, {"video_note", w.VideoNote}, {"sticker", w.Sticker},
	} {
		if f.file != nil {
			return f.file.as(f.kind)
		}
	}
	return nil
}

func (w *wireFile) as(kind string) *Attached {
	return &Attached{Kind: kind, FileID: w.FileID, Name: w.Name, Size: max(w.Size, 0)}
}

type wireMessage struct {
	ID          int64          `json:"message_id"`
	ThreadID    int64          `json:"message_thread_id"`
	InTopic     bool           `json:"is_topic_message"`
	Date        int64          `json:"date"`
	Chat        *wireChat      `json:"chat"`
	From        *wireUser      `json:"from"`
	SenderChat  *wireChat      `json:"sender_chat"`
	ViaBot      *wireUser      `json:"via_bot"`
	Text        string         `json:"text"`
	Caption     string         `json:"caption"`
	ReplyTo     *wireReply     `json:"reply_to_message"`
	Contact     *wireContact   `json:"contact"`
	Document    *wireFile      `json:"document"`
	Photo       []wireFile     `json:"photo"`
	Video       *wireFile      `json:"video"`
	Voice       *wireFile      `json:"voice"`
	Audio       *wireFile      `json:"audio"`
	VideoNote   *wireFile      `json:"video_note"`
	Sticker     *wireFile      `json:"sticker"`
	Album       string         `json:"media_group_id"`
	Origin      jsontext.Value `json:"forward_origin"`
	ForwardDate jsontext.Value `json:"forward_date"`
	MigrateTo   int64          `json:"migrate_to_chat_id"`
	MigrateFrom int64          `json:"migrate_from_chat_id"`
}

type wireReply struct {
	Date   int64     `json:"date"`
	ID     int64     `json:"message_id"`
	From   *wireUser `json:"from"`
	Markup struct {
		Rows [][]struct {
			Data string `json:"callback_data"`
		} `json:"inline_keyboard"`
	} `json:"reply_markup"`
}

// data lists what the buttons of the message carry.
func (w *wireReply) data() []string {
	var out []string
	for _, row := range w.Markup.Rows {
		for _, b := range row {
			if b.Data != "" {
				out = append(out, b.Data)
			}
		}
	}
	return out
}

type wireContact struct {
	Phone     string `json:"phone_number"`
	FirstName string `json:"first_name"`
	UserID    int64  `json:"user_id"`
}

// top is a message that is the update itself, and so not an inaccessible one.
func (w *wireMessage) top() (*Message, error) {
	m, err := w.message()
	if err == nil {
		m.Inaccessible = false
	}
	return m, err
}

func (w *wireMessage) message() (*Message, error) {
	if w.Chat == nil || w.Chat.ID == 0 || w.ID < 0 {
		return nil, errIdentity
	}
	from, err := w.From.user()
	if err != nil {
		return nil, err
	}
	m := &Message{
		ID: w.ID, ThreadID: w.ThreadID, InTopic: w.InTopic, Date: time.Unix(w.Date, 0).UTC(), Inaccessible: w.Date == 0,
		Chat: w.Chat.chat(), From: from, Text: w.Text, Caption: w.Caption,
		Forwarded: set(w.Origin) || set(w.ForwardDate), ViaBot: w.ViaBot != nil,
		MigrateTo: w.MigrateTo, MigrateFrom: w.MigrateFrom,
	}
	if w.SenderChat != nil {
		m.SenderChat = new(w.SenderChat.chat())
	}
	if w.ReplyTo != nil {
		m.ReplyTo = &Reply{ID: w.ReplyTo.ID, Date: time.Unix(w.ReplyTo.Date, 0).UTC(), Data: w.ReplyTo.data()}
		if m.ReplyTo.From, err = w.ReplyTo.From.user(); err != nil {
			return nil, fmt.Errorf("message replied to: %w", err)
		}
	}
	if w.Contact != nil {
		m.Contact = &Contact{Phone: w.Contact.Phone, UserID: w.Contact.UserID, FirstName: w.Contact.FirstName}
	}
	m.Attached, m.Album = w.attached(), w.Album
	return m, nil
}

func set(v jsontext.Value) bool { return len(v) > 0 && v.Kind() != 'n' }

type wireCallback struct {
	ID           string       `json:"id"`
	From         *wireUser    `json:"from"`
	Message      *wireMessage `json:"message"`
	InlineID     string       `json:"inline_message_id"`
	ChatInstance string       `json:"chat_instance"`
	Data         string       `json:"data"`
	Game         string       `json:"game_short_name"`
}

func (w *wireCallback) callback() (*Callback, error) {
	from, err := w.From.sender()
	if err != nil {
		return nil, err
	}
	c := &Callback{ID: w.ID, From: from, InlineID: w.InlineID, ChatInstance: w.ChatInstance, Data: w.Data, Game: w.Game}
	if w.Message != nil {
		c.Message, err = w.Message.message()
	}
	return c, err
}

type wireInline struct {
	ID       string    `json:"id"`
	From     *wireUser `json:"from"`
	Query    string    `json:"query"`
	Offset   string    `json:"offset"`
	ChatType string    `json:"chat_type"`
}

func (w *wireInline) query() (*InlineQuery, error) {
	from, err := w.From.sender()
	return &InlineQuery{ID: w.ID, From: from, Query: w.Query, Offset: w.Offset, ChatType: w.ChatType}, err
}

type wireChosenResult struct {
	From     *wireUser `json:"from"`
	ResultID string    `json:"result_id"`
	Query    string    `json:"query"`
	InlineID string    `json:"inline_message_id"`
}

func (w *wireChosenResult) chosen() (*Chosen, error) {
	from, err := w.From.sender()
	return &Chosen{From: from, ResultID: w.ResultID, Query: w.Query, InlineID: w.InlineID}, err
}

type wireMember struct {
	User     *wireUser `json:"user"`
	Status   string    `json:"status"`
	IsMember bool      `json:"is_member"`
	CanSend  bool      `json:"can_send_messages"`
}

func (w *wireMember) member() ChatMember {
	m := ChatMember{Status: w.Status, IsMember: w.IsMember, CanSend: w.CanSend}
	if w.User != nil {
		m.User = User(*w.User)
	}
	return m
}

type wireChange struct {
	Chat *wireChat  `json:"chat"`
	From *wireUser  `json:"from"`
	Old  wireMember `json:"old_chat_member"`
	New  wireMember `json:"new_chat_member"`
}

func (w *wireChange) change() (*MemberChange, error) {
	from, err := w.From.sender()
	if err != nil {
		return nil, err
	}
	if w.Chat == nil || w.Chat.ID == 0 {
		return nil, errIdentity
	}
	return &MemberChange{Chat: w.Chat.chat(), From: from, Old: w.Old.member(), New: w.New.member()}, nil
}
