package audiodesk

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"countersign/internal/pace"
	"countersign/internal/screen"
	"countersign/internal/telegram"
)

// mostDrawn is how many screens one look draws.
const mostDrawn = 50

// Draw shows in the screens that are followed what changed in their rooms. Nothing is sent
// where nothing changed, and to no chat more often than the messenger allows.
func (d *Desk) Draw(ctx context.Context) error {
	due, err := d.Store.due(ctx, mostDrawn)
	if err != nil {
		return err
	}
	var faults []error
	for _, f := range due {
		if err := d.draw(ctx, f); err != nil {
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}

func (d *Desk) draw(ctx context.Context, f followed) error {
	now, version, there, err := d.now(ctx, f)
	if err != nil {
		return err
	}
	if !there {
		return d.Store.leave(ctx, f.Account, f.Message)
	}
	shown := digest(now)
	f.Version = version
	if bytes.Equal(shown, f.Shown) {
		return d.Store.drew(ctx, f, 0)
	}
	wait, err := d.Pace.Take(ctx, pace.Ask{Bot: d.Telegram.BotID(), Chat: f.Account, Class: pace.Edit})
	if err != nil {
		return err
	}
	if wait > 0 {
		f.Version = 0
		return d.Store.drew(ctx, f, wait)
	}
	k, err := telegram.NewKeyboard(now.Rows...)
	if err != nil {
		return err
	}
	err = d.Telegram.EditText(ctx, telegram.Edit{ChatID: f.Account, MessageID: f.Message, HTML: strings.Join(now.Lines, "\n"), Keyboard: k})
	switch telegram.KindOf(err) {
	case telegram.OK, telegram.NotModified:
		f.Shown = shown
		return d.Store.drew(ctx, f, d.drawEvery())
	case telegram.RateLimited:
		f.Version = 0
		return errors.Join(d.Store.drew(ctx, f, d.held(ctx, f.Account, err)), nil)
	case telegram.Transient, telegram.Unknown, telegram.Config:
		f.Version = 0
		d.Log.WarnContext(ctx, "screen of a room not drawn yet", slog.Any("error", err))
		return d.Store.drew(ctx, f, d.drawEvery())
	default: // the message is gone, or the chat does not want us
		return d.Store.leave(ctx, f.Account, f.Message)
	}
}

// held lets a chat rest for as long as the messenger says.
func (d *Desk) held(ctx context.Context, chat int64, err error) time.Duration {
	wait := d.drawEvery()
	if e, ok := errors.AsType[*telegram.Error](err); ok && e.RetryAfter > 0 {
		wait = e.RetryAfter
		if err := d.Pace.Hold(ctx, d.Telegram.BotID(), chat, wait); err != nil {
			d.Log.WarnContext(ctx, "chat not held back", slog.Any("error", err))
		}
	}
	return wait
}

// now is a screen as it should be; false when it is nobody's any more.
func (d *Desk) now(ctx context.Context, f followed) (screen.Screen, int64, bool, error) {
	dir, err := d.Directory(ctx)
	if err != nil {
		return screen.Screen{}, 0, false, err
	}
	p, known := dir.Person(f.Person)
	if !known || !p.Active || p.Telegram != f.Account || !d.trusts(p) {
		return screen.Screen{}, 0, false, nil
	}
	of, there, err := d.Store.standing(ctx, f.Room, p)
	if err != nil || !there || of.right < sees {
		return screen.Screen{}, 0, false, err
	}
	v := screen.Visitor{Person: p, Account: f.Account, Lang: d.lang(p.Locale), Zone: p.Clock(d.Zone)}
	w := work{Visitor: v, place: place{Verb: toRoom, Room: f.Room, Page: f.Page}, of: of}
	out := closed(w, of)
	if of.Closed.IsZero() {
		if out, err = d.room(ctx, w); err != nil {
			return screen.Screen{}, 0, false, err
		}
	}
	s, err := d.drawn(ctx, w, out)
	return s, of.Version, true, err
}
