package courier

import (
	"context"
	"io"
	"time"

	"countersign/internal/card"
	"countersign/internal/crash"
	"countersign/internal/telegram"
)

const holdUnknown = 2 * time.Second // before a send of unknown outcome is repeated

// send makes a message that is not there. A crash after Telegram took it and before it
// is noted makes a second one; a tap on the first makes that one known.
func (r *drawing) send(ctx context.Context, s card.Spot, at place, want card.Card) error {
	if ok, err := r.turn(ctx, at, class(s, 0)); err != nil || !ok {
		return err
	}
	reply := r.replyTo(s, at)
	if s.ReplyTo != "" && reply == 0 {
		return nil // what it hangs under is not there: not reachable, or later
	}
	out := telegram.Outgoing{
		ChatID: at.chat, ThreadID: at.thread, ReplyTo: reply, HTML: want.HTML, Silent: want.Silent,
	}
	var err error
	if out.Keyboard, err = keyboard(want); err != nil {
		return err
	}
	sent, err := r.deliver(ctx, out, want)
	if telegram.KindOf(err) == telegram.BadEntities {
		r.warn(ctx, "text refused; sent without marks", s, err)
		out.HTML, out.Text = "", want.Plain
		sent, err = r.deliver(ctx, out, want)
	}
	if telegram.KindOf(err) == telegram.TopicGone {
		out.ThreadID = 0
		sent, err = r.deliver(ctx, out, want)
	}
	if err != nil {
		return r.refused(ctx, s, at, err)
	}
	r.Crash.Pass(crash.CardSent)
	m := Message{ChatID: at.chat, ID: sent.MessageID, Digest: want.Digest()}
	r.shown[s.Key()] = append(r.shown[s.Key()], m)
	return r.Store.Sent(ctx, string(r.d.Case.ID), s.Key(), m, r.Now())
}

func (r *drawing) deliver(ctx context.Context, out telegram.Outgoing, want card.Card) (telegram.Sent, error) {
	if want.File == nil {
		id, err := r.Telegram.Send(ctx, out)
		return telegram.Sent{MessageID: id}, err
	}
	doc := telegram.Document{Outgoing: out, Name: want.File.Name, Size: want.File.Size}
	known, err := r.Store.FileID(ctx, r.Bot, want.File.SHA256, want.File.Name)
	if err != nil {
		return telegram.Sent{}, err
	}
	doc.FileID = known
	if known == "" {
		doc.Open = func() (io.ReadCloser, error) {
			_, content, err := r.Files.Open(ctx, want.File.SHA256)
			return content, err
		}
	}
	sent, err := r.Telegram.SendDocument(ctx, doc)
	switch {
	case telegram.KindOf(err) == telegram.BadFile && known != "":
		if err := r.Store.ForgetFile(ctx, r.Bot, want.File.SHA256, want.File.Name); err != nil {
			return telegram.Sent{}, err
		}
		return r.deliver(ctx, out, want) // upload it anew
	case err == nil && known == "":
		err = r.Store.KeepFile(ctx, r.Bot, want.File.SHA256, want.File.Name, sent.FileID)
	}
	return sent, err
}

// replyTo finds the message that this one hangs under, in the same chat.
func (r *drawing) replyTo(s card.Spot, at place) int64 {
	var id int64
	for _, m := range r.shown[s.ReplyTo] {
		if m.ChatID == at.chat {
			id = max(id, m.ID)
		}
	}
	return id
}

// edit changes a message that is there. It reports whether it turned out to be gone.
func (r *drawing) edit(ctx context.Context, s card.Spot, at place, m Message, want card.Card) (bool, error) {
	if ok, err := r.turn(ctx, at, class(s, m.ID)); err != nil || !ok {
		return false, err
	}
	e := telegram.Edit{ChatID: at.chat, MessageID: m.ID, HTML: want.HTML}
	var err error
	if e.Keyboard, err = keyboard(want); err != nil {
		return false, err
	}
	change := r.Telegram.EditText
	if want.File != nil {
		change = r.Telegram.EditCaption
	}
	err = change(ctx, e)
	if telegram.KindOf(err) == telegram.BadEntities {
		r.warn(ctx, "text refused; shown without marks", s, err)
		e.HTML, e.Text = "", want.Plain
		err = change(ctx, e)
	}
	switch telegram.KindOf(err) {
	case telegram.OK:
		r.Crash.Pass(crash.CardSent)
		m.Digest = want.Digest()
		return false, r.Store.Edited(ctx, m, r.Now())
	case telegram.Gone:
		return true, r.Store.Forget(ctx, m)
	default:
		return false, r.refused(ctx, s, at, err)
	}
}

// refused decides what a refusal means. Nil: nothing more can be done now.
func (r *drawing) refused(ctx context.Context, s card.Spot, at place, err error) error {
	e := asTelegram(err)
	if e == nil {
		return err
	}
	switch e.Kind {
	case telegram.RateLimited:
		r.later(max(e.RetryAfter, time.Second))
		return r.Pace.Hold(ctx, r.Bot, at.chat, e.RetryAfter)
	case telegram.Unknown:
		r.later(holdUnknown)
		return nil
	case telegram.Migrated:
		r.later(time.Millisecond)
		return r.Directory.MigrateChat(ctx, at.chat, e.MigrateTo)
	case telegram.Unreachable, telegram.NoRights:
		r.warn(ctx, "cannot be reached", s, err)
		if at.group != nil {
			if err := r.Directory.ChatFault(ctx, at.group.ID, e.Description); err != nil {
				return err
			}
		}
		return r.Store.Fault(ctx, spotOf{string(r.d.Case.ID), s.Key(), at.chat}, e.Error(), r.Now())
	case telegram.Bug, telegram.TooLarge, telegram.BadFile, telegram.BadEntities, telegram.TopicGone:
		r.warn(ctx, "refused", s, err)
		return r.Store.Fault(ctx, spotOf{string(r.d.Case.ID), s.Key(), at.chat}, e.Error(), r.Now())
	default:
		return err // the network, the token: again, with longer and longer pauses
	}
}

func keyboard(c card.Card) (telegram.Keyboard, error) {
	rows := make([][]telegram.Button, len(c.Buttons))
	for i, row := range c.Buttons {
		for _, b := range row {
			rows[i] = append(rows[i], telegram.Button{Text: b.Text, Data: b.Data, URL: b.URL, Style: telegram.Style(b.Style)})
		}
	}
	if len(rows) == 0 {
		return telegram.Keyboard{}, nil
	}
	return telegram.NewKeyboard(rows...)
}
