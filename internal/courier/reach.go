package courier

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"countersign/internal/approval"
	"countersign/internal/telegram"
)

// mostDoubted is how many cases of one person are looked at when he shuts the bot out.
const mostDoubted = 1000

// closed lists the private chats that do not take messages of ours, as far as the
// messages of a case tell.
func closed(shown map[string][]Message) map[int64]bool {
	out := map[int64]bool{}
	for _, messages := range shown {
		for _, m := range messages {
			if m.ChatID > 0 && unreachable(m.Fault) {
				out[m.ChatID] = true
			}
		}
	}
	return out
}

// reconsider reports whether it turned out that somebody can be reached who could not, or
// the reverse, and takes that as the truth.
func (r *drawing) reconsider(ctx context.Context) (bool, error) {
	if len(r.view.Closed) == 0 && !slices.ContainsFunc(r.lanes, func(l *lane) bool { return len(l.faults) > 0 }) {
		return false, nil // as nearly always
	}
	now, err := r.Store.Shown(ctx, r.Bot, string(r.d.Case.ID))
	if err != nil {
		return false, err
	}
	before := r.view.Closed
	r.view.Closed = closed(now)
	return !maps.Equal(before, r.view.Closed), nil
}

// unreachable reports whether a fault, as it is noted, says that a chat is closed to us.
func unreachable(fault string) bool {
	return strings.Contains(fault, "("+telegram.Unreachable.String()+")")
}

// Lost is told that a person shut the bot out. His cards in the cases that wait for him
// are tried once more: where that is refused, the cards of the others say so.
func (c *Courier) Lost(ctx context.Context, chat int64) error {
	dir, err := c.Directory.Snapshot(ctx)
	if err != nil {
		return err
	}
	p, ok := dir.ByTelegram(chat)
	if !ok {
		return nil
	}
	waiting, _, err := c.Ledger.Queue(ctx, p.ID, mostDoubted)
	if err != nil {
		return err
	}
	for _, w := range waiting {
		if err := c.Store.Doubt(ctx, string(w.Case), c.Bot, chat); err != nil {
			return err
		}
		if err := c.Ledger.Redraw(ctx, w.Case); err != nil {
			return err
		}
	}
	return nil
}

// takeOver asks for the open cases to be redrawn whose messages are another bot's, as
// after a change of the token: nobody can tap on what that one sent.
func (c *Courier) takeOver(ctx context.Context) {
	n, err := c.takeAllOver(ctx)
	switch {
	case err != nil && ctx.Err() == nil:
		c.Log.WarnContext(ctx, "cases of another bot not taken over", slog.Any("error", err))
	case n > 0:
		c.Log.InfoContext(ctx, "open cases get cards of this bot", slog.Int("count", n))
	}
}

func (c *Courier) takeAllOver(ctx context.Context) (taken int, err error) {
	if others, err := c.Store.HasOthers(ctx, c.Bot); err != nil || !others {
		return 0, err
	}
	return c.redrawOpen(ctx, func(ctx context.Context, open []approval.ID) ([]approval.ID, error) {
		return c.Store.OfOthers(ctx, c.Bot, open)
	})
}
