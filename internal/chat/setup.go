package chat

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"countersign/internal/telegram"
)

// Hook is what Telegram is told about our address.
type Hook struct {
	URL            string // empty: long polling
	Certificate    []byte
	MaxConnections int
}

const (
	setUpEvery = 30 * time.Second
	setUpAgain = 2 * time.Second // and longer each time, up to a minute
)

// SetUp tells Telegram where to deliver, or that we ask ourselves, and the menu of
// commands; then it looks every half minute whether it is still so. The gateway works while
// the Bot API is away or knows only some of this: it says so and tries again.
func (d *Door) SetUp(ctx context.Context, h Hook, me func(telegram.Me)) error {
	told, again := false, setUpAgain
	for ctx.Err() == nil {
		if !told {
			err := d.tellTelegram(ctx, h, me)
			if told = err == nil; !told && ctx.Err() == nil {
				d.Log.WarnContext(ctx, "the Bot API is not set up yet", slog.Any("error", err))
			}
		} else {
			d.lookAfter(ctx, h, &told)
		}
		wait := setUpEvery
		if told {
			again = setUpAgain
		} else {
			wait, again = again, min(2*again, time.Minute)
		}
		rest(ctx, wait)
	}
	return nil
}

func (d *Door) tellTelegram(ctx context.Context, h Hook, me func(telegram.Me)) error {
	bot, err := d.Telegram.GetMe(ctx)
	if err != nil {
		return fmt.Errorf("who am I: %w", err)
	}
	me(bot)
	if h.URL == "" {
		err = d.Telegram.DeleteWebhook(ctx)
	} else {
		err = d.Telegram.SetWebhook(ctx, telegram.Webhook{
			URL: h.URL, Certificate: h.Certificate, Secret: d.Secret, MaxConnections: h.MaxConnections,
		})
	}
	if err != nil {
		return fmt.Errorf("webhook: %w", err)
	}
	for _, tag := range append([]string{""}, d.Texts.Languages()...) {
		lang := d.Texts.For(tag)
		menu := []telegram.MenuCommand{}
		for _, name := range []string{"queue", "login", "help"} {
			menu = append(menu, telegram.MenuCommand{Name: name, Description: lang.T("command."+name, nil)})
		}
		if err := d.Telegram.SetCommands(ctx, telegram.ScopePrivate, tag, menu); err != nil {
			d.Log.WarnContext(ctx, "menu of commands not set", slog.String("language", tag), slog.Any("error", err))
		}
	}
	return nil
}

// lookAfter notices that somebody moved the webhook, and says what Telegram complains of.
func (d *Door) lookAfter(ctx context.Context, h Hook, told *bool) {
	info, err := d.Telegram.GetWebhookInfo(ctx)
	if err != nil {
		return
	}
	if info.URL != h.URL {
		d.Log.ErrorContext(ctx, "the webhook was changed by somebody else; setting it again", slog.String("found", info.URL))
		*told = false
	}
	if info.LastErrorDate > 0 && d.Now().Sub(time.Unix(info.LastErrorDate, 0)) < 2*setUpEvery {
		d.Log.WarnContext(ctx, "Telegram could not deliver", slog.String("reason", info.LastError), slog.Int("pending", info.Pending))
	}
}
