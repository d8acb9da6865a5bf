package telegram

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"time"
)

// Standing is what the bot is in a chat, and what it may do there.
type Standing struct {
	Status  string // as Telegram calls it
	Present bool
	Writes  bool
	Files   bool
}

// Standing asks what the bot is in a group.
func (c *Client) Standing(ctx context.Context, chatID int64) (Standing, error) {
	type rights struct {
		Write *bool `json:"can_send_messages"`
		Files *bool `json:"can_send_documents"`
	}
	var m struct {
		Status   string `json:"status"`
		IsMember bool   `json:"is_member"`
		Posts    *bool  `json:"can_post_messages"` // of a channel
		rights
	}
	if err := c.raw(ctx, &exchange{method: "getChatMember", facts: Facts{Chat: chatID, Account: c.BotID()}}, map[string]any{"chat_id": chatID, "user_id": c.BotID()}, &m); err != nil {
		return Standing{}, err
	}
	yes := true
	may := func(b *bool) bool { return *cmp.Or(b, &yes) }
	s := Standing{Status: m.Status, Present: true}
	switch m.Status {
	case "creator", "administrator":
		s.Writes, s.Files = may(m.Posts), may(m.Posts)
	case "restricted":
		s.Present, s.Writes = m.IsMember, may(m.Write)
		s.Files = s.Writes && may(m.Files)
	case "member":
		var chat struct {
			Members *rights `json:"permissions"`
		}
		if err := c.raw(ctx, &exchange{method: "getChat", facts: Facts{Chat: chatID}}, map[string]any{"chat_id": chatID}, &chat); err != nil {
			return Standing{}, err
		}
		all := *cmp.Or(chat.Members, &rights{})
		s.Writes = may(all.Write)
		s.Files = s.Writes && may(all.Files)
	default: // left, kicked, or something newer
		s.Present = false
	}
	return s, nil
}

// TryTopic shows for a moment that the bot is busy in a topic, and so finds out whether it
// is there. Nothing of it stays.
func (c *Client) TryTopic(ctx context.Context, chatID, threadID int64) error {
	return c.raw(ctx, &exchange{method: "sendChatAction", facts: Facts{Chat: chatID}}, map[string]any{
		"chat_id": chatID, "message_thread_id": threadID, "action": "typing",
	}, nil)
}

// Time is the clock of the Bot API, or of what answers in its place, to the second.
func (c *Client) Time(ctx context.Context) (time.Time, error) {
	t := &exchange{method: "the clock"}
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, c.base+"/", http.NoBody)
	if err != nil {
		return time.Time{}, c.failed(t, Bug, err)
	}
	resp, err := c.wire.RoundTrip(req)
	if err != nil {
		return time.Time{}, c.failed(t, Transient, onTheWay(c.proxy, err))
	}
	if err := resp.Body.Close(); err != nil {
		return time.Time{}, c.failed(t, Transient, err)
	}
	at, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return time.Time{}, c.failed(t, Transient, errors.New("no time in the answer"))
	}
	return at, nil
}

// Proxied reports whether calls go through a proxy.
func (c *Client) Proxied() bool { return c.proxy != nil }
