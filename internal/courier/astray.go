package courier

import (
	"context"
	"log/slog"
	"maps"
	"slices"

	"countersign/internal/approval"
	"countersign/internal/card"
	"countersign/internal/directory"
)

// astray lists the messages that nobody should have now where they are: the account is no
// longer the person's, who has left or has another one, or the person or the group is not
// told of this document any more.
func (r *drawing) astray() []spotAt {
	var out []spotAt
	for _, key := range slices.Sorted(maps.Keys(r.shown)) {
		s, err := card.ParseSpot(key)
		if err != nil {
			continue
		}
		tag := r.GroupLang
		if p, _ := r.d.People.Person(s.Person); s.Chat == "" {
			tag = p.Locale
		}
		s.Past = true // nothing new is sent there
		var chats []int64
		for _, m := range r.shown[key] {
			if m.ID == 0 || r.former[m.ChatID] || slices.Contains(chats, m.ChatID) || r.planned(key, m.ChatID) {
				continue
			}
			chats = append(chats, m.ChatID)
			out = append(out, spotAt{Spot: s, place: place{chat: m.ChatID, lang: r.Texts.For(tag)}, astray: true})
		}
	}
	return out
}

// lookBack finds out which messages stand in groups that have become supergroups since:
// they are there to see, and nobody can change them.
func (r *drawing) lookBack(ctx context.Context) error {
	strange := func(m Message) bool {
		return m.ChatID < 0 && m.ID != 0 && !slices.ContainsFunc(slices.Collect(maps.Values(r.groups)), func(g directory.Chat) bool { return g.TelegramID == m.ChatID })
	}
	found := false
	for _, messages := range r.shown {
		found = found || slices.ContainsFunc(messages, strange)
	}
	if !found {
		return nil // as nearly always
	}
	var err error
	r.former, err = r.formerIDs(ctx)
	return err
}

func (c *Courier) formerIDs(ctx context.Context) (map[int64]bool, error) {
	all, err := c.Directory.Chats(ctx)
	if err != nil {
		return nil, err
	}
	out := map[int64]bool{}
	for _, g := range all {
		if g.MigratedFrom != 0 {
			out[g.MigratedFrom] = true
		}
	}
	return out, nil
}

// toldBefore reports whether a group was told how the case ended before it became a
// supergroup: that is still to be read there, and is not said again.
func (r *drawing) toldBefore(s card.Spot, at place) bool {
	if at.group == nil || at.group.MigratedFrom == 0 || r.d.Case.State.Open() {
		return false
	}
	ended := r.view
	c := *r.d.Case
	c.Consumed, ended.Case = nil, &c // what the ERP does later is no news for a message of its own
	final := []string{card.For(r.view, s, at.lang).Digest(), card.For(ended, s, at.lang).Digest()}
	return slices.ContainsFunc(r.shown[s.Key()], func(m Message) bool {
		return m.ChatID == at.group.MigratedFrom && m.ID != 0 && slices.Contains(final, m.Digest)
	})
}

// leave forgets the messages in groups that are no more, of a case that is shown in the
// new ones.
func (r *drawing) leave(ctx context.Context) error {
	if !r.d.Case.State.Open() || len(r.former) == 0 {
		return nil
	}
	return r.Store.Leave(ctx, spotOf{id: string(r.d.Case.ID), bot: r.Bot}, slices.Collect(maps.Keys(r.former)))
}

// Settle asks for the open cases to be shown anew after groups changed: they moved, or are
// to be told of other documents, or less of them. Who is told no more is told so.
func (c *Courier) Settle(ctx context.Context) error {
	changed, err := c.Directory.Unsettled(ctx)
	if err != nil || len(changed) == 0 {
		return err
	}
	n, err := c.redrawOpen(ctx, func(_ context.Context, open []approval.ID) ([]approval.ID, error) { return open, nil })
	if err != nil {
		return err
	}
	c.Log.InfoContext(ctx, "open cases are shown anew in groups that changed", slog.Int("count", n))
	return c.Directory.Settle(ctx, changed)
}

// redrawOpen asks for those of the open cases to be redrawn that are picked.
func (c *Courier) redrawOpen(ctx context.Context, pick func(context.Context, []approval.ID) ([]approval.ID, error)) (n int, err error) {
	const atOnce = 1000
	for after := approval.ID(""); ; {
		open, err := c.Ledger.Open(ctx, after, atOnce)
		if err != nil || len(open) == 0 {
			return n, err
		}
		after = open[len(open)-1]
		picked, err := pick(ctx, open)
		if err != nil {
			return n, err
		}
		if err := c.Ledger.Redraw(ctx, picked...); err != nil {
			return n, err
		}
		n += len(picked)
	}
}
