package courier

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"countersign/internal/card"
	"countersign/internal/directory"
	"countersign/internal/ledger"
	"countersign/internal/locale"
	"countersign/internal/pace"
)

// drawing is one case on its way to be shown.
type drawing struct {
	*Courier

	d      ledger.Drawing
	view   card.View
	groups map[string]directory.Chat
	shown  map[string][]Message
	until  time.Time // the lease ends soon after
	wait   time.Duration
}

// place is where a message goes and in which language.
type place struct {
	chat   int64
	thread int64
	lang   locale.Lang
	group  *directory.Chat
}

// all goes through every message that should exist. It gives how long to wait before
// the case must be looked at again, 0 when everything is as it should be.
func (r *drawing) all(ctx context.Context) (time.Duration, error) {
	if err := r.prepare(ctx); err != nil {
		return 0, err
	}
	spots := card.Audience(r.view)
	slices.SortStableFunc(spots, func(a, b card.Spot) int { return cmp.Compare(r.urgency(a), r.urgency(b)) })
	var found []error
	for _, s := range spots {
		if r.Now().After(r.until) {
			r.later(time.Millisecond) // give the lease back before it ends and go on at once
			break
		}
		if err := r.spot(ctx, s); err != nil {
			found = append(found, err)
		}
	}
	return r.wait, errors.Join(found...)
}

func (r *drawing) prepare(ctx context.Context) error {
	chats, err := r.Directory.ChatsFor(ctx, r.d.Doc.Type)
	if err != nil {
		return err
	}
	if r.shown, err = r.Store.Shown(ctx, string(r.d.Case.ID)); err != nil {
		return err
	}
	r.view = card.View{
		Case: r.d.Case, Doc: r.d.Doc, Earlier: r.d.Earlier, People: r.d.People, Bot: r.Username(), Zone: r.Zone,
	}
	r.groups = map[string]directory.Chat{}
	for _, g := range chats {
		r.groups[g.ExternalID] = g
		r.view.Groups = append(r.view.Groups, card.Group{ID: g.ExternalID, Title: g.Title})
	}
	return nil
}

// urgency: who is asked first, then the cards that are there, then what hangs below.
func (r *drawing) urgency(s card.Spot) int {
	fresh := len(r.shown[s.Key()]) == 0
	switch {
	case s.Kind == card.KindApprover && fresh && !s.Past:
		return 0
	case s.Kind == card.KindApprover:
		return 1
	case s.Kind == card.KindOutcome:
		return 2
	case s.Kind == card.KindRequester:
		return 3
	case s.Kind == card.KindGroup:
		return 4
	default:
		return 5
	}
}

func class(s card.Spot, message int64) pace.Class {
	switch {
	case s.Kind == card.KindGroup || s.Kind == card.KindFile:
		return pace.Notice
	case message != 0:
		return pace.Edit
	default:
		return pace.NewCard
	}
}

// where finds the chat of a spot; ok is false when there is none now.
func (r *drawing) where(s card.Spot) (place, bool) {
	if s.Chat != "" {
		g, ok := r.groups[s.Chat]
		return place{chat: g.TelegramID, thread: g.Thread, lang: r.Texts.For(r.GroupLang), group: &g}, ok
	}
	p, ok := r.d.People.Person(s.Person)
	if !ok || !p.Linked() {
		return place{}, false
	}
	return place{chat: p.Telegram, lang: r.Texts.For(p.Locale)}, true
}

// spot brings one message, and copies of it, to what it should be.
func (r *drawing) spot(ctx context.Context, s card.Spot) error {
	at, ok := r.where(s)
	if !ok {
		return nil // not linked: the console shows who cannot be reached
	}
	want := card.For(r.view, s, at.lang)
	digest := want.Digest()
	live := 0
	for _, m := range r.shown[s.Key()] {
		if m.ChatID != at.chat || m.ID == 0 {
			continue
		}
		live++
		if m.Digest == digest {
			continue
		}
		gone, err := r.edit(ctx, s, at, m, want)
		if err != nil {
			return err
		}
		if gone {
			live--
		}
	}
	if live > 0 || s.Past {
		return nil
	}
	return r.send(ctx, s, at, want)
}

// turn asks the limits for a message. When it is not its turn, the case is looked at
// again when it is.
func (r *drawing) turn(ctx context.Context, at place, c pace.Class) (bool, error) {
	wait, err := r.Pace.Take(ctx, pace.Ask{Bot: r.Bot, Chat: at.chat, Group: at.chat < 0, Class: c})
	if err != nil {
		return false, err
	}
	if wait > 0 {
		r.later(wait)
	}
	return wait == 0, nil
}

func (r *drawing) later(d time.Duration) {
	if r.wait == 0 || d < r.wait {
		r.wait = d
	}
}

func (r *drawing) warn(ctx context.Context, text string, s card.Spot, err error) {
	r.Log.WarnContext(ctx, "message not shown", slog.String("case", string(r.d.Case.ID)), slog.String("spot", s.Key()),
		slog.String("what", text), slog.Any("error", err))
}
