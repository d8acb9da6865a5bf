package journal

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"regexp"
	"strings"

	"countersign/internal/discreet"
	"countersign/internal/inbox"
	"countersign/internal/telegram"
)

// Call takes a call of the Bot API.
func (j *Journal) Call(c telegram.Call) {
	kind := telegram.KindOf(c.Err)
	e := Entry{
		At: c.Started, Way: Out, Method: c.Method, Outcome: kind.String(), Failed: kind != telegram.OK && kind != telegram.NotModified,
		Chat: c.Facts.Chat, Message: c.Facts.Message, Account: c.Facts.Account, Case: c.About.Case, Notice: c.About.Notice, Update: c.About.Update,
		Request: c.About.Request, Bytes: c.Bytes, Took: c.Took, Attempts: c.Attempts,
	}
	if e.Account == 0 && e.Chat > 0 { // a private chat is its person
		e.Account = e.Chat
	}
	if t, ok := errors.AsType[*telegram.Error](c.Err); ok {
		e.Code = t.Code
	}
	known := told(c)
	if e.Failed {
		e.Said, e.Params = j.mask(j.why(c, known)), j.mask(params(c.Facts, known))
	}
	if known && c.Facts.Text != "" {
		sum := sha256.Sum256([]byte(c.Facts.Text))
		e.Digest = hex.EncodeToString(sum[:])
		if j.Texts == Full {
			e.Text = j.mask(c.Facts.Text)
		}
	}
	j.Add(e)
}

// told reports whether somebody said what a message is about: then its text is of a document
// or of a notice. All others are answers in a dialogue, which may ask for a code or repeat
// what was typed; of their texts nothing is kept, not even a digest, which would tell a
// short one.
func told(c telegram.Call) bool { return c.About.Case != "" || c.About.Notice != "" }

// why is what was wrong with a call, in full where the text may be kept.
func (*Journal) why(c telegram.Call, known bool) string {
	t, ok := errors.AsType[*telegram.Error](c.Err)
	switch {
	case !known, !ok:
		return discreet.Error(c.Err)
	case t.Description != "":
		return t.Description
	default:
		return cmp.Or(errorText(errors.Unwrap(t)), t.Error())
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// parameters of a call that failed, without secrets and the bytes of files.
type parameters struct {
	Chat    int64    `json:"chat_id,omitempty"`
	Message int64    `json:"message_id,omitempty"`
	Thread  int64    `json:"message_thread_id,omitempty"`
	ReplyTo int64    `json:"reply_to,omitempty"`
	Account int64    `json:"user_id,omitempty"`
	Inline  string   `json:"inline_message_id,omitempty"`
	Query   string   `json:"query_id,omitempty"`
	Mode    string   `json:"parse_mode,omitempty"`
	Text    string   `json:"text,omitempty"`
	Length  int      `json:"text_bytes,omitempty"`
	Buttons []string `json:"buttons,omitempty"`
	File    string   `json:"file,omitempty"`
	Size    int64    `json:"file_bytes,omitempty"`
	Silent  bool     `json:"silent,omitempty"`
	Protect bool     `json:"protect_content,omitempty"`
	Count   int      `json:"results,omitempty"`
}

func params(f telegram.Facts, known bool) string { //nolint:revive // a fact about the message, not a switch
	p := parameters{
		Chat: f.Chat, Message: f.Message, Thread: f.Thread, ReplyTo: f.ReplyTo, Account: f.Account, Inline: f.Inline, Query: f.Query,
		Length: len(f.Text), Size: f.Size, Silent: f.Silent, Protect: f.Protect, Count: f.Count,
	}
	if f.HTML {
		p.Mode = "HTML"
	}
	if known {
		p.Text, p.Buttons, p.File = f.Text, f.Buttons, f.File
	}
	var b strings.Builder
	to := json.NewEncoder(&b)
	to.SetEscapeHTML(false) // for people to read; pages escape it themselves
	if err := to.Encode(p); err != nil {
		return ""
	}
	return strings.TrimSpace(b.String())
}

// address is one in a text. What follows the host may be a link that opens a file, a login,
// or a start with a payload.
var address = regexp.MustCompile(`(?i)\b(https?://[^\s/?#"'<>\\]+|t\.me|tg:)[/?#][^\s"'<>\\]*`)

// mask takes out of a text what opens something.
func (j *Journal) mask(text string) string {
	text = address.ReplaceAllString(text, "$1/…")
	if j.Mask == nil {
		return text
	}
	return j.Mask.Mask(text)
}

// Update takes an attempt at an update. Of what people wrote it keeps nothing: the body is
// in the inbox for a while.
func (j *Journal) Update(u inbox.Ending) {
	e := Entry{
		At: u.Began, Way: In, Method: "update", Outcome: string(u.End), Update: u.ID, Request: u.Request, Bytes: int64(len(u.Body)),
		Took: u.Took, Attempts: u.Attempt, Failed: u.End != inbox.EndedHandled && u.End != inbox.EndedRepeated,
	}
	if u.Err == nil && !strings.HasPrefix(u.Outcome, "command ") { // which the name of the command follows, whatever it is
		e.Said = u.Outcome
	}
	if u.Err != nil {
		e.Said = j.mask(discreet.Error(u.Err))
	}
	j.describe(&e, u.Body)
	j.Add(e)
}
