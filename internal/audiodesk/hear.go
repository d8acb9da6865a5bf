package audiodesk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

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
	if a.Message != 0 && (w.ID < a.Message || w.After > a.Message) {
		return false
	}
	digits := strings.Trim(markup.Clean(w.Text), "+-(). \u00a00123456789") == ""
	switch a.What {
	case forNewPIN, forPIN:
		return digits && len(w.Text) <= 2*longPIN
	case forNumber:
		const like = 6
		return digits && len(w.Text) >= like
	default:
		return true
	}
}

// heardBefore does what may be missing: to take the PIN out of the chat, and to put the next
// question.
func (d *Desk) heardBefore(ctx context.Context, v screen.Visitor, w screen.Words, a asking) error {
	if a.What == forNone {
		if err := d.Telegram.DeleteMessage(ctx, w.Chat.ID, w.ID); err != nil { // as it is when it was deleted the first time
			d.Log.DebugContext(ctx, "a message that was heard before not deleted", slog.Any("error", err))
		}
		return nil
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
		r, err := d.found(ctx, v, a, "")
		return d.founded(ctx, v, r, err)
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
	r, err := d.found(ctx, v, a, secret.Text(typed))
	return d.founded(ctx, v, r, err)
}

// founded tells whoever made a room.
func (d *Desk) founded(ctx context.Context, v screen.Visitor, r newRoom, err error) error {
	switch {
	case isMany(err):
		d.told(ctx, v, "audio.rooms_many", map[string]any{"Most": d.Rules.Rooms})
		return nil
	case err != nil:
		return settled(err)
	}
	w := work{Visitor: v, place: place{Verb: toRooms}}
	var p draft
	p.say("✅ " + w.t("audio.made", map[string]any{"Name": r.Name}))
	if r.Kind == Private {
		p.say(w.t("audio.invite", map[string]any{"Command": "/" + Command + " " + r.Number}))
	}
	p.row(link{text: w.t("audio.open", nil), to: place{Verb: toRoom, Room: r.ID}})
	return d.say(ctx, w, p)
}

// say sends a screen as a message of its own.
func (d *Desk) say(ctx context.Context, w work, p draft) error {
	out, err := d.drawn(ctx, w, p)
	if err != nil {
		return err
	}
	k, err := telegram.NewKeyboard(out.Rows...)
	if err != nil {
		return err
	}
	if _, err := d.send(ctx, telegram.Outgoing{ChatID: w.Account, HTML: strings.Join(out.Lines, "\n"), Keyboard: k}); err != nil {
		d.Log.WarnContext(ctx, "not told", slog.Any("error", err)) // what was done is done
	}
	return nil
}

// hearPIN lets somebody in who knows the PIN. The try is counted before it is looked at.
func (d *Desk) hearPIN(ctx context.Context, v screen.Visitor, w screen.Words, a asking) error {
	typed := strings.TrimSpace(w.Text)
	d.remove(ctx, v, w)
	if !pin.Of(typed, shortPIN, longPIN) {
		d.told(ctx, v, "audio.pin_form", nil)
		return nil
	}
	left, locked, err := d.Store.try(ctx, a.Room, v.Person.ID)
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
	if err := d.Store.letIn(ctx, a.Room, v.Person.ID, a); err != nil {
		return settled(err)
	}
	at := work{Visitor: v, place: place{Verb: toRooms}}
	var p draft
	p.say("✅ " + at.t("audio.let_in", map[string]any{"Name": a.Name}))
	p.row(link{text: at.t("audio.open", nil), to: place{Verb: toRoom, Room: a.Room}})
	return d.say(ctx, at, p)
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
