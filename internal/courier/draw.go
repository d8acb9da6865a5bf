package courier

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"countersign/internal/card"
	"countersign/internal/crash"
	"countersign/internal/directory"
	"countersign/internal/handout"
	"countersign/internal/ledger"
	"countersign/internal/locale"
	"countersign/internal/people"
)

// drawing is one case on its way to be shown.
type drawing struct {
	*Courier

	d      ledger.Drawing
	view   card.View
	groups map[string]directory.Chat
	shown  map[string][]Message // by spot, as they were when the drawing began
	former map[int64]bool       // ids that groups had before they became supergroups
	lanes  []*lane
	partly bool // some chats were brought up to date, others failed
	posted []Posted

	stop  context.Context //nolint:containedctx // ends: finish the message in hand, begin no other
	since time.Time       // by our own clock: before the lease was asked for
	owned owned           // the claims of this drawing
	until atomic.Int64    // after since: what is begun later may meet another courier's
}

// place is where a message goes and in which language.
type place struct {
	chat   int64
	thread int64
	lang   locale.Lang
	group  *directory.Chat
	zone   *time.Location // of the times shown
	hushed bool           // nothing makes a sound there now
}

// all goes through every message that should exist. It gives how long to wait before
// the case must be looked at again, 0 when everything is as it should be.
func (r *drawing) all(ctx context.Context) (time.Duration, error) {
	if err := r.prepare(ctx); err != nil {
		return 0, err
	}
	r.plan()
	found := r.pass(ctx, r.lanes)
	changed, err := r.reconsider(ctx)
	if err == nil && changed { // the messages that are through say what is no longer so
		again := slices.DeleteFunc(slices.Clone(r.lanes), func(l *lane) bool { return found[l] != nil || l.wait > 0 })
		maps.Copy(found, r.pass(ctx, again))
	}
	var wait time.Duration
	for _, l := range r.lanes {
		wait = sooner(wait, l.wait)
		r.partly = r.partly || found[l] == nil
		err = errors.Join(err, found[l])
	}
	later, fault := r.follow(ctx)
	return min(sooner(wait, later), patience), errors.Join(err, fault)
}

// pass lets lanes bring their messages to what they should be.
func (r *drawing) pass(ctx context.Context, lanes []*lane) map[*lane]error {
	found := make([]error, len(lanes))
	var wg sync.WaitGroup
	for i, l := range lanes {
		wg.Go(func() { found[i] = l.run(ctx) })
	}
	wg.Wait()
	out := map[*lane]error{}
	for i, l := range lanes {
		out[l] = found[i]
	}
	return out
}

func (r *drawing) prepare(ctx context.Context) error {
	chats, err := r.Directory.ChatsFor(ctx, r.d.Doc.Type)
	if err != nil {
		return err
	}
	if r.shown, err = r.Store.Shown(ctx, r.Bot, string(r.d.Case.ID)); err != nil {
		return err
	}
	look := r.looks()
	r.view = card.View{
		Case: r.d.Case, Doc: r.d.Doc, Earlier: r.d.Earlier, People: r.d.People, Bot: r.Username(), Zone: r.Zone,
		Closed: closed(r.shown), Talk: r.d.Talk, Files: r.d.Files, MaxFile: r.MaxFile, Meet: look.Meet, Phone: look.Phone, Away: map[people.ID]time.Time{},
	}
	if r.Links.Open() {
		r.view.LinkDays = int(handout.Life / (24 * time.Hour))
	}
	for _, s := range r.d.Case.Slots {
		if a, away := r.d.People.Away(s.Person, r.Now()); away {
			r.view.Away[s.Person] = a.Until
		}
	}
	r.groups = map[string]directory.Chat{}
	for _, g := range chats {
		r.groups[g.ExternalID] = g
		told := card.Group{ID: g.ExternalID, Title: g.Title, Hidden: g.Hidden, NoFiles: g.NoFiles}
		if g.Wants(directory.Matter{Type: r.d.Doc.Type, Company: r.d.Doc.Company, Currency: r.d.Doc.Amount.Currency, Minor: r.d.Doc.Amount.Minor}) {
			r.view.Groups = append(r.view.Groups, told)
		}
		if g.Fallback {
			r.view.Fallback = append(r.view.Fallback, told)
		}
	}
	return r.lookBack(ctx)
}

// plan makes a lane for each chat, the most urgent first: it begins first, but nobody
// waits until it is through.
func (r *drawing) plan() {
	spots := card.Audience(r.view)
	slices.SortStableFunc(spots, func(a, b card.Spot) int { return cmp.Compare(r.urgency(a), r.urgency(b)) })
	byChat := map[int64]*lane{}
	first := make(chan struct{})
	close(first)
	after := (<-chan struct{})(first)
	put := func(s spotAt) {
		l := byChat[s.chat]
		if l == nil {
			l = &lane{drawing: r, chat: s.chat, shown: map[string][]Message{}, after: after, single: r.failing(r.d)}
			next := make(chan struct{})
			l.begun, after = sync.OnceFunc(func() { close(next) }), next
			byChat[s.chat] = l
			r.lanes = append(r.lanes, l)
		}
		l.spots = append(l.spots, s)
		for _, m := range r.shown[s.Key()] {
			if m.ChatID == s.chat && m.ID != 0 {
				l.shown[s.Key()] = append(l.shown[s.Key()], m)
			}
		}
	}
	for _, s := range spots {
		if at, ok := r.where(s); ok { // else not linked: the cards of the others say so
			s.Past = s.Past || r.toldBefore(s, at)
			put(spotAt{Spot: s, place: at})
		}
	}
	for _, s := range r.astray() {
		put(s)
	}
}

func (r *drawing) planned(key string, chat int64) bool {
	return slices.ContainsFunc(r.lanes, func(l *lane) bool {
		return l.chat == chat && slices.ContainsFunc(l.spots, func(s spotAt) bool { return s.Key() == key })
	})
}

// urgency: who is asked first, then the cards that are there, then what hangs below.
func (r *drawing) urgency(s card.Spot) int {
	fresh := len(r.shown[s.Key()]) == 0
	switch {
	case s.Kind == card.KindApprover && r.justVoted(s):
		return 0
	case (s.Kind == card.KindApprover || s.Kind == card.KindBlocked) && fresh && !s.Past:
		return 1
	case s.Kind == card.KindApprover:
		return 2
	case s.Kind == card.KindRequester:
		return 3
	case s.Kind == card.KindOutcome, s.Kind == card.KindQuestion, s.Kind == card.KindAnswer:
		return 4
	case s.Kind == card.KindGroup:
		return 5
	default:
		return 6
	}
}

// justVoted: somebody tapped this very card a moment ago and looks at it.
func (r *drawing) justVoted(s card.Spot) bool {
	for _, sl := range r.d.Case.Slots {
		if sl.Round == s.Round && sl.Step == s.Step && sl.Person == s.Person && sl.Vote != nil {
			return r.Now().Sub(sl.Vote.At) < time.Minute
		}
	}
	return false
}

// where finds the chat of a spot; ok is false when there is none now.
func (r *drawing) where(s card.Spot) (place, bool) {
	if s.Chat != "" {
		g, ok := r.groups[s.Chat]
		return place{chat: g.TelegramID, thread: g.Thread, lang: r.Texts.For(r.GroupLang), group: &g, zone: r.Zone}, ok
	}
	p, ok := r.d.People.Person(s.Person)
	if !ok || !p.Linked() {
		return place{}, false
	}
	return place{chat: p.Telegram, lang: r.Texts.For(p.Locale), zone: p.Clock(r.Zone), hushed: p.Hushed(r.Now(), r.Zone)}, true
}

// keep renews the lease of the case, and the claims of its messages, while they are in
// hand: the messenger may take half a minute for one. The function ends that.
func (r *drawing) keep(ctx context.Context) func() {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(leaseTime / 4)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			begun := r.Now()
			if !r.mine() || r.Ledger.Postpone(ctx, r.d, leaseTime) != nil || r.Store.Renew(ctx, r.owned.list()) != nil {
				continue
			}
			r.until.Store(int64(begun.Sub(r.since) + trust))
		}
	})
	return func() { cancel(); wg.Wait() }
}

// mine reports whether the lease surely holds. Once it does not, it never does again.
func (r *drawing) mine() bool { return int64(r.Now().Sub(r.since)) < r.until.Load() }

// end gives the case back: to be looked at after a wait, or as shown. Where another
// courier may have been at it, it is looked at once more.
func (r *drawing) end(ctx context.Context, wait time.Duration) (err error) {
	again := !r.mine() || slices.ContainsFunc(r.lanes, func(l *lane) bool { return l.conflict })
	if wait > 0 {
		err = r.Ledger.Postpone(ctx, r.d, wait)
	} else {
		r.succeeded(r.d)
		r.Crash.Pass(crash.CardNoted)
		var overtaken bool
		overtaken, err = r.done(ctx)
		again = again || overtaken
	}
	if err != nil || !again {
		return err
	}
	return r.Ledger.Redraw(ctx, r.d.Case.ID)
}

// done notes that everything is shown, and looks whether something happened meanwhile
// that asked for the case to be redrawn: the note would have covered that up.
func (r *drawing) done(ctx context.Context) (overtaken bool, err error) {
	if err := r.Store.Clear(ctx, r.stale()); err != nil {
		return false, err
	}
	if err := r.leave(ctx); err != nil {
		return false, err
	}
	if err := r.Ledger.Drawn(ctx, r.d); err != nil {
		return false, err
	}
	if more, err := r.postedSince(ctx); err != nil || more {
		return more, err
	}
	return r.overtaken(ctx)
}

// stale lists the failures that are over without the message having been sent: nobody
// misses it any more, or its person has another account.
func (r *drawing) stale() []spotOf {
	var out []spotOf
	for spot, messages := range r.shown {
		for _, m := range messages {
			at := spotOf{string(r.d.Case.ID), spot, m.Bot, m.ChatID}
			if m.ID == 0 && !slices.ContainsFunc(r.lanes, func(l *lane) bool { return l.faults[at] }) {
				out = append(out, at)
			}
		}
	}
	return out
}

// overtaken reports whether a message turned up that this drawing did not know, whether
// a chat is said to take messages again in which it failed, whether somebody turned out
// to be reachable or not, or has another account now than it went by.
func (r *drawing) overtaken(ctx context.Context) (bool, error) {
	now, err := r.Store.Shown(ctx, r.Bot, string(r.d.Case.ID))
	if err != nil {
		return false, err
	}
	if !maps.Equal(closed(now), r.view.Closed) {
		return true, nil
	}
	for _, l := range r.lanes {
		for at := range l.faults {
			if !slices.ContainsFunc(now[at.spot], func(m Message) bool { return m.ChatID == at.chat && m.Fault != "" }) {
				return true, nil
			}
		}
	}
	for spot, messages := range now {
		for _, m := range messages {
			if m.ID != 0 && !r.knows(spot, m) {
				return true, nil
			}
		}
	}
	dir, err := r.Directory.Snapshot(ctx)
	if err != nil {
		return false, err
	}
	spots := card.Audience(r.view)
	for key := range r.shown {
		if s, err := card.ParseSpot(key); err == nil {
			spots = append(spots, s)
		}
	}
	return slices.ContainsFunc(spots, func(s card.Spot) bool {
		before, _ := r.d.People.Person(s.Person)
		after, _ := dir.Person(s.Person)
		return changed(before, after)
	}), nil
}

// changed: somebody is written to elsewhere now, or otherwise.
func changed(before, after people.Person) bool {
	return before.Telegram != after.Telegram || before.Locale != after.Locale || before.Zone.String() != after.Zone.String()
}

func (r *drawing) knows(spot string, m Message) bool {
	same := func(k Message) bool { return k.ChatID == m.ChatID && k.ID == m.ID }
	return slices.ContainsFunc(r.shown[spot], same) ||
		slices.ContainsFunc(r.lanes, func(l *lane) bool { return slices.ContainsFunc(l.shown[spot], same) })
}

func (r *drawing) warn(ctx context.Context, text string, s card.Spot, err error) {
	r.Log.WarnContext(ctx, "message not shown", slog.String("case", string(r.d.Case.ID)), slog.String("spot", s.Key()),
		slog.String("what", text), slog.Any("error", err))
}
