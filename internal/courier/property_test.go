package courier_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"countersign/internal/approval"
	"countersign/internal/card"
	"countersign/internal/courier"
	"countersign/internal/document"
	"countersign/internal/ledger"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/people"
	"countersign/internal/telegram/telegramtest"
)

// storm is one case that things happen to.
type storm struct {
	*office

	couriers []*courier.Courier
	number   string
	id       approval.ID
	doc      document.Document
	blocked  map[int64]bool
	owners   map[int64]people.ID // of accounts
}

// TestWhateverGoesWrongAfterCalmEverybodySeesTheCards does to one case after the other
// whatever people, documents, networks and crashes do, draws with two couriers at once,
// and then looks at every message.
func TestWhateverGoesWrongAfterCalmEverybodySeesTheCards(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.bind(t, group, 0)
	couriers := []*courier.Courier{o.courier, o.replica(t)}
	owners := map[int64]people.ID{}
	for account := range staff() {
		owners[account] = o.person(t, account).ID
	}
	var count atomic.Int64
	rapid.Check(t, func(r *rapid.T) {
		s := &storm{office: o, couriers: couriers, number: fmt.Sprintf("storm-%04d.", count.Add(1)), blocked: map[int64]bool{}, owners: owners}
		s.doc = ledgertest.Payment(s.number)
		s.submit(r)
		r.Repeat(map[string]func(*rapid.T){
			"vote": s.vote, "revise": s.reviseAny, "withdraw": s.withdraw, "fault": s.fault, "draw": s.draw, "drawBoth": s.drawBoth,
			"wait": s.wait, "remove": s.remove, "redraw": func(r *rapid.T) { must(r, s.Redraw(r.Context(), s.id)) },
			"block": s.block, "unlink": s.unlinkAny, "adopt": func(r *rapid.T) { s.adoptAll(r, s.number) }, "abandon": s.abandon,
		})
		s.settle(r)
		s.shows(r, s.id, 20)
		for _, stray := range s.strays(r) {
			r.Error(stray)
		}
		s.unlinkAny(r)
		s.mend(r, func() bool { return true })
		s.shows(r, s.id, 20)
	})
}

func (s *storm) submit(r *rapid.T) {
	st, err := s.Submit(r.Context(), ledger.Submission{Key: ledgertest.Key(s.number), Document: s.doc})
	if err != nil && !errors.Is(err, approval.ErrConsumed) {
		r.Fatal(err)
	}
	if err == nil {
		s.id = st.Case.ID
	}
}

func (s *storm) vote(r *rapid.T) {
	st, err := s.Case(r.Context(), s.id)
	must(r, err)
	account := rapid.SampledFrom([]int64{ledgertest.Budget, ledgertest.Finance, ledgertest.Treasurer}).Draw(r, "account")
	verdict := rapid.SampledFrom([]approval.Verdict{approval.Accept, approval.Accept, approval.Accept, approval.Reject, approval.Return}).Draw(r, "verdict")
	_, _ = s.DB.Vote(r.Context(), ledger.Tap{ // a refusal is as good
		Account: account, Case: s.id, Round: st.Case.Round, Step: st.Case.Step, Revision: st.Case.Revision, Verdict: verdict, Reason: "because",
	})
}

// reviseAny goes back and forth between few states, so that a message may become again
// what it was.
func (s *storm) reviseAny(r *rapid.T) {
	s.doc.Title = rapid.SampledFrom([]string{"Rent", "Lease", "Rent & <b>"}).Draw(r, "title")
	s.doc.Amount.Minor = rapid.SampledFrom([]int64{12500000, 12500000, 12500000, 99900}).Draw(r, "amount")
	s.submit(r)
}

func (s *storm) withdraw(r *rapid.T) {
	if rapid.IntRange(0, 3).Draw(r, "really") == 0 {
		_, _ = s.Withdraw(r.Context(), ledgertest.Key(s.number), "not needed")
	}
}

func (s *storm) fault(r *rapid.T) {
	method := rapid.SampledFrom([]string{"sendMessage", "editMessageText"}).Draw(r, "method")
	faults := []telegramtest.Fault{
		none(), none(), telegramtest.Drop(), telegramtest.Lose(), telegramtest.Lose(), telegramtest.BadGateway(), telegramtest.TooMany(40),
		telegramtest.Refuse(400, "Bad Request: can't parse entities: x"), telegramtest.Refuse(400, "Bad Request: strange"),
		telegramtest.Refuse(401, "Unauthorized"), telegramtest.Refuse(403, "Forbidden: bot was blocked by the user"),
		{Code: 500, Text: "Internal Server Error", Effect: true},
	}
	if method == "editMessageText" {
		faults = append(faults, telegramtest.Refuse(400, "Bad Request: message to edit not found"))
	}
	for range rapid.IntRange(1, 3).Draw(r, "count") {
		s.tg.FailNext(method, rapid.SampledFrom(faults).Draw(r, "fault"))
	}
}

func (s *storm) draw(r *rapid.T) {
	once(r, s.couriers[rapid.IntRange(0, len(s.couriers)-1).Draw(r, "courier")])
}

func (s *storm) drawBoth(r *rapid.T) {
	var wg sync.WaitGroup
	for _, c := range s.couriers {
		wg.Go(func() {
			if _, err := c.RunOnce(context.WithoutCancel(r.Context())); err != nil {
				r.Error(err)
			}
		})
	}
	must(r, s.Redraw(r.Context(), s.id)) // takes the lease away
	wg.Wait()
}

func (s *storm) wait(r *rapid.T) {
	s.pass(r, rapid.SampledFrom([]time.Duration{time.Second, 3 * time.Second, 9 * time.Second}).Draw(r, "time"))
}

// remove deletes a message, as people do.
func (s *storm) remove(r *rapid.T) {
	account := rapid.SampledFrom([]int64{ledgertest.Budget, ledgertest.Requester}).Draw(r, "account")
	if cards := s.cards(account, s.number); len(cards) > 0 && !s.blocked[account] {
		id := cards[rapid.IntRange(0, len(cards)-1).Draw(r, "message")].ID
		must(r, s.tg.Remove(account, account, id))
		s.removed[[2]int64{account, id}] = true
	}
}

func (s *storm) block(r *rapid.T) {
	account := rapid.SampledFrom([]int64{ledgertest.Budget, ledgertest.Finance}).Draw(r, "account")
	if s.blocked[account] {
		s.tg.Unblock(account)
		must(r, s.courier.Reached(r.Context(), account))
	} else {
		must(r, s.tg.Block(account))
	}
	s.blocked[account] = !s.blocked[account]
}

// unlinkAny takes somebody's account from him, or gives it back.
func (s *storm) unlinkAny(r *rapid.T) {
	s.unlinkOrLink(r, rapid.SampledFrom([]int64{ledgertest.Budget, ledgertest.Requester}).Draw(r, "account"))
}

func (s *storm) unlinkOrLink(r *rapid.T, account int64) (linked bool) {
	dir, err := s.Directory.Snapshot(r.Context())
	must(r, err)
	id := s.owners[account]
	if _, linked = dir.ByTelegram(account); linked {
		must(r, s.Directory.Unlink(r.Context(), "test", id, "test"))
	} else {
		p, _ := dir.Person(id)
		_, err := s.Directory.PutUser(r.Context(), "test", linkedTo(p, account))
		must(r, err)
	}
	must(r, s.Redraw(r.Context(), s.id))
	return !linked
}

// abandon leases what is due and dies.
func (s *storm) abandon(r *rapid.T) {
	_, err := s.Behind(r.Context(), 10, 8*time.Second)
	must(r, err)
}

// settle ends all that goes wrong, and taps what can be tapped.
func (s *storm) settle(r *rapid.T) {
	for account := range s.blocked {
		s.tg.Unblock(account)
	}
	for _, account := range []int64{ledgertest.Budget, ledgertest.Requester} { // so that all copies can be tapped
		if !s.unlinkOrLink(r, account) {
			s.unlinkOrLink(r, account)
		}
	}
	s.mend(r, func() bool { return len(s.strays(r)) == 0 })
}

// mend draws until faults that were prepared before leave nothing behind.
func (s *storm) mend(r *rapid.T, enough func() bool) {
	for range 200 {
		s.calm(r, s.couriers...)
		s.adoptAll(r, s.number)
		s.calm(r, s.couriers...)
		faults := 0
		for _, row := range s.rows(r, s.id) {
			if row.Fault != "" {
				faults++
			}
		}
		if faults == 0 && enough() {
			return
		}
		for _, chat := range []int64{ledgertest.Requester, ledgertest.Budget, ledgertest.Finance, ledgertest.Treasurer, ledgertest.Second, group} {
			must(r, s.courier.Reached(r.Context(), chat))
		}
	}
}

// strays are messages with buttons that nobody follows.
func (s *storm) strays(r *rapid.T) []string {
	known := map[[2]int64]bool{}
	for _, row := range s.rows(r, s.id) {
		known[[2]int64{row.Chat, row.Message}] = true
	}
	var out []string
	for account := range staff() {
		for _, m := range s.cards(account, s.number) {
			for _, b := range slices.Concat(m.Keyboard...) {
				if tap, err := card.ParseTap(b.Data); err == nil && tap.Case == s.id && !known[[2]int64{account, m.ID}] {
					out = append(out, fmt.Sprintf("message %d in %d asks and nobody follows it", m.ID, account))
				}
			}
		}
	}
	return out
}

// none is a call that goes well, in a row of faults.
func none() telegramtest.Fault { return telegramtest.Fault{} }
