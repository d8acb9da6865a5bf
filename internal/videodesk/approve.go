package videodesk

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"countersign/internal/approval"
	"countersign/internal/ledger"
	"countersign/internal/notice"
	"countersign/internal/trueconf"
	"countersign/internal/wake"
)

const decideEvery = 15 * time.Second // also when nothing rings

// Run acts on decisions about stops, as they come, until ctx ends: on those of each server
// at its own pace.
func (d *Desk) Run(ctx context.Context) error {
	var all sync.WaitGroup
	for _, l := range d.lanes() {
		all.Go(func() { d.run(ctx, l) })
	}
	all.Wait()
	return nil
}

func (d *Desk) run(ctx context.Context, l lane) {
	for {
		rung := d.Ledger.Bell.Wait()
		if err := errors.Join(d.decideOf(ctx, l), d.settleOf(ctx, l)); err != nil && ctx.Err() == nil {
			d.Log.WarnContext(ctx, "stops not looked after now", slog.Any("error", err))
			rung = nil // what fails is not tried at every ring
		}
		t := time.NewTimer(decideEvery)
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-rung:
		case <-t.C:
		}
		t.Stop()
		if rung != nil && !wake.Rest(ctx, time.Second) { // where much is decided, it rings often
			return
		}
	}
}

// Decide looks at each request that waits: it is posted if it was not yet, and what was
// decided is done. Whatever is cut off is done by the next look: a document is posted and
// consumed under the request's own name, and the intent to stop is written down together
// with the end of the request.
func (d *Desk) Decide(ctx context.Context) error { return d.each(ctx, d.decideOf) }

// decideOf does so for the servers of a lane.
func (d *Desk) decideOf(ctx context.Context, l lane) error {
	all, err := d.Store.waiting(ctx)
	if err != nil {
		return err
	}
	return few(d, all, l, func(r Request) string { return r.Act.Server }, func(r Request) error { return d.decide(ctx, r) })
}

func (d *Desk) decide(ctx context.Context, r Request) error {
	st, err := d.Ledger.Document(ctx, r.Key())
	if errors.Is(err, ledger.ErrNotFound) {
		return d.post(ctx, r)
	}
	if err != nil {
		return err
	}
	switch st.Case.State {
	case approval.Approved:
		return d.approved(ctx, r)
	case approval.Returned: // nobody answers for a conference that may be over by then
		if _, err := d.Ledger.Withdraw(ctx, r.Key(), st.Case.Note); err != nil {
			return err
		}
		return d.ended(ctx, r, declined)
	case approval.Rejected, approval.Withdrawn, approval.Expired:
		return d.ended(ctx, r, declined)
	default:
		return d.stillThere(ctx, r)
	}
}

// post lets the ledger ask whoever decides.
func (d *Desk) post(ctx context.Context, r Request) error {
	_, err := d.Ledger.Submit(ctx, ledger.Submission{Key: r.Key(), Document: r.document()})
	if errors.Is(err, approval.ErrNoRoute) {
		return d.ended(ctx, r, unasked)
	}
	return err
}

// approved does what was decided on, and nothing else: the decision is taken by the hash of
// what was asked for, and the session that is stopped is the one named there. That whoever
// asked has lost the right to since changes nothing: like a vote that was cast, what he asked
// for stands, and those who approved it decided.
func (d *Desk) approved(ctx context.Context, r Request) error {
	doc := r.document()
	_, err := d.Ledger.Consume(ctx, r.Key(), doc.Hash(), "stop "+r.ID)
	if errors.Is(err, approval.ErrRevision) || errors.Is(err, approval.ErrConsumed) {
		d.Log.ErrorContext(ctx, "an approval of a stop is for something else", slog.String("request", r.ID), slog.Any("error", err))
		return d.ended(ctx, r, declined)
	}
	if err != nil {
		return err
	}
	s, there := d.server(r.Act.Server)
	if !there {
		return d.ended(ctx, r, orphaned)
	}
	a := r.Act
	mine, over, err := d.Store.take(ctx, r, &a)
	switch {
	case err != nil:
		return err
	case over: // somebody else stopped it, or is stopping it
		return d.ended(ctx, r, outlived)
	case !mine: // another replica does it
		return nil
	}
	how, fault := d.end(ctx, s, trueconf.Conference{ID: a.Conference, Session: a.Session})
	if how == "" {
		return nil // found out later
	}
	return d.settle(context.WithoutCancel(ctx), a, how, text(fault))
}

// ended closes a request of which nothing is done, and tells whoever asked.
func (d *Desk) ended(ctx context.Context, r Request, how settlement) error {
	key := map[settlement]string{declined: "video.told.declined", outlived: "video.told.over", unasked: "video.told.unasked", orphaned: "video.told.orphaned"}[how]
	err := d.Store.drop(ctx, r, how, func(tx notice.Execer) error { return d.tell(ctx, tx, r.Person, key, r.Act) })
	d.Notices.Bell.Ring()
	return err
}

// stillThere takes a request back whose session is over: nobody need decide on it.
func (d *Desk) stillThere(ctx context.Context, r Request) error {
	s, there := d.server(r.Act.Server)
	if there && !r.Due {
		return nil
	}
	how, note := orphaned, "video.told.server_gone"
	if there {
		look, cancel := d.briefly(ctx)
		defer cancel()
		c, err := s.Conference(look, r.Act.Conference)
		switch {
		case trueconf.KindOf(err) == trueconf.NotFound && err != nil:
		case err != nil: // it may run still; it is asked again later
			return d.Store.looked(ctx, r)
		case c.Running && (c.Session == r.Act.Session || c.Session == ""): // one that is not told may be this one
			return d.Store.looked(ctx, r)
		}
		how, note = outlived, "video.told.withdrawn"
	}
	if _, err := d.Ledger.Withdraw(ctx, r.Key(), d.Texts.For(d.Language).T(note, nil)); err != nil {
		return err
	}
	return d.ended(ctx, r, how)
}
