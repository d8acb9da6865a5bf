package notice

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"countersign/internal/directory"
	"countersign/internal/post"
	"countersign/internal/telegram"
	"countersign/internal/wake"
)

// lane is what goes to one chat. Its messages follow one another; those of other chats do
// not wait for them.
type lane struct {
	*Board

	shift context.Context //nolint:containedctx // ends: finish the message in hand, begin no other
}

// tell brings the messages of one chat to where they should be, one after another. What
// had to wait for the limits of a group goes in as few messages as hold it whole.
func (b *lane) tell(ctx context.Context, due []piece) error {
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
func (b *lane) one(ctx context.Context, of []piece) error {
	for len(of) > 0 {
		if b.shift.Err() != nil {
			return b.each(of, func(p piece) error { return b.Store.release(ctx, p) })
		}
		rest, err := b.some(ctx, of)
		if err != nil {
			return errors.Join(err, b.each(rest, func(p piece) error { return b.Store.postpone(ctx, p, 0) }))
		}
		of = rest
	}
	return nil
}

// alone does so for a message that was refused together with others.
func (b *lane) alone(ctx context.Context, p piece) error {
	p.tried = true
	return b.one(ctx, []piece{p})
}

// some does so for the first of them, and gives the others.
func (b *lane) some(ctx context.Context, of []piece) (rest []piece, err error) {
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
	return rest, b.hand(ctx, of[:len(of)-len(rest)], l, r.group)
}

// hand gives the messenger a letter and notes what became of it.
func (b *lane) hand(ctx context.Context, of []piece, l post.Letter, group *directory.Chat) error {
	ctx = telegram.Concerning(ctx, telegram.About{Notice: of[0].Notice})
	var sent post.Sent
	var err error
	if message := of[0].Message; message == 0 {
		sent, err = b.Post.Send(ctx, l)
	} else {
		err = b.Post.Edit(ctx, message, l)
	}
	switch {
	case err != nil && len(of) > 1 && content(err): // one of them may be at fault
		return b.each(of, func(p piece) error { return b.alone(ctx, p) })
	case err != nil:
		b.barred(ctx, group, l, err)
		return b.refused(ctx, of, err)
	}
	err = b.each(of, func(p piece) error { return b.noted(ctx, cmp.Or(of[0].Message, sent.MessageID), p) })
	b.took(ctx, group, l, sent)
	return err
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
func (b *lane) noted(ctx context.Context, message int64, p piece) error {
	err := b.Store.shows(ctx, b.Post.Bot, message, p)
	for _, wait := range []time.Duration{20 * time.Millisecond, 200 * time.Millisecond, time.Second} {
		if err == nil || !wake.Rest(ctx, wait) {
			break
		}
		err = b.Store.shows(ctx, b.Post.Bot, message, p)
	}
	return err
}

func (*lane) each(of []piece, do func(piece) error) error {
	var found []error
	for _, p := range of {
		found = append(found, do(p))
	}
	return errors.Join(found...)
}

// refused decides what a refusal means.
func (b *lane) refused(ctx context.Context, of []piece, err error) error {
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

func (b *lane) again(ctx context.Context, of []piece) error {
	return b.each(of, func(p piece) error {
		wait := min(retryMin<<min(p.Attempts, 10), retryMax)
		return b.Store.retry(ctx, p, wait+rand.N(wait/5)) //nolint:gosec // so that not all come back at once
	})
}

func (b *lane) lost(ctx context.Context, of []piece, err error) error {
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
