package notice

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"countersign/internal/calendar"
	"countersign/internal/directory"
	"countersign/internal/locale"
	"countersign/internal/pace"
	"countersign/internal/people"
	"countersign/internal/post"
	"countersign/internal/telegram"
	"countersign/internal/wake"
)

// Times of the loop.
const (
	pollEvery = time.Second
	leaseTime = 2 * time.Minute            // whoever dies leaves a message alone for so long
	sendTime  = leaseTime - 20*time.Second // and nobody is at one for longer
	atOnce    = 64
	chats     = 8                      // written to at the same time
	inPlace   = 300 * time.Millisecond // a turn that comes so soon is waited for
	retryMin  = time.Second
	retryMax  = 5 * time.Minute
)

// Board tells the notices. Set the fields before Run.
type Board struct {
	Store     *Store
	Directory *directory.Store
	Post      *post.Post
	Pace      *pace.Pace
	Texts     *locale.Texts
	Language  string // of groups
	Office    calendar.Calendar
	Now       func() time.Time
	Log       *slog.Logger
}

// Run tells what there is to tell until ctx ends; messages in hand are finished.
func (b *Board) Run(ctx context.Context) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		rung := b.Store.Bell.Wait()
		n, err := b.RunOnce(ctx)
		if err != nil && ctx.Err() == nil {
			b.Log.WarnContext(ctx, "notices not told", slog.Any("error", err))
		}
		if n > 0 && err == nil && ctx.Err() == nil {
			continue // there may be more
		}
		select {
		case <-ctx.Done():
			return nil
		case <-rung:
		case <-tick.C:
		}
	}
}

// RunOnce settles who gets new notices, brings messages that are due to where they should
// be, and gives how many were in hand.
func (b *Board) RunOnce(ctx context.Context) (int, error) {
	for more := true; more; {
		var err error
		more, err = b.Store.spread(ctx, func(to To) ([]recipient, error) { return b.recipients(ctx, to) })
		if err != nil {
			return 0, err
		}
	}
	due, err := b.Store.claim(ctx, b.Post.Bot, atOnce, leaseTime)
	if err != nil {
		return 0, err
	}
	byChat := map[int64][]piece{}
	var order []int64
	for _, p := range due {
		if byChat[p.Chat] == nil {
			order = append(order, p.Chat)
		}
		byChat[p.Chat] = append(byChat[p.Chat], p)
	}
	hand := context.WithoutCancel(ctx)
	var wg sync.WaitGroup
	free := make(chan struct{}, chats)
	found := make([]error, len(order))
	for i, chat := range order {
		free <- struct{}{}
		wg.Go(func() {
			defer func() { <-free }()
			hand, cancel := context.WithTimeout(hand, sendTime)
			defer cancel()
			found[i] = b.tell(hand, byChat[chat])
		})
	}
	wg.Wait()
	return len(due), errors.Join(found...)
}

// tell brings the messages of one chat to where they should be, one after another. What
// had to wait for the limits of a group goes in one message.
func (b *Board) tell(ctx context.Context, due []piece) error {
	var found []error
	var crowd []piece
	for _, p := range due {
		switch {
		case p.Expired && p.Message == 0:
			found = append(found, b.Store.lose(ctx, p, "expired"))
		case p.Crowded && p.Chat < 0 && p.Class == Info && p.Part == 0 && len(crowd) < mostInDigest:
			crowd = append(crowd, p)
		default:
			found = append(found, b.one(ctx, []piece{p}))
		}
	}
	if len(crowd) > 0 {
		found = append(found, b.one(ctx, crowd))
	}
	return errors.Join(found...)
}

// one sends or changes the message of some notices.
func (b *Board) one(ctx context.Context, of []piece) error {
	first := of[0]
	switch wait, err := b.turn(ctx, first); {
	case err != nil:
		return err
	case wait > 0:
		return b.each(of, func(p piece) error { return b.Store.postpone(ctx, p, wait) })
	}
	l := b.letter(of)
	message := first.Message
	var err error
	if message == 0 {
		var sent post.Sent
		sent, err = b.Post.Send(ctx, l)
		message = sent.MessageID
	} else {
		err = b.Post.Edit(ctx, message, l)
	}
	if err != nil {
		return b.refused(ctx, of, err)
	}
	return b.each(of, func(p piece) error { return b.noted(ctx, message, p) })
}

// noted keeps what was sent. It tries again: what is not kept is sent twice.
func (b *Board) noted(ctx context.Context, message int64, p piece) error {
	err := b.Store.shows(ctx, b.Post.Bot, message, p)
	for _, wait := range []time.Duration{20 * time.Millisecond, 200 * time.Millisecond, time.Second} {
		if err == nil || !wake.Rest(ctx, wait) {
			break
		}
		err = b.Store.shows(ctx, b.Post.Bot, message, p)
	}
	return err
}

func (*Board) each(of []piece, do func(piece) error) error {
	var found []error
	for _, p := range of {
		found = append(found, do(p))
	}
	return errors.Join(found...)
}

// turn asks the limits for a message; a short wait is waited for.
func (b *Board) turn(ctx context.Context, p piece) (time.Duration, error) {
	class := pace.Notice
	if p.Class == Alarm {
		class = pace.NewCard
	}
	for waited := time.Duration(0); ; {
		wait, err := b.Pace.Take(ctx, pace.Ask{Bot: b.Post.Bot, Chat: p.Chat, Group: p.Chat < 0, Class: class})
		if err != nil || wait == 0 {
			return 0, err
		}
		if waited += wait; waited > inPlace || !wake.Rest(ctx, wait) {
			return wait, nil
		}
	}
}

// refused decides what a refusal means.
func (b *Board) refused(ctx context.Context, of []piece, err error) error {
	e, ok := errors.AsType[*telegram.Error](err)
	if !ok {
		return errors.Join(err, b.again(ctx, of))
	}
	switch e.Kind {
	case telegram.RateLimited:
		wait := max(e.RetryAfter, time.Second)
		return errors.Join(b.Pace.Hold(ctx, b.Post.Bot, of[0].Chat, wait), b.each(of, func(p piece) error { return b.Store.postpone(ctx, p, wait) }))
	case telegram.Migrated:
		return errors.Join(b.Directory.MigrateChat(ctx, of[0].Chat, e.MigrateTo), b.Store.move(ctx, of[0].Chat, e.MigrateTo), b.again(ctx, of))
	case telegram.Gone:
		if of[0].Message != 0 {
			return b.each(of, func(p piece) error { return b.Store.forget(ctx, p) })
		}
		return b.lost(ctx, of, err)
	case telegram.Transient, telegram.Unknown, telegram.Config, telegram.Conflict:
		return errors.Join(err, b.again(ctx, of))
	case telegram.BadFile:
		if e.Code == 0 { // our own copy could not be read now
			return errors.Join(err, b.again(ctx, of))
		}
		return b.lost(ctx, of, err)
	default:
		return b.lost(ctx, of, err)
	}
}

func (b *Board) again(ctx context.Context, of []piece) error {
	return b.each(of, func(p piece) error {
		wait := min(retryMin<<min(p.Attempts, 10), retryMax)
		return b.Store.retry(ctx, p, wait+rand.N(wait/5)) //nolint:gosec // so that not all come back at once
	})
}

func (b *Board) lost(ctx context.Context, of []piece, err error) error {
	b.Log.WarnContext(ctx, "notice not told", slog.String("notice", of[0].Notice), slog.String("to", of[0].To), slog.Any("error", err))
	return b.each(of, func(p piece) error { return b.Store.lose(ctx, p, err.Error()) })
}

// recipients are those whom a notice means, each once.
func (b *Board) recipients(ctx context.Context, to To) ([]recipient, error) {
	dir, err := b.Directory.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	known, err := b.Directory.Chats(ctx)
	if err != nil {
		return nil, err
	}
	g := &gathering{met: map[string]bool{}, spoken: map[int64]bool{}}
	for _, c := range known {
		if slices.Contains(to.Chats, c.ExternalID) || to.Administrators && c.Fallback && !c.Disabled {
			g.chat(c, b.Language)
		}
	}
	for _, name := range to.Chats {
		g.add(recipient{name: "chat:" + name, fault: "no such chat"})
	}
	for _, role := range to.Roles {
		for _, p := range dir.InRole(role.Name, role.Scope) {
			g.person(p)
		}
	}
	for _, id := range to.People {
		p, _ := dir.Person(id)
		g.person(p)
	}
	for _, a := range to.Accounts {
		g.account(a, dir)
	}
	if len(g.all) == 0 {
		b.Log.WarnContext(ctx, "a notice is for nobody: there is no chat of administrators")
	}
	return g.all, nil
}

// gathering collects recipients.
type gathering struct {
	all    []recipient
	met    map[string]bool // by name
	spoken map[int64]bool  // private chats
}

func (g *gathering) add(r recipient) {
	if g.met[r.name] || r.chat > 0 && g.spoken[r.chat] {
		return
	}
	g.met[r.name] = true
	if r.chat > 0 {
		g.spoken[r.chat] = true
	}
	g.all = append(g.all, r)
}

func (g *gathering) chat(c directory.Chat, language string) {
	r := recipient{name: "chat:" + c.ExternalID, chat: c.TelegramID, thread: c.Thread, language: language}
	if c.Disabled {
		r.chat, r.fault = 0, "the chat is disabled"
	}
	g.add(r)
}

func (g *gathering) person(p people.Person) {
	r := recipient{name: "person:" + p.ExternalID, chat: p.Telegram, language: p.Locale}
	switch {
	case p.ID == "":
		return
	case !p.Active:
		r.chat, r.fault = 0, "deactivated"
	case !p.Linked():
		r.fault = "not connected to Telegram"
	}
	g.add(r)
}

func (g *gathering) account(a Account, dir people.Directory) {
	r := recipient{name: "account:" + number(a.ID), chat: a.ID, language: a.Language}
	if p, ok := dir.ByTelegram(a.ID); ok && p.Locale != "" {
		r.language = p.Locale
	}
	g.add(r)
}
