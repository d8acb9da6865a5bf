package courier

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"countersign/internal/approval"
	"countersign/internal/card"
	"countersign/internal/crash"
	"countersign/internal/ledger"
	"countersign/internal/locale"
	"countersign/internal/pace"
	"countersign/internal/post"
	"countersign/internal/telegram"
)

// postedChats is where the numbers begin that stand for the chats of posted cards where
// messages are paced: far beyond those of chats.
const postedChats = 1 << 60

// Follow makes known where a posted card stands: from then on it follows its case like the
// other messages. It reports false when too many do.
func (c *Courier) Follow(ctx context.Context, p card.Posting) (bool, error) {
	followed, err := c.Store.Follow(ctx, c.Bot, p)
	if err != nil || !followed {
		return false, err
	}
	return true, c.Ledger.Redraw(ctx, p.Case)
}

// follow brings the posted cards of the case to what they should be, as far as there is
// time for. It gives how long to wait before they must be looked at again.
func (r *drawing) follow(ctx context.Context) (wait time.Duration, err error) {
	if r.posted, err = r.Store.Posted(ctx, r.Bot, r.d.Case.ID); err != nil {
		return 0, err
	}
	begun := r.Now()
	var found []error
	for _, p := range r.posted {
		if !r.mine() || r.stop.Err() != nil || r.Now().Sub(begun) > patience {
			return sooner(wait, time.Millisecond), errors.Join(found...)
		}
		later, err := r.followOne(ctx, p)
		wait = sooner(wait, later)
		if err != nil {
			found = append(found, err)
		}
	}
	return wait, errors.Join(found...)
}

func (r *drawing) followOne(ctx context.Context, p Posted) (time.Duration, error) {
	want, err := r.followed(ctx, p)
	if err != nil || want.Digest() == p.Digest && p.Fault == "" {
		return 0, err
	}
	buttons, err := keyboard(want)
	if err != nil {
		return 0, err
	}
	ask := pace.Ask{Bot: r.Bot, Chat: postedChats + p.No, Class: pace.Edit}
	wait, err := r.Pace.Take(ctx, ask)
	if err != nil || wait > 0 {
		return wait, err
	}
	given := r.Now()
	marked, err := r.Store.MarkPosted(ctx, p)
	if err != nil {
		return 0, err
	}
	if !marked { // somebody else is editing it, or just did
		return occupied, nil
	}
	if r.Now().Sub(given) > fresh { // as a lane does
		if wait, err := r.Pace.Take(ctx, ask); err != nil || wait > 0 {
			return wait, err
		}
	}
	err = r.Post.Edit(ctx, 0, post.Letter{
		InlineID: p.InlineID, Outgoing: telegram.Outgoing{HTML: want.HTML, Keyboard: buttons},
		Plain: want.Plain, About: string(p.Case) + " posted",
	})
	if err != nil {
		return r.unfollowed(ctx, p, err)
	}
	r.Crash.Pass(crash.CardSent)
	alone, err := r.Store.EditedPosted(ctx, p, want.Digest())
	if err == nil && !alone {
		return occupied, nil
	}
	return 0, err
}

// followed is the card as it should be. Of what whoever posted it may not see any more, or
// not from that account, it says as little as it can.
func (r *drawing) followed(ctx context.Context, p Posted) (card.Card, error) {
	lang := r.Texts.For(p.Language)
	who, _ := r.d.People.Person(p.Person)
	switch {
	case who.Telegram != p.Account:
		return r.struck(lang), nil
	case approval.Sees(who, r.d.Doc, r.d.Case.Asked(), r.d.People):
		return card.Followed(r.view, lang), nil
	}
	_, _, err := r.Ledger.Seen(ctx, p.Person, p.Case) // he may have been asked in an earlier case
	switch {
	case errors.Is(err, ledger.ErrNotFound):
		return r.struck(lang), nil
	case err != nil:
		return card.Card{}, err
	}
	return card.Followed(r.view, lang), nil
}

func (r *drawing) struck(lang locale.Lang) card.Card { return card.Astray(r.view, card.Spot{}, lang) }

// unfollowed decides what a refusal means for a posted card.
func (r *drawing) unfollowed(ctx context.Context, p Posted, err error) (time.Duration, error) {
	e := asTelegram(err)
	if e == nil {
		return 0, err
	}
	switch e.Kind {
	case telegram.Gone:
		return 0, r.Store.ForgetPosted(ctx, p)
	case telegram.RateLimited:
		return max(e.RetryAfter, time.Second), r.Pace.Hold(ctx, r.Bot, postedChats+p.No, e.RetryAfter)
	case telegram.Unreachable, telegram.NoRights, telegram.Bug, telegram.TooLarge, telegram.BadEntities, telegram.TopicGone:
		r.Log.WarnContext(ctx, "posted card not shown", slog.String("case", string(p.Case)), slog.Any("error", err))
		return 0, r.Store.FaultPosted(ctx, p, err.Error())
	default:
		return 0, err
	}
}

// postedSince reports whether a posted card became known that this drawing did not look at,
// or whoever posted one has another account now than it went by.
func (r *drawing) postedSince(ctx context.Context) (bool, error) {
	now, err := r.Store.Posted(ctx, r.Bot, r.d.Case.ID)
	if err != nil || len(now) == 0 {
		return false, err
	}
	dir, err := r.Directory.Snapshot(ctx)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(now, func(p Posted) bool {
		before, _ := r.d.People.Person(p.Person)
		after, _ := dir.Person(p.Person)
		return p.Digest == "" && p.Fault == "" || before.Telegram != after.Telegram
	}), nil
}
