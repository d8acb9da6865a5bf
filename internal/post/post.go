// Package post hands messages to the messenger, one at a time or several files as an album:
// it gives up what is refused of one, the message it hangs under, the topic, the marks in
// its text, rather than the message, and sends a file that Telegram has by its id there.
//
// It owns the ids of uploaded files. When a message is sent, to whom, whether again, and
// what a refusal means are its callers' business, as are limits, package pace's.
package post

import (
	"context"
	"io"
	"log/slog"
	"sync"

	"countersign/internal/file"
	"countersign/internal/telegram"
)

// Post sends for one bot. Set the fields before use.
type Post struct {
	Telegram *telegram.Client
	Files    *file.Store
	Store    *Store
	Bot      int64
	Log      *slog.Logger

	mu    sync.Mutex
	going map[string]*upload // by digest and name
}

// upload is one on its way, and how many wait for it.
type upload struct {
	sync.Mutex

	users int
}

// Letter is a message to send, or what one is to become.
type Letter struct {
	telegram.Outgoing

	InlineID string // of a message that somebody posted through inline mode, in the place of a chat; to edit only

	Plain string // in the place of the HTML when its marks are refused
	File  *File  // it hangs under: the texts are its caption
	About string // names the letter in the log
}

// File is one that package file keeps.
type File struct {
	SHA256 string
	Name   string // as people see it
	Size   int64
}

func (f File) key() string { return f.SHA256 + "/" + f.Name }

// Sent is what became of a letter.
type Sent struct {
	telegram.Sent

	General bool // its topic did not take it: it stands in the chat itself
}

// Send sends a letter. The error is package telegram's; one of kind Unknown may have
// sent it.
func (p *Post) Send(ctx context.Context, l Letter) (Sent, error) {
	general := false
	sent, err := p.deliver(ctx, l)
	for range 3 {
		switch kind := telegram.KindOf(err); {
		case kind == telegram.Gone && l.ReplyTo != 0:
			l.ReplyTo = 0
		case kind == telegram.TopicGone && l.ThreadID != 0:
			l.ThreadID, general = 0, true
		case marks(kind) && l.HTML != "":
			p.warn(ctx, "text refused; sent without marks", l.About, err)
			l.HTML, l.Text = "", l.Plain
		default:
			return Sent{sent, general}, err
		}
		sent, err = p.deliver(ctx, l)
	}
	return Sent{sent, general}, err
}

// Edit makes a message that is there say what a letter says.
func (p *Post) Edit(ctx context.Context, message int64, l Letter) error {
	change := p.Telegram.EditText
	if l.File != nil {
		change = p.Telegram.EditCaption
	}
	e := telegram.Edit{ChatID: l.ChatID, MessageID: message, InlineID: l.InlineID, HTML: l.HTML, Text: l.Text, Keyboard: l.Keyboard}
	err := change(ctx, e)
	if marks(telegram.KindOf(err)) && e.HTML != "" {
		p.warn(ctx, "text refused; shown without marks", l.About, err)
		e.HTML, e.Text = "", l.Plain
		err = change(ctx, e)
	}
	return err
}

// marks reports whether it may be the marks in a text that were refused.
func marks(kind telegram.Kind) bool { return kind == telegram.BadEntities || kind == telegram.Bug }

func (p *Post) deliver(ctx context.Context, l Letter) (telegram.Sent, error) {
	if l.File == nil {
		id, err := p.Telegram.Send(ctx, l.Outgoing)
		return telegram.Sent{MessageID: id}, err
	}
	doc := telegram.Document{Outgoing: l.Outgoing, Name: l.File.Name, Size: l.File.Size}
	var err error
	if doc.FileID, err = p.Store.fileID(ctx, p.Bot, *l.File); err != nil {
		return telegram.Sent{}, err
	}
	if doc.FileID == "" {
		return p.uploaded(ctx, doc, l)
	}
	sent, err := p.Telegram.SendDocument(ctx, doc)
	if telegram.KindOf(err) != telegram.BadFile {
		return sent, err
	}
	if err := p.Store.forgetFile(ctx, p.Bot, *l.File); err != nil {
		return telegram.Sent{}, err
	}
	doc.FileID = ""
	return p.uploaded(ctx, doc, l)
}

// uploaded sends the file itself, unless another chat's message did so meanwhile: the
// messenger is slow with the same file again and again.
func (p *Post) uploaded(ctx context.Context, doc telegram.Document, l Letter) (telegram.Sent, error) {
	defer p.alone(*l.File)()
	var err error
	if doc.FileID, err = p.Store.fileID(ctx, p.Bot, *l.File); err != nil {
		return telegram.Sent{}, err
	}
	if doc.FileID == "" {
		doc.Open = func() (io.ReadCloser, error) {
			_, content, err := p.Files.Open(ctx, l.File.SHA256)
			return content, err
		}
	}
	sent, err := p.Telegram.SendDocument(ctx, doc)
	if err != nil || doc.FileID != "" {
		return sent, err
	}
	if err := p.Store.keepFile(ctx, p.Bot, *l.File, sent.FileID); err != nil {
		p.warn(ctx, "file not remembered", l.About, err) // it is sent all the same
	}
	return sent, nil
}

// alone waits until nobody else uploads the file; the function lets the next one.
func (p *Post) alone(f File) func() {
	key := f.key()
	p.mu.Lock()
	if p.going == nil {
		p.going = map[string]*upload{}
	}
	u := p.going[key]
	if u == nil {
		u = &upload{}
		p.going[key] = u
	}
	u.users++
	p.mu.Unlock()
	u.Lock()
	return func() {
		u.Unlock()
		p.mu.Lock()
		defer p.mu.Unlock()
		if u.users--; u.users == 0 {
			delete(p.going, key)
		}
	}
}

func (p *Post) warn(ctx context.Context, what, about string, err error) {
	p.Log.WarnContext(ctx, "message not as meant", slog.String("what", what), slog.String("about", about), slog.Any("error", err))
}
