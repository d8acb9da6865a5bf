package demo

import (
	"context"
	"net/url"
	"time"

	"countersign/internal/demo/fakeerp"
	"countersign/internal/telegram/telegramtest"
)

// State is everything that the page shows.
type State struct {
	Version int64            `json:"version"`
	Chats   []Chat           `json:"chats"`
	ERP     fakeerp.Snapshot `json:"erp"`
}

// Chat is a conversation as its people see it.
type Chat struct {
	ID       int64     `json:"id"`
	Messages []Message `json:"messages"`
}

// Message is a message as people see it.
type Message struct {
	ID       int64                 `json:"id"`
	From     int64                 `json:"from"`
	Name     string                `json:"name"`
	Bot      bool                  `json:"bot"`
	At       time.Time             `json:"at"`
	Text     string                `json:"text"`
	Entities []telegramtest.Entity `json:"entities"`
	Keyboard [][]Button            `json:"keyboard"`
	Share    string                `json:"share"` // the button that shares the reader's number; empty: there is none
	Contact  *Contact              `json:"contact"`
	File     *File                 `json:"file"`
	ReplyTo  *Quote                `json:"reply_to"`
	Edits    int                   `json:"edits"`
}

// Button is a button under a message: it sends data, or opens an address.
type Button struct {
	Text  string `json:"text"`
	Style string `json:"style"`
	Data  string `json:"data"`
	URL   string `json:"url"`
}

// Contact is a person with his number, shared in a message.
type Contact struct {
	Name  string `json:"name"`
	Phone string `json:"phone"`
}

// File is a document in a message.
type File struct {
	Name string `json:"name"`
	Size int64  `json:"size"`
	URL  string `json:"url"`
}

// Quote is the message to which another replies.
type Quote struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
	Text string `json:"text"`
}

const (
	mostMessages = 200 // of a chat
	mostQuote    = 80
	longestWait  = 20 * time.Second
)

// version counts the changes of the messenger and of the ERP.
func (s *stage) version() int64 { return s.telegram.Version() + s.erp.Version() }

// state gives what there is to show.
func (s *stage) state() State {
	out := State{Version: s.version(), ERP: s.erp.Snapshot()}
	names := map[int64]string{s.telegram.BotID(): "Countersign"}
	ids := make([]int64, 0, len(s.cast)+1)
	for _, a := range s.cast {
		names[a.Account] = a.Name
		ids = append(ids, a.Account)
	}
	for _, id := range append(ids, groupID) {
		c := Chat{ID: id, Messages: []Message{}}
		all := s.telegram.Messages(id)
		texts := map[int64]telegramtest.Message{}
		for _, m := range all {
			texts[m.ID] = m
		}
		sharing := false // whether such a button stands at the end of the chat
		for _, m := range all {
			sharing = m.Contact != "" || sharing && !m.Bare
		}
		for _, m := range all[max(0, len(all)-mostMessages):] {
			c.Messages = append(c.Messages, s.message(m, texts, names))
			if sharing {
				c.Messages[len(c.Messages)-1].Share = m.Contact
			}
		}
		out.Chats = append(out.Chats, c)
	}
	return out
}

func (s *stage) message(m telegramtest.Message, others map[int64]telegramtest.Message, names map[int64]string) Message {
	out := Message{
		ID: m.ID, From: m.From, Name: names[m.From], Bot: m.From == s.telegram.BotID(), At: m.Date, Text: m.Text,
		Entities: append([]telegramtest.Entity{}, m.Entities...), Keyboard: [][]Button{}, Edits: m.Edits,
	}
	for _, row := range m.Keyboard {
		var buttons []Button
		for _, b := range row {
			buttons = append(buttons, Button{Text: b.Text, Style: b.Style, Data: b.Data, URL: b.URL})
		}
		out.Keyboard = append(out.Keyboard, buttons)
	}
	if m.Phone != "" {
		out.Contact = &Contact{Name: out.Name, Phone: m.Phone}
	}
	if d := m.Document; d != nil {
		out.File = &File{Name: d.Name, Size: d.Size, URL: "/api/file?" + url.Values{"id": {d.FileID}, "name": {d.Name}}.Encode()}
	}
	if m.ReplyTo != 0 {
		out.ReplyTo = &Quote{ID: m.ReplyTo}
		if o, ok := others[m.ReplyTo]; ok {
			out.ReplyTo.Name, out.ReplyTo.Text = names[o.From], firstLine(o.Text)
		}
	}
	return out
}

func firstLine(text string) string {
	runes := []rune(text)
	for i, r := range runes {
		if r == '\n' || i == mostQuote {
			return string(runes[:i])
		}
	}
	return text
}

// next waits for a state other than the one known.
func (s *stage) next(ctx context.Context, known int64) State {
	limit := time.NewTimer(longestWait)
	defer limit.Stop()
	for {
		rung := s.bell.Wait()
		if s.version() != known {
			return s.state()
		}
		select {
		case <-rung:
			continue
		case <-limit.C:
		case <-ctx.Done():
		}
		return s.state()
	}
}
