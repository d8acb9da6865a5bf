package chat

import (
	"context"
	"log/slog"
	"strings"

	"countersign/internal/directory"
	"countersign/internal/telegram"
)

// word is something that a person said to the bot.
type word struct {
	from    telegram.User
	command bool
}

func wordOf(u telegram.Update) word {
	switch {
	case u.Kind == telegram.UpdateCallback:
		return word{from: u.Callback.From}
	case u.Kind == telegram.UpdateMessage && u.Message.Written() && u.Message.Chat.Private():
		return word{from: *u.Message.From, command: strings.HasPrefix(u.Message.Text, "/")}
	default:
		return word{}
	}
}

// heed notes the language of somebody's messenger where he goes by that: what he is sent
// unasked comes in it, too. The first word of it counts, later only what he writes as a
// command: who has two devices in two languages would turn all his cards with each tap.
func (d *Door) heed(ctx context.Context, w word) {
	if w.from.ID == 0 || w.from.Language == "" {
		return
	}
	p, err := d.person(ctx, w.from.ID)
	tag := d.Texts.For(w.from.Language).Tag()
	if err != nil || p.ID == "" || !p.Follows || p.Locale == tag || p.Locale != "" && !w.command {
		return
	}
	changed, err := d.Directory.Set(ctx, "messenger", p.ID, func(s *directory.Setting) {
		if s.Follows {
			s.Locale = tag
		} else {
			s.Heard = tag
		}
	})
	if err == nil && changed {
		err = d.Ledger.RedrawConcerning(ctx, p.ID)
	}
	if err != nil { // it is heard again
		d.Log.WarnContext(ctx, "language of a messenger not noted", slog.String("person", string(p.ID)), slog.Any("error", err))
	}
}
