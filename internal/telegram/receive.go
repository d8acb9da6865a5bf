package telegram

import (
	"bytes"
	"context"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/go-telegram/bot"
	"github.com/go-telegram/bot/models"

	"countersign/internal/secret"
)

// Me is the bot itself.
type Me struct {
	ID        int64  `json:"id"`
	Username  string `json:"username"`
	FirstName string `json:"first_name"`
	// InlineMode says whether the bot may be called in other chats.
	InlineMode bool `json:"supports_inline_queries"`
	// ReadsAll says whether privacy mode is off.
	ReadsAll   bool `json:"can_read_all_group_messages"`
	JoinGroups bool `json:"can_join_groups"`
}

// Webhook is where Telegram is to deliver updates.
type Webhook struct {
	URL string
	// Certificate is the PEM of a self-signed certificate or of a private authority, empty for a public one.
	Certificate []byte
	Secret      secret.Text
	// MaxConnections is 1 to 100, zero for the server's default.
	MaxConnections int
	// Allowed are the kinds of update wanted; AllowedUpdates when empty, because absent would mean
	// "as before" to Telegram.
	Allowed []string
}

// WebhookInfo is what Telegram says of its deliveries.
type WebhookInfo struct {
	URL            string   `json:"url"`
	Custom         bool     `json:"has_custom_certificate"`
	Pending        int      `json:"pending_update_count"`
	LastErrorDate  int64    `json:"last_error_date"`
	LastError      string   `json:"last_error_message"`
	LastSyncError  int64    `json:"last_synchronization_error_date"`
	MaxConnections int      `json:"max_connections"`
	Allowed        []string `json:"allowed_updates"`
	IP             string   `json:"ip_address"`
}

// Poll asks for updates: those from Offset on, confirming all before it.
type Poll struct {
	Offset  int64
	Limit   int           // 1 to 100, zero for 100
	Wait    time.Duration // how long the server may hold the question, at most 50 s
	Allowed []string      // AllowedUpdates when empty
}

// RawUpdate is an update as it came. ID is zero if it has none that can be read.
type RawUpdate struct {
	ID   int64
	Body []byte
}

// AllowedUpdates are the kinds of update that Parse understands.
func AllowedUpdates() []string {
	return []string{"message", "edited_message", "callback_query", "inline_query", "chosen_inline_result", "my_chat_member"}
}

// GetMe returns the bot, and so proves the token.
func (c *Client) GetMe(ctx context.Context) (Me, error) {
	t := &exchange{method: "getMe"}
	err := c.perform(ctx, t, func(ctx context.Context) error {
		_, err := c.bot.GetMe(ctx)
		return err
	})
	var me Me
	if err == nil {
		err = c.decode(t, &me)
	}
	return me, err
}

// SetWebhook tells Telegram where to deliver. Telegram does not try the address: see GetWebhookInfo some
// seconds later. Updates that wait are kept.
func (c *Client) SetWebhook(ctx context.Context, w Webhook) error {
	return c.perform(ctx, &exchange{method: "setWebhook"}, func(ctx context.Context) error {
		params := &bot.SetWebhookParams{
			URL: w.URL, MaxConnections: w.MaxConnections, SecretToken: w.Secret.Reveal(), AllowedUpdates: allowed(w.Allowed),
		}
		if len(w.Certificate) > 0 {
			params.Certificate = &models.InputFileUpload{Filename: "certificate.pem", Data: bytes.NewReader(w.Certificate)}
		}
		_, err := c.bot.SetWebhook(ctx, params)
		return err
	})
}

// DeleteWebhook ends deliveries; updates that wait are kept.
func (c *Client) DeleteWebhook(ctx context.Context) error {
	return c.perform(ctx, &exchange{method: "deleteWebhook"}, func(ctx context.Context) error {
		_, err := c.bot.DeleteWebhook(ctx, &bot.DeleteWebhookParams{})
		return err
	})
}

// GetWebhookInfo returns what Telegram says of its deliveries.
func (c *Client) GetWebhookInfo(ctx context.Context) (WebhookInfo, error) {
	t := &exchange{method: "getWebhookInfo"}
	err := c.perform(ctx, t, func(ctx context.Context) error {
		_, err := c.bot.GetWebhookInfo(ctx)
		return err
	})
	var info WebhookInfo
	if err == nil {
		err = c.decode(t, &info)
	}
	return info, err
}

// GetUpdates asks for updates and leaves each as it is, so that one that cannot be decoded does not spoil
// the others.
func (c *Client) GetUpdates(ctx context.Context, p Poll) ([]RawUpdate, error) {
	seconds := min(int(p.Wait/time.Second), maxPollSeconds)
	t := &exchange{method: pollCall, limit: time.Duration(seconds) * time.Second}
	params := map[string]any{"offset": p.Offset, "timeout": seconds, "allowed_updates": allowed(p.Allowed)}
	if p.Limit > 0 {
		params["limit"] = p.Limit
	}
	var bodies []jsontext.Value
	if err := c.raw(ctx, t, params, &bodies); err != nil {
		return nil, err
	}
	updates := make([]RawUpdate, len(bodies))
	for i, body := range bodies {
		head, _ := Envelope(body) // an id of zero says that it could not be read
		updates[i] = RawUpdate{ID: head.ID, Body: body}
	}
	return updates, nil
}

func allowed(kinds []string) []string {
	if len(kinds) == 0 {
		return AllowedUpdates()
	}
	return kinds
}
