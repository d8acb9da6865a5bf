package telegram

import (
	"cmp"
	"context"
	"net/http/httptrace"
	"strings"
	"time"
)

// About says what calls are about. It travels with the context.
type About struct {
	Case    string
	Notice  string
	Update  int64  // that is acted on
	Request string // that brought the update
}

type aboutKey struct{}

// Concerning lets calls be noted as being about something, besides what was said before.
func Concerning(ctx context.Context, a About) context.Context {
	before := Concerns(ctx)
	return context.WithValue(ctx, aboutKey{}, About{
		Case: cmp.Or(a.Case, before.Case), Notice: cmp.Or(a.Notice, before.Notice),
		Update: cmp.Or(a.Update, before.Update), Request: cmp.Or(a.Request, before.Request),
	})
}

// Concerns is what calls with a context are about.
func Concerns(ctx context.Context) About {
	a, _ := ctx.Value(aboutKey{}).(About)
	return a
}

// Call is one call of the Bot API and what became of it.
type Call struct {
	Method   string
	About    About
	Facts    Facts
	Bytes    int64 // of the request; of what was fetched, for a file
	Started  time.Time
	Took     time.Duration
	Attempts int   // at the network; it repeats by itself what does no harm
	Err      error // nil: it was done. NotModified is one here.
}

// Facts are the parameters of a call that somebody may ask for afterwards. Where buttons
// lead to, callback data and secrets are none of them.
type Facts struct {
	Chat, Message, Thread, ReplyTo int64

	Account int64  // that was asked about
	Inline  string // the message of inline mode
	Query   string // that is answered
	Text    string // as sent, with its marks
	HTML    bool
	Buttons []string // what stands on them
	File    string   // its name
	Size    int64
	Silent  bool
	Protect bool
	Count   int // of rows, updates, commands
}

func (m Outgoing) facts() Facts {
	text, mode := body(m.HTML, m.Text)
	return Facts{
		Chat: m.ChatID, Thread: m.ThreadID, ReplyTo: m.ReplyTo, Text: text, HTML: mode != "", Buttons: m.Keyboard.labels(),
		Silent: m.Silent, Protect: m.Protect,
	}
}

func (d Document) facts() Facts {
	f := d.Outgoing.facts()
	f.File, f.Size = d.Name, d.Size
	return f
}

// albumFacts are those of its first document, with how many there are and how large.
func albumFacts(docs []Document) Facts {
	f := Facts{Count: len(docs)}
	for i, d := range docs {
		if i == 0 {
			f = d.facts()
			f.Count, f.Size = len(docs), 0
		}
		f.Size += d.Size
	}
	return f
}

func (e Edit) facts() Facts {
	text, mode := body(e.HTML, e.Text)
	return Facts{Chat: e.ChatID, Message: e.MessageID, Inline: e.InlineID, Text: text, HTML: mode != "", Buttons: e.Keyboard.labels()}
}

// labels are what stands on the buttons.
func (k Keyboard) labels() []string {
	var out []string
	for _, row := range k.rows {
		for _, b := range row {
			out = append(out, b.Text)
		}
	}
	return out
}

// note tells whoever keeps a journal of a call that has ended.
func (c *Client) note(ctx context.Context, t *exchange, started time.Time, err error) {
	if c.noted == nil {
		return
	}
	call := Call{
		Method: t.method, About: Concerns(ctx), Facts: t.facts, Bytes: t.bytes, Started: started, Took: c.now().Sub(started),
		Attempts: int(t.tries.Load()), Err: err,
	}
	if t.upload != nil {
		call.Bytes = t.upload.read()
	}
	if call.Facts.Message == 0 && err == nil && strings.HasPrefix(t.method, "send") && len(t.result) > 0 && t.result[0] == '{' {
		var m struct {
			ID int64 `json:"message_id"`
		}
		if unmarshal(t.result, &m) == nil {
			call.Facts.Message = m.ID
		}
	}
	c.noted(call)
}

// traced counts the attempts and learns whether something of the request may have reached
// the server.
func (t *exchange) traced(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn:      func(string) { t.tries.Add(1) },
		WroteHeaders: func() { t.wrote.Store(true) },
	})
}
