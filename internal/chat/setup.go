package chat

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"countersign/internal/telegram"
)

// Hook is what Telegram is told about our address.
type Hook struct {
	URL            string // empty: long polling
	Certificate    []byte // what is uploaded: certificates in PEM form; none for an ordinary one
	MaxConnections int
}

// Announce tells Telegram where to deliver, or that we ask ourselves, and hands on what it
// says of the bot.
func (d *Door) Announce(ctx context.Context, h Hook, me func(telegram.Me)) error {
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
	return nil
}

// Holds looks whether Telegram still delivers as it was told, and says what it complains
// of. It reports false when it must be told again: somebody else who has the token moved
// the webhook, gave it another secret, or shut out kinds of update.
func (d *Door) Holds(ctx context.Context, h Hook) bool {
	info, err := d.Telegram.GetWebhookInfo(ctx)
	if err != nil {
		return true // nothing is known to have changed
	}
	complains := info.LastErrorDate > 0 && d.Now().Sub(time.Unix(info.LastErrorDate, 0)) < 2*setUpEvery
	if complains {
		d.Log.WarnContext(ctx, "Telegram could not deliver", slog.String("reason", info.LastError), slog.Int("pending", info.Pending))
	}
	var changed string
	switch {
	case info.URL != h.URL:
		changed = "address"
	case info.Custom != (len(h.Certificate) > 0):
		changed = "certificate"
	case h.URL != "" && complains && strings.Contains(info.LastError, "401"): // our answer to whoever does not know the secret
		changed = "secret"
	case h.URL != "" && len(info.Allowed) > 0 && slices.ContainsFunc(telegram.AllowedUpdates(), func(k string) bool { return !slices.Contains(info.Allowed, k) }):
		changed = "kinds of update"
	default:
		return true
	}
	d.Log.ErrorContext(ctx, "the webhook was changed by somebody else; setting it again", slog.String("what", changed), slog.String("found", info.URL))
	return false
}
