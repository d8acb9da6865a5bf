// Package chat is the messenger's door: updates come in, taps and commands become acts
// on the ledger, and everybody is answered in words of their language.
//
// It owns the webhook and the long poll, the dialogues in which a person gives a reason,
// asks or answers, what replies to cards come to, and the wording of every refusal. Storing updates is package inbox's, the state of
// cards package courier's, and what may be decided package approval's.
package chat

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"countersign/internal/approval"
	"countersign/internal/assure"
	"countersign/internal/audiodesk"
	"countersign/internal/card"
	"countersign/internal/crash"
	"countersign/internal/directory"
	"countersign/internal/file"
	"countersign/internal/inbox"
	"countersign/internal/ledger"
	"countersign/internal/link"
	"countersign/internal/locale"
	"countersign/internal/markup"
	"countersign/internal/meet"
	"countersign/internal/notice"
	"countersign/internal/pace"
	"countersign/internal/people"
	"countersign/internal/screen"
	"countersign/internal/secret"
	"countersign/internal/telegram"
	"countersign/internal/wake"
)

// Cards is what the door needs of the courier: to know a message it did not send, and
// to point at one it did.
type Cards struct {
	// Adopt makes a message of a case known, which a tap came from and nobody noted when
	// it was sent.
	Adopt func(ctx context.Context, chat, message int64, t card.Tap) error
	// Find gives the newest message of a case in a chat; 0 when there is none.
	Find func(ctx context.Context, chat int64, t ledger.Waiting) (int64, error)
	// Follow makes a status card known that was posted in another chat. False: it is not
	// kept up to date.
	Follow func(ctx context.Context, p card.Posting) (bool, error)
	// Reached is told that a chat takes messages again, Lost that a person shut the bot
	// out; nil only in tests.
	Reached func(ctx context.Context, chat int64) error
	Lost    func(ctx context.Context, chat int64) error
	// At tells of which case a message is; of none: ledger.ErrNotFound. Closed tells who
	// cannot be reached about one. Nil only in tests.
	At     func(ctx context.Context, chat, message int64) (approval.ID, card.Spot, error)
	Closed func(ctx context.Context, id approval.ID) (map[int64]bool, error)
}

const (
	sayPatience    = 2 * time.Second  // a chat that must wait for longer does not keep a worker
	editPatience   = 4 * time.Second  // more than a chat takes for its burst: who leafs quickly sees the last page
	answerPatience = 10 * time.Second // an answer to a tap that comes later is of no use
)

// Door takes updates. Set the fields before use.
type Door struct {
	Ledger    *ledger.DB
	Files     *file.Store // of what people send; nil only in tests
	Directory *directory.Store
	Inbox     *inbox.Inbox
	Dialogs   *Dialogs
	Searches  *Searches
	Telegram  *telegram.Client
	Pace      *pace.Pace
	Cards     Cards
	Link      *link.Desk
	Notices   *notice.Store
	Meet      *meet.Desk             // nil: there are no video meetings
	Audio     *audiodesk.Desk        // nil: there is no telephone exchange
	Assure    *assure.Desk           // nil: there are no pages to confirm on
	Desks     map[string]screen.Desk // by their commands
	// Administrator reports whether a person may do what administrators do; nil: nobody may.
	Administrator func(ctx context.Context, p people.Person) (bool, error)
	Texts         *locale.Texts
	GroupLang     string           // of what those who look after the gateway read
	Secret        secret.Text      // of the webhook
	MaxUpdate     int64            // bytes; 256 KiB when 0
	Refused       func(why string) // counts calls of the webhook that were turned away; nil: nobody does
	Bot           int64
	Username      func() string // of the bot, without @; empty while unknown
	Zone          *time.Location
	Now           func() time.Time
	Crash         *crash.Points
	Log           *slog.Logger

	fetchLife time.Duration // of a file on its way here; 0: fetchTime
}

// Handle acts on one stored update; it is the inbox's handler.
func (d *Door) Handle(ctx context.Context, it *inbox.Item) (string, error) {
	u, err := telegram.Parse(it.Body)
	if err != nil {
		return "", parked(err)
	}
	said := wordOf(u)
	if said.command { // it is answered in that language
		d.heed(ctx, said)
	}
	outcome, err := d.act(ctx, it, u)
	if !said.command && err == nil {
		d.heed(ctx, said)
	}
	return outcome, err
}

func (d *Door) act(ctx context.Context, it *inbox.Item, u telegram.Update) (string, error) {
	switch u.Kind {
	case telegram.UpdateCallback:
		return d.tap(ctx, it, u.Callback)
	case telegram.UpdateMessage:
		return d.message(ctx, it, u.Message)
	case telegram.UpdateMember:
		return d.member(ctx, u.Member)
	case telegram.UpdateInline:
		return d.inline(ctx, it, u.Inline)
	case telegram.UpdateEdited:
		return d.edited(ctx, u.Message)
	case telegram.UpdateChosen:
		return d.chosen(ctx, u.Chosen)
	case telegram.UpdateOther:
		return "ignored: " + u.Kind.String(), nil
	default:
		return "ignored", nil
	}
}

// lang is the language of a person: his own choice, then the messenger's.
func (d *Door) lang(p people.Person, u telegram.User) locale.Lang {
	if p.Locale != "" {
		return d.Texts.For(p.Locale)
	}
	return d.Texts.For(u.Language)
}

// person is whoever the account is linked to; the zero value for nobody.
func (d *Door) person(ctx context.Context, account int64) (people.Person, error) {
	dir, err := d.Directory.Snapshot(ctx)
	if err != nil {
		return people.Person{}, failed(err)
	}
	p, _ := dir.ByTelegram(account)
	return p, nil
}

// turn waits until a chat may be written to. It gives up when that is too far away, and with
// the context.
func (d *Door) turn(ctx context.Context, class pace.Class, chat int64, patience time.Duration) error {
	for {
		wait, err := d.Pace.Take(ctx, pace.Ask{Bot: d.Bot, Chat: chat, Group: chat < 0, Class: class})
		switch {
		case err != nil:
			return failed(err)
		case wait <= 0:
			return nil
		case wait > patience:
			return later(fmt.Errorf("chat %d must wait for %s", chat, wait))
		case !wake.Rest(ctx, wait):
			return later(ctx.Err())
		}
	}
}

// say sends a message when its turn has come. It gives up with the context, and the
// update is then tried again.
func (d *Door) say(ctx context.Context, class pace.Class, m telegram.Outgoing) (int64, error) {
	if err := d.turn(ctx, class, m.ChatID, sayPatience); err != nil {
		return 0, err
	}
	id, err := d.Telegram.Send(ctx, m)
	switch telegram.KindOf(err) {
	case telegram.OK:
		return id, nil
	case telegram.RateLimited, telegram.Transient, telegram.Config: // the last is for the operator to mend
		d.hold(ctx, m.ChatID, err)
		return 0, later(err)
	case telegram.Unknown: // it may have arrived: to be tried again a few times, not until it is known
		return 0, err
	case telegram.BadEntities:
		m.Text, m.HTML = markup.Plain(m.HTML), ""
		id, err = d.Telegram.Send(ctx, m)
		return id, err
	default: // the chat does not want it, or we asked wrongly: trying again is no use
		d.Log.WarnContext(ctx, "message not sent", slog.Any("error", err))
		return 0, nil
	}
}

// edit writes something else in the place of a message when the turn of its chat has come.
func (d *Door) edit(ctx context.Context, e telegram.Edit) error {
	if err := d.turn(ctx, pace.Outcome, e.ChatID, editPatience); err != nil {
		return err
	}
	err := d.Telegram.EditText(ctx, e)
	d.hold(ctx, e.ChatID, err)
	return err
}

// reply sends what whoever asked can ask for again: where nobody knows whether it
// arrived, it is not sent twice.
func (d *Door) reply(ctx context.Context, class pace.Class, m telegram.Outgoing) error {
	_, err := d.say(ctx, class, m)
	if telegram.KindOf(err) == telegram.Unknown {
		d.Log.WarnContext(ctx, "message may not have been sent", slog.Any("error", err))
		return nil
	}
	return err
}

// reached lets what could not be shown in a chat be tried again.
func (d *Door) reached(ctx context.Context, chat int64) error {
	return hear(ctx, d.Cards.Reached, chat)
}

func hear(ctx context.Context, told func(ctx context.Context, chat int64) error, chat int64) error {
	if told == nil {
		return nil
	}
	if err := told(ctx, chat); err != nil {
		return failed(err)
	}
	return nil
}

func (d *Door) hold(ctx context.Context, chat int64, err error) {
	if e := asTelegram(err); e != nil && e.RetryAfter > 0 {
		if err := d.Pace.Hold(ctx, d.Bot, chat, e.RetryAfter); err != nil {
			d.Log.WarnContext(ctx, "chat not held back", slog.Any("error", err))
		}
	}
}

// answer tells whoever tapped. It is best effort on every path: the card says the same.
func (d *Door) answer(ctx context.Context, query, text string, loud Loudness) {
	ctx, cancel := context.WithTimeout(ctx, answerPatience)
	defer cancel()
	err := d.Telegram.AnswerCallback(ctx, telegram.Answer{QueryID: query, Text: text, Alert: loud == Window})
	if err != nil && telegram.KindOf(err) != telegram.QueryTooOld {
		d.Log.WarnContext(ctx, "tap not answered", slog.Any("error", err))
	}
}

// Loudness is how an answer to a tap is shown.
type Loudness int

// The ways of showing an answer.
const (
	Line   Loudness = iota // a line that goes by itself
	Window                 // one that must be closed
)
