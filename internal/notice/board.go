package notice

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"countersign/internal/calendar"
	"countersign/internal/directory"
	"countersign/internal/handout"
	"countersign/internal/ledger"
	"countersign/internal/locale"
	"countersign/internal/pace"
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
	Ledger    *ledger.DB // of the documents that notices are about
	Post      *post.Post
	Links     *handout.Desk // for files that are too large for the messenger; nil: none
	MaxFile   int64         // bytes that the messenger takes; 0: all
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
// had to wait for the limits of a group goes in as few messages as hold it whole.
func (b *Board) tell(ctx context.Context, due []piece) error {
	var found []error
	var crowds, files heap // by recipient: a supergroup has several topics
	for _, p := range due {
		switch {
		case p.Expired && p.Message == 0:
			found = append(found, b.Store.lose(ctx, p, Expired, ""))
		case p.Crowded && p.Chat < 0 && p.Class == Info && p.Part == 0:
			crowds.put(p.To, p)
		case p.Part > 0:
			files.put(p.Notice+" "+p.To, p)
		default:
			found = append(found, b.one(ctx, []piece{p}))
		}
	}
	found = append(found, crowds.each(func(of []piece) error { return b.one(ctx, of) }), files.each(func(of []piece) error { return b.files(ctx, of) }))
	return errors.Join(found...)
}

// one sends or changes the message of some notices to one recipient, and then that of
// those for which it had no room.
func (b *Board) one(ctx context.Context, of []piece) error {
	for len(of) > 0 {
		rest, err := b.some(ctx, of)
		if err != nil {
			return errors.Join(err, b.each(rest, func(p piece) error { return b.Store.postpone(ctx, p, 0) }))
		}
		of = rest
	}
	return nil
}

// some does so for the first of them, and gives the others.
func (b *Board) some(ctx context.Context, of []piece) (rest []piece, err error) {
	r, why, err := b.reader(ctx, of[0])
	switch {
	case err != nil:
		return nil, errors.Join(err, b.again(ctx, of))
	case why != "":
		return nil, b.each(of, func(p piece) error { return b.Store.lose(ctx, p, why, "") })
	}
	wait, err := b.turn(ctx, of[0])
	switch {
	case err != nil:
		return nil, errors.Join(err, b.again(ctx, of))
	case wait > 0:
		return nil, b.each(of, func(p piece) error { return b.Store.postpone(ctx, p, wait) })
	}
	l, rest, why, err := b.letter(ctx, of, r)
	switch {
	case err != nil:
		return nil, errors.Join(err, b.again(ctx, of))
	case why != "":
		return nil, b.Store.lose(ctx, of[0], why, "")
	}
	return rest, b.hand(ctx, of[:len(of)-len(rest)], l)
}

// hand gives the messenger a letter and notes what became of it.
func (b *Board) hand(ctx context.Context, of []piece, l post.Letter) error {
	ctx = telegram.Concerning(ctx, telegram.About{Notice: of[0].Notice})
	message := of[0].Message
	var err error
	if message == 0 {
		var sent post.Sent
		sent, err = b.Post.Send(ctx, l)
		message = sent.MessageID
	} else {
		err = b.Post.Edit(ctx, message, l)
	}
	switch {
	case err != nil && len(of) > 1 && content(err): // one of them may be at fault
		return b.each(of, func(p piece) error { return b.one(ctx, []piece{p}) })
	case err != nil:
		return b.refused(ctx, of, err)
	}
	return b.each(of, func(p piece) error { return b.noted(ctx, message, p) })
}

// content reports whether it was what a message says that was refused.
func content(err error) bool {
	switch telegram.KindOf(err) {
	case telegram.BadEntities, telegram.Bug, telegram.TooLarge, telegram.BadFile:
		return true
	default:
		return false
	}
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
	why := reasonOf(telegram.KindOf(err))
	return b.each(of, func(p piece) error { return b.Store.lose(ctx, p, why, err.Error()) })
}

func reasonOf(kind telegram.Kind) Why {
	switch kind {
	case telegram.Unreachable:
		return Unreachable
	case telegram.NoRights, telegram.TopicGone:
		return NoRights
	case telegram.TooLarge:
		return TooLarge
	case telegram.BadFile:
		return BadFile
	default:
		return Refused
	}
}
