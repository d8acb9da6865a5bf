package audiodesk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"countersign/internal/markup"
	"countersign/internal/pin"
	"countersign/internal/screen"
	"countersign/internal/secret"
	"countersign/internal/telegram"
)

// hear takes what somebody was asked for: a name, a PIN, his number. All else is left to
// others.
func (d *Desk) hear(ctx context.Context, v screen.Visitor, w screen.Words) (screen.Heard, error) {
	a, there, err := d.Store.asking(ctx, v.Person.ID)
	if err != nil {
		return screen.Heard{Secret: w.Contact != nil}, err
	}
	said := "words/" + fmt.Sprint(w.Update)
	switch again := there && a.Tap == said; {
	case !d.trusts(v.Person) && (w.Contact != nil || again || there && a.answers(w)):
		d.told(ctx, v, notYet, nil)
		return screen.Heard{Taken: true, Secret: true, Outcome: "refused: the account may not act yet"}, nil
	case w.Contact != nil:
		return d.hearNumber(ctx, v, w)
	case again: // all was done the first time, but perhaps what follows
		return screen.Heard{Taken: true, Secret: true, Outcome: "heard before"}, d.heardBefore(ctx, v, w, a)
	case !there || !a.answers(w):
		return screen.Heard{}, nil
	}
	a.Tap = said
	switch a.What {
	case forName:
		return screen.Heard{Taken: true, Outcome: "name of a room"}, d.hearName(ctx, v, w, a)
	case forNewPIN:
		return screen.Heard{Taken: true, Secret: true, Outcome: "PIN of a new room"}, d.hearNewPIN(ctx, v, w, a)
	case forPIN:
		return screen.Heard{Taken: true, Secret: true, Outcome: "PIN of a room"}, d.hearPIN(ctx, v, w, a)
	case forNumber: // typed, and so nobody's in particular
		d.told(ctx, v, "audio.number_typed", nil)
		return screen.Heard{Taken: true, Secret: true, Outcome: "refused: a number that was typed"}, nil
	case forNone:
	}
	return screen.Heard{}, nil
}

// aside leaves what somebody says next to another question, put after the desk's own.
func (d *Desk) aside(ctx context.Context, v screen.Visitor) error {
	return d.Store.aside(ctx, v.Person.ID)
}

// answers reports whether words answer the question: they reply to it, or to nothing and were
// written after it, with no other question in between. What may be a PIN is rather taken for
// one than for the reason of a decision.
func (a asking) answers(w screen.Words) bool {
	if a.What == forNone || w.Attached != nil {
		return false
	}
	if w.ReplyTo != nil {
		return w.ReplyTo.ID == a.Message && a.Message != 0
	}
	if a.Aside || a.Message != 0 && (w.ID < a.Message || w.After > a.Message) {
		return false
	}
	digits := !strings.ContainsFunc(markup.Clean(w.Text), func(r rune) bool { return !unicode.IsDigit(r) && !strings.ContainsRune("+-(). \u00a0", r) }) // of whatever script
	switch a.What {
	case forNewPIN, forPIN:
		return digits && utf8.RuneCountInString(w.Text) <= 2*longPIN
	case forNumber:
		const like = 6
		return digits && len(w.Text) >= like
	default:
		return true
	}
}

// heardBefore does what may be missing: to take the PIN out of the chat, and to put the next
// question, or to tell what came of the last.
func (d *Desk) heardBefore(ctx context.Context, v screen.Visitor, w screen.Words, a asking) error {
	if a.What == forNone {
		if err := d.Telegram.DeleteMessage(ctx, w.Chat.ID, w.ID); err != nil { // as it is when it was deleted the first time
			d.Log.DebugContext(ctx, "a message that was heard before not deleted", slog.Any("error", err))
		}
		return d.welcome(ctx, v, a)
	}
	return d.pose(ctx, v, &a)
}

func (d *Desk) hearName(ctx context.Context, v screen.Visitor, w screen.Words, a asking) error {
	a.Name = line(w.Text, mostRoom)
	switch {
	case a.Name == "":
		d.told(ctx, v, "audio.name_empty", nil)
		return nil
	case a.Kind == Public:
		return d.found(ctx, v, a, "")
	}
	a.What = forNewPIN
	if err := d.Store.advance(ctx, d.Store.Pool, &a); err != nil {
		return settled(err)
	}
	return d.pose(ctx, v, &a)
}

// settled: who lost the race to another question has nothing to do any more.
func settled(err error) error {
	if errors.Is(err, errMoved) {
		return nil
	}
	return err
}

// hearNewPIN takes the PIN that its maker sets, and makes the room.
func (d *Desk) hearNewPIN(ctx context.Context, v screen.Visitor, w screen.Words, a asking) error {
	typed := strings.TrimSpace(w.Text)
	d.remove(ctx, v, w)
	switch {
	case !pin.Of(typed, shortPIN, longPIN):
		d.told(ctx, v, "audio.pin_form", nil)
		return nil
	case pin.Weak(typed):
		d.told(ctx, v, "audio.pin_weak", nil)
		return nil
	}
	return d.found(ctx, v, a, secret.Text(typed))
}

// found makes a room, and tells its maker.
func (d *Desk) found(ctx context.Context, v screen.Visitor, a asking, code secret.Text) error {
	made, err := d.make(ctx, v, a, code)
	switch {
	case errors.Is(err, errMany):
		d.told(ctx, v, "audio.rooms_many", map[string]any{"Most": d.Rules.Rooms})
		return nil
	case err != nil:
		return settled(err)
	}
	return d.welcome(ctx, v, made)
}

// welcome tells somebody that his room is made, or that he may come into one, unless he was
// told.
func (d *Desk) welcome(ctx context.Context, v screen.Visitor, a asking) error {
	if a.Message != 0 || a.Room == "" {
		return nil
	}
	r, _, err := d.Store.roomOf(ctx, a.Room)
	if err != nil {
		return err
	}
	w := work{Visitor: v, place: place{Verb: toRooms}}
	var p draft
	if a.Kind == "" {
		p.say("✅ " + w.t("audio.let_in", map[string]any{"Name": r.Name}))
	} else {
		p.say("✅ " + w.t("audio.made", map[string]any{"Name": r.Name}))
	}
	if a.Kind == Private {
		p.say(w.t("audio.invite", map[string]any{"Command": "/" + Command + " " + r.Number}))
	}
	p.row(link{text: w.t("audio.open", nil), to: place{Verb: toRoom, Room: r.ID}})
	if a.Message, err = d.say(ctx, w, p); err != nil || a.Message == 0 {
		return err
	}
	return d.Store.asked(ctx, a)
}

// say sends a screen as a message of its own.
func (d *Desk) say(ctx context.Context, w work, p draft) (message int64, err error) {
	out, err := d.drawn(ctx, w, p)
	if err != nil {
		return 0, err
	}
	k, err := telegram.NewKeyboard(out.Rows...)
	if err != nil {
		return 0, err
	}
	message, err = d.send(ctx, telegram.Outgoing{ChatID: w.Account, HTML: strings.Join(out.Lines, "\n"), Keyboard: k})
	if err != nil {
		d.Log.WarnContext(ctx, "not told", slog.Any("error", err)) // what was done is done
	}
	return message, nil
}

// hearPIN lets somebody in who knows the PIN. The try is counted before it is looked at.
func (d *Desk) hearPIN(ctx context.Context, v screen.Visitor, w screen.Words, a asking) error {
	typed := strings.TrimSpace(w.Text)
	d.remove(ctx, v, w)
	if !pin.Of(typed, shortPIN, longPIN) {
		d.told(ctx, v, "audio.pin_form", nil)
		return nil
	}
	left, locked, err := d.Store.try(ctx, a)
	if err != nil {
		return err
	}
	if !locked.IsZero() {
		d.told(ctx, v, "audio.pin_locked", map[string]any{"Time": v.Lang.DateTime(locked, v.Zone)})
		return nil
	}
	right, err := d.isPIN(ctx, a.Room, secret.Text(typed))
	switch {
	case errors.Is(err, ErrClosed):
		d.told(ctx, v, "audio.closed", nil)
		return nil
	case err != nil:
		return err
	case !right && left <= 0:
		d.told(ctx, v, "audio.pin_last", map[string]any{"Pause": v.Lang.Duration(firstPause)})
		return nil
	case !right:
		d.told(ctx, v, "audio.pin_wrong", map[string]any{"Left": left})
		return nil
	}
	a.What = forNone
	if err := d.Store.letIn(ctx, a); err != nil {
		return settled(err)
	}
	a.Message = 0
	return d.welcome(ctx, v, a)
}

// firstPause is how long the first lock lasts at least.
const firstPause = 15 * time.Minute

// remove takes a message with a PIN out of the chat. Where that fails its writer is asked to.
func (d *Desk) remove(ctx context.Context, v screen.Visitor, w screen.Words) {
	err := d.Telegram.DeleteMessage(ctx, w.Chat.ID, w.ID)
	if err == nil {
		return
	}
	d.Log.WarnContext(ctx, "a message with a PIN is still in the chat", slog.Any("error", err))
	d.told(ctx, v, "audio.remove_yourself", nil)
}

// hearNumber takes a number that somebody shared: his own, by the button, and no other.
func (d *Desk) hearNumber(ctx context.Context, v screen.Visitor, w screen.Words) (screen.Heard, error) {
	out := screen.Heard{Taken: true, Secret: true}
	refuse := func(key, why string) (screen.Heard, error) {
		d.told(ctx, v, key, nil)
		out.Outcome = "refused: " + why
		return out, nil
	}
	number, ok := E164(w.Contact.Phone)
	switch {
	case d.Seal == nil:
		return refuse("audio.no_seal", "there is no key")
	case w.Forwarded || !w.Written():
		return refuse("audio.number_forwarded", "a forwarded number")
	case w.Contact.UserID == 0 || w.Contact.UserID != v.Account || v.Person.Telegram != v.Account:
		return refuse("audio.number_others", "somebody else's number")
	case !ok:
		return refuse("audio.number_odd", "not a telephone number")
	case !d.Rules.called(number):
		return refuse("audio.number_prefix", "numbers like this one are not called")
	}
	k := keptNumber{person: v.Person.ID, account: v.Account}
	var err error
	if k.mark, err = d.mark(ctx, number); err != nil {
		return out, err
	}
	if k.sealed, err = d.Seal.Seal(number, numberOf(v.Person.ID)); err != nil {
		return out, err
	}
	if err := d.Store.keep(ctx, k); err != nil {
		return out, err
	}
	out.Outcome = "a number is kept"
	if _, err := d.send(ctx, telegram.Outgoing{ChatID: v.Account, HTML: markup.Escape("✅ " + v.Lang.T("audio.number_kept", nil)), Bare: true}); err != nil {
		d.Log.WarnContext(ctx, "not told", slog.Any("error", err))
	}
	return out, nil
}
