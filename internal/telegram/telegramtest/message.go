package telegramtest

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// Message is a message, as people see it.
type Message struct {
	ID       int64
	ChatID   int64
	ThreadID int64
	From     int64 // the account that wrote it
	Date     time.Time
	// Text is the text, or the caption of a document, without tags; HTML is as the bot sent it.
	Text     string
	HTML     string
	Entities []Entity
	Keyboard [][]Button
	Document *Document
	// Photo says that the document is a picture, shown as one.
	Photo   bool
	Album   string // of messages that were sent as one
	ReplyTo int64
	// Reactions are what the bot has put under it.
	Reactions []string
	// ForceReply and Placeholder ask the person for a reply.
	ForceReply  bool
	Placeholder string
	// ReplyKeyboard are the texts of a keyboard in place of the person's own.
	ReplyKeyboard [][]string
	// Phone is the number of the contact that a person has shared by it.
	Phone string
	// Contact is the text of its button that shares the person's own number; Bare takes such a
	// keyboard away.
	Contact   string
	Bare      bool
	Silent    bool
	Protected bool
	NoPreview bool
	Edits     int
	EditedAt  time.Time
	Deleted   bool
	// InlineID is set when it was posted by inline mode.
	InlineID string
	// History has every state that the message has been in, the present one last.
	History []Version

	raw json.RawMessage // of the keyboard
}

// Version is a state of a message.
type Version struct {
	At       time.Time
	Text     string
	HTML     string
	Keyboard [][]Button
}

// Document is a file of a message.
type Document struct {
	FileID string
	Name   string
	MIME   string
	Size   int64
}

// Edited says whether the message has been changed.
func (m *Message) Edited() bool { return m.Edits > 0 }

// Button returns the first button whose text contains the given one.
func (m *Message) Button(text string) (Button, bool) {
	for _, row := range m.Keyboard {
		for _, b := range row {
			if strings.Contains(b.Text, text) {
				return b, true
			}
		}
	}
	return Button{}, false
}

func (m *Message) clone() Message {
	c := *m
	c.Entities, c.Keyboard, c.History = slices.Clone(m.Entities), cloneRows(m.Keyboard), slices.Clone(m.History)
	if m.Document != nil {
		c.Document = new(*m.Document)
	}
	return c
}

func cloneRows(rows [][]Button) [][]Button {
	c := slices.Clone(rows)
	for i := range c {
		c[i] = slices.Clone(c[i])
	}
	return c
}

// newMessage appends an empty message to a chat.
func (s *Server) newMessage(c *chat, from int64) *Message {
	id := &s.last.message // shared by all chats but supergroups
	if c.Type == Supergroup {
		id = &c.lastID
	}
	*id++
	m := &Message{ID: *id, ChatID: c.ID, From: from, Date: s.clock.Now()}
	c.messages = append(c.messages, m)
	return m
}

// show gives a message its content and writes that into its history.
func (s *Server) show(m *Message, c content, k markup) {
	m.Text, m.HTML, m.Entities, m.Keyboard, m.raw = c.text, c.html, c.entities, k.rows, k.raw
	m.ForceReply, m.Placeholder, m.ReplyKeyboard, m.Contact, m.Bare = k.force, k.hint, k.reply, k.contact, k.remove
	m.History = append(m.History, Version{At: s.clock.Now(), Text: m.Text, HTML: m.HTML, Keyboard: cloneRows(m.Keyboard)})
}

func (s *Server) sendMessage(c *call) (any, *refusal) {
	chat, refused := s.writable(c.int("chat_id"))
	if refused != nil {
		return nil, refused
	}
	text, refused := readContent(c.params, "text", maxText)
	if refused != nil {
		return nil, refused
	}
	return s.send(c, chat, text, nil)
}

func (s *Server) sendDocument(c *call) (any, *refusal) {
	chat, refused := s.writable(c.int("chat_id"))
	if refused != nil {
		return nil, refused
	}
	caption, refused := readContent(c.params, "caption", maxCaption)
	if refused != nil {
		return nil, refused
	}
	document, refused := s.document(c)
	if refused != nil {
		return nil, refused
	}
	return s.send(c, chat, caption, document)
}

// send is what all sending has in common.
func (s *Server) send(c *call, to *chat, text content, document *Document) (any, *refusal) {
	k, refused := readMarkup(c.params["reply_markup"], to.Type)
	if refused != nil {
		return nil, refused
	}
	thread, refused := to.thread(c.int("message_thread_id"))
	if refused != nil {
		return nil, refused
	}
	reply, refused := s.replyTarget(c, to)
	if refused != nil {
		return nil, refused
	}
	var preview struct {
		Disabled bool `json:"is_disabled"`
	}
	if _, refused = c.object("link_preview_options", &preview); refused != nil {
		return nil, refused
	}
	if refused = s.limit(c, to); refused != nil {
		return nil, refused
	}
	m := s.place(c, to, document, thread, reply)
	m.NoPreview = preview.Disabled
	s.show(m, text, k)
	s.record(Event{Kind: EventShown, ChatID: m.ChatID, MessageID: m.ID, Text: m.Text})
	return s.wireMessage(m), nil
}

// place makes the message of a call.
func (s *Server) place(c *call, to *chat, document *Document, thread, reply int64) *Message {
	m := s.newMessage(to, s.botID)
	m.ThreadID, m.ReplyTo, m.Document = thread, reply, document
	m.Silent, m.Protected = c.bool("disable_notification"), c.bool("protect_content")
	return m
}

func (s *Server) limit(c *call, to *chat) *refusal {
	seconds := s.limiter.take(to, c.at)
	if seconds == 0 {
		return nil
	}
	return &refusal{code: 429, text: "Too Many Requests: retry after " + itoa(int64(seconds)), retryAfter: seconds}
}

// thread checks a topic. General is sent to without one.
func (c *chat) thread(id int64) (int64, *refusal) {
	open, known := c.topics[id]
	switch {
	case id == 0:
		return 0, nil
	case !known:
		return 0, bad("message thread not found")
	case !open:
		return 0, bad("TOPIC_CLOSED")
	default:
		return id, nil
	}
}

func (s *Server) replyTarget(c *call, to *chat) (int64, *refusal) {
	var reply struct {
		ID    int64 `json:"message_id"`
		Allow bool  `json:"allow_sending_without_reply"`
	}
	if there, refused := c.object("reply_parameters", &reply); refused != nil || !there {
		return 0, refused
	}
	if m := s.find(to.ID, reply.ID); m != nil && !m.Deleted {
		return reply.ID, nil
	}
	if reply.Allow {
		return 0, nil
	}
	return 0, bad("message to be replied not found")
}

// editMessage changes text, caption or keyboard, whichever the method is about.
func (s *Server) editMessage(c *call) (any, *refusal) {
	m, refused := s.editable(c)
	if refused != nil {
		return nil, refused
	}
	text := content{text: m.Text, html: m.HTML, entities: m.Entities}
	switch {
	case c.method == "editMessageText" && m.Document != nil:
		return nil, bad("there is no text in the message to edit")
	case c.method == "editMessageText":
		text, refused = readContent(c.params, "text", maxText)
	case c.method == "editMessageCaption" && m.Document == nil:
		return nil, bad("there is no caption in the message to edit")
	case c.method == "editMessageCaption":
		text, refused = readContent(c.params, "caption", maxCaption)
	}
	if refused != nil {
		return nil, refused
	}
	k, refused := readEditMarkup(c.params["reply_markup"], m.ChatID)
	if refused != nil {
		return nil, refused
	}
	if chat := s.chats[m.ChatID]; chat != nil {
		if refused := s.limit(c, chat); refused != nil {
			return nil, refused
		}
	}
	if text.text == m.Text && slices.Equal(text.entities, m.Entities) && slices.EqualFunc(k.rows, m.Keyboard, slices.Equal) {
		return nil, bad("message is not modified: specified new message content and reply markup are exactly the same as " +
			"a current content and reply markup of the message")
	}
	s.show(m, text, k)
	m.Edits++
	m.EditedAt = s.clock.Now()
	s.record(Event{Kind: EventEdited, ChatID: m.ChatID, MessageID: m.ID, Text: m.Text})
	if m.InlineID != "" {
		return true, nil
	}
	return s.wireMessage(m), nil
}

// editable finds the message of an edit.
func (s *Server) editable(c *call) (*Message, *refusal) {
	if id := c.params["inline_message_id"]; id != "" {
		if m := s.inline[id]; m != nil && !m.Deleted {
			return m, nil
		}
		return nil, bad("MESSAGE_ID_INVALID")
	}
	chat, refused := s.writable(c.int("chat_id"))
	if refused != nil {
		return nil, refused
	}
	m := s.find(chat.ID, c.int("message_id"))
	switch {
	case c.int("message_id") == 0:
		return nil, bad("message identifier is not specified")
	case m == nil || m.Deleted:
		return nil, bad("message to edit not found")
	case m.From != s.botID || m.InlineID != "":
		return nil, bad("message can't be edited")
	default:
		return m, nil
	}
}

func (s *Server) deleteMessage(c *call) (any, *refusal) {
	chat, refused := s.writable(c.int("chat_id"))
	if refused != nil {
		return nil, refused
	}
	m := s.find(chat.ID, c.int("message_id"))
	switch {
	case m == nil || m.Deleted:
		return nil, bad("message to delete not found")
	case s.clock.Now().Sub(m.Date) > 48*time.Hour,
		m.From != s.botID && chat.Type != Private && chat.Bot != "administrator":
		return nil, bad("message can't be deleted")
	}
	m.Deleted = true
	s.record(Event{Kind: EventDeleted, ChatID: m.ChatID, MessageID: m.ID})
	return true, nil
}
