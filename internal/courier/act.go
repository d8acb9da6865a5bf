package courier

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"countersign/internal/card"
	"countersign/internal/crash"
	"countersign/internal/handout"
	"countersign/internal/post"
	"countersign/internal/telegram"
)

// errUncertain: the messenger may have taken a message or not.
var errUncertain = errors.New("not known whether it was sent")

// send makes a message that is not there. It is claimed first, so that nobody else sends
// the same. A crash after Telegram took it and before it is noted makes a second one; a
// tap on the first makes that one known.
func (l *lane) send(ctx context.Context, s spotAt, want card.Card) error {
	out, err := l.letter(s, want)
	if err != nil {
		return l.fault(ctx, s, 0, err) // nothing was asked of the messenger
	}
	if err := l.withdraw(ctx, s, want, &out); err != nil {
		return err
	}
	if out.ReplyTo = l.replyTo(s); s.ReplyTo != "" && out.ReplyTo == 0 {
		return nil // what it hangs under is not there: not reachable, or later
	}
	if ok, err := l.turn(ctx, l.class(s.Spot, 0)); err != nil || !ok {
		return err
	}
	claimed, err := l.claim(ctx, l.of(s))
	if err != nil {
		return err
	}
	if !claimed { // somebody else is sending it, or just did
		l.later(occupied)
		return nil
	}
	if ok, err := l.still(ctx, l.class(s.Spot, 0)); err != nil || !ok {
		return errors.Join(err, l.release(ctx, l.of(s)))
	}
	if err := l.offer(ctx, s, want, &out); err != nil {
		return errors.Join(err, l.release(ctx, l.of(s)))
	}
	l.begin()
	sent, err := l.Post.Send(ctx, out)
	l.begun()
	if err != nil {
		return errors.Join(l.refused(ctx, s, 0, err), l.release(ctx, l.of(s)))
	}
	l.Crash.Pass(crash.CardSent)
	m := Message{Bot: l.Bot, ChatID: l.chat, ID: sent.MessageID, Digest: want.Digest()}
	l.shown[s.Key()] = append(l.shown[s.Key()], m)
	l.arrived(ctx, s, sent.General)
	return l.note(ctx, func() error { return l.Store.Sent(ctx, l.of(s), m) })
}

// letter is a message as it should be.
func (l *lane) letter(s spotAt, want card.Card) (post.Letter, error) {
	out := post.Letter{
		Outgoing: telegram.Outgoing{ChatID: l.chat, ThreadID: s.thread, HTML: want.HTML, Silent: want.Silent || s.hushed, Protect: l.protected(s)},
		Plain:    want.Plain, About: string(l.d.Case.ID) + " " + s.Key(),
	}
	if s.Kind == card.KindFile && want.Offer == nil { // else there is only a text
		out.File = &post.File{}
		if want.File != nil { // else nobody's any more: its caption is all that changes
			*out.File = post.File{SHA256: want.File.SHA256, Name: want.File.Name, Size: want.File.Size}
		}
	}
	var err error
	out.Keyboard, err = keyboard(want)
	return out, err
}

// offers reports whether a message is one that can hold a link to a file.
func (l *lane) offers(s spotAt, want card.Card) bool {
	return s.Kind == card.KindFile && want.File == nil && l.Links.Open()
}

func (l *lane) about(s spotAt) handout.Offer {
	return handout.Offer{SHA256: s.File, Case: string(l.d.Case.ID), Chat: l.chat, Group: s.Chat}
}

// withdraw takes back the links that a chat was given, where a message is to have none. It
// waits for no turn.
func (l *lane) withdraw(ctx context.Context, s spotAt, want card.Card, out *post.Letter) error {
	if !l.offers(s, want) || want.Offer != nil && want.Offer.Button != "" {
		return nil
	}
	given, err := l.Links.Store.Revoke(ctx, l.about(s))
	if given {
		out.File = nil // what is there is a text
	}
	return err
}

// offer gives a message the link to a file that is too large to be sent. Each is a way in: it
// is made for a message that goes out now.
func (l *lane) offer(ctx context.Context, s spotAt, want card.Card, out *post.Letter) error {
	if !l.offers(s, want) || want.Offer == nil || want.Offer.Button == "" {
		return nil
	}
	o := l.about(s)
	o.Name = want.Offer.File.Name
	url, err := l.Links.Link(ctx, o)
	if err != nil {
		return err
	}
	out.Keyboard, err = telegram.NewKeyboard([]telegram.Button{{Text: want.Offer.Button, URL: url}})
	return err
}

// protected reports whether those who get a message may not pass it on.
func (l *lane) protected(s spotAt) bool {
	return s.group != nil && s.group.Protect || slices.Contains(l.Protect, "*") || slices.Contains(l.Protect, l.d.Doc.Type)
}

// replyTo finds the message that this one hangs under, in the same chat.
func (l *lane) replyTo(s spotAt) int64 {
	var id int64
	for _, m := range l.shown[s.ReplyTo] {
		id = max(id, m.ID)
	}
	return id
}

// edit changes a message that is there. It is marked first: until the edit is noted,
// nobody knows what it shows. It reports whether it turned out to be gone.
func (l *lane) edit(ctx context.Context, s spotAt, m *Message, want card.Card) (bool, error) {
	to, err := l.letter(s, want)
	if err != nil {
		return false, l.fault(ctx, s, m.ID, err)
	}
	if err := l.withdraw(ctx, s, want, &to); err != nil {
		return false, err
	}
	if ok, err := l.turn(ctx, l.class(s.Spot, m.ID)); err != nil || !ok {
		return false, err
	}
	marked, err := l.Store.Mark(ctx, *m)
	if err != nil {
		return false, err
	}
	if !marked { // somebody else is editing it, or just did
		l.later(occupied)
		return false, nil
	}
	if ok, err := l.still(ctx, l.class(s.Spot, m.ID)); err != nil || !ok {
		return false, err
	}
	if err := l.offer(ctx, s, want, &to); err != nil {
		return false, err
	}
	l.begin()
	err = l.Post.Edit(ctx, m.ID, to)
	l.begun()
	switch telegram.KindOf(err) {
	case telegram.OK:
		l.Crash.Pass(crash.CardSent)
		l.fine(ctx, s)
		return false, l.note(ctx, func() error { return l.edited(ctx, m, want) })
	case telegram.Gone:
		return true, l.Store.Forget(ctx, *m)
	case telegram.Migrated:
		if s.astray { // nothing there can be changed any more
			return true, l.Store.Forget(ctx, *m)
		}
		return false, l.refused(ctx, s, m.ID, err)
	default:
		return false, l.refused(ctx, s, m.ID, err)
	}
}

func (l *lane) edited(ctx context.Context, m *Message, want card.Card) error {
	m.Digest, m.Fault = want.Digest(), ""
	alone, err := l.Store.Edited(ctx, *m)
	l.conflict = l.conflict || err == nil && !alone
	return err
}

// refused decides what a refusal means. Nil: nothing more can be done now.
func (l *lane) refused(ctx context.Context, s spotAt, message int64, err error) error {
	e := asTelegram(err)
	if e == nil {
		return err
	}
	switch e.Kind {
	case telegram.RateLimited:
		l.later(max(e.RetryAfter, time.Second))
		return l.Pace.Hold(ctx, l.Bot, l.chat, e.RetryAfter)
	case telegram.Unknown:
		return fmt.Errorf("%s: %w: %w", s.Key(), errUncertain, err)
	case telegram.Migrated:
		if err := l.Directory.MigrateChat(ctx, l.chat, e.MigrateTo); err != nil {
			return err
		}
		return fmt.Errorf("%s: %w", s.Key(), err) // anew, in the new place
	case telegram.Unreachable, telegram.NoRights, telegram.TopicGone:
		// A group may forbid files alone: its cards come, and say so when they do not.
		if s.group != nil && (e.Kind != telegram.NoRights || s.Kind != card.KindFile) {
			l.chatFault(ctx, s, e.Description)
		}
		return l.fault(ctx, s, message, err)
	case telegram.BadFile:
		if e.Code == 0 { // our own copy could not be read now
			return err
		}
		return l.fault(ctx, s, message, err)
	case telegram.Bug, telegram.TooLarge, telegram.BadEntities, telegram.Gone:
		return l.fault(ctx, s, message, err)
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

func asTelegram(err error) *telegram.Error {
	e, _ := errors.AsType[*telegram.Error](err)
	return e
}
