package ledger_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/approval"
	"countersign/internal/document"
	"countersign/internal/ledger"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/money"
)

// lists gives the numbers in a part of a pile, in order, and what else is told of it.
func (f finder) lists(t *testing.T, account int64, l ledger.List) (string, ledger.Listed) {
	t.Helper()
	l.Person = f.person(t, account)
	if l.Limit == 0 {
		l.Limit = 10
	}
	found, err := f.List(t.Context(), l)
	if err != nil {
		t.Fatalf("%+v: %v", l, err)
	}
	var out []string
	for _, i := range found.Items {
		out = append(out, i.Document.Number)
	}
	return strings.Join(out, " "), found
}

// pile files six requests, of which two were passed on by the holder of the budget.
func pile(t *testing.T) finder {
	t.Helper()
	f := finder{ledgertest.New(t)}
	for i, minor := range []int64{500, 900, 100, 700, 300, 800} {
		f.submit(t, fmt.Sprintf("N%d", i), func(d *document.Document) {
			d.Amount, d.DueDate = money.Amount{Minor: minor, Currency: "RUB"}, fmt.Sprintf("2026-06-1%d", i)
			if i == 4 {
				d.Amount.Currency, d.DueDate = "EUR", ""
			}
			if i == 5 {
				d.OnBehalfOf, d.Requester = "ivanova", "orlova"
			}
		})
		f.Clock.Advance(time.Hour)
	}
	f.Vote(t, "N1", ledgertest.Budget, approval.Accept, "")
	f.Vote(t, "N3", ledgertest.Budget, approval.Accept, "")
	return f
}

func TestPilesHoldWhatConcernsThePersonInTheOrderAskedFor(t *testing.T) {
	t.Parallel()
	f := pile(t)
	for _, c := range []struct {
		account int64
		list    ledger.List
		want    string
		total   int
	}{
		{ledgertest.Budget, ledger.List{Pile: ledger.ForHim, Order: ledger.Oldest}, "N0 N2 N4 N5", 4},
		{ledgertest.Budget, ledger.List{Pile: ledger.ForHim, Order: ledger.Newest}, "N5 N4 N2 N0", 4},
		{ledgertest.Budget, ledger.List{Pile: ledger.ForHim, Order: ledger.Largest}, "N4 N5 N0 N2", 4}, // by currency
		{ledgertest.Budget, ledger.List{Pile: ledger.ForHim, Order: "'; drop table slot"}, "N0 N2 N4 N5", 4},
		{ledgertest.Budget, ledger.List{Pile: ledger.ForHim, DueTill: "2026-06-12"}, "N0", 1}, // the day itself is not over
		{ledgertest.Budget, ledger.List{Pile: ledger.ForHim, DueTill: "2026-06-13"}, "N0 N2", 2},
		{ledgertest.Budget, ledger.List{Pile: ledger.ForHim, Type: "invoice"}, "", 0},
		{ledgertest.Budget, ledger.List{Pile: ledger.ForHim, Type: "payment_request", Limit: 3}, "N0 N2 N4", 4},
		{ledgertest.Budget, ledger.List{Pile: ledger.ForHim, Limit: 3, Offset: 3}, "N5", 4},
		{ledgertest.Budget, ledger.List{Pile: ledger.ForHim, Limit: 3, Offset: 900}, "N5", 4}, // the last part
		{ledgertest.Budget, ledger.List{Pile: ledger.ForHim, Limit: 3, Offset: -7}, "N0 N2 N4", 4},
		{ledgertest.Budget, ledger.List{Pile: ledger.ByHim, Order: ledger.Newest}, "N3 N1", 2},
		{ledgertest.Budget, ledger.List{Pile: ledger.OfHis}, "", 0},
		{ledgertest.Requester, ledger.List{Pile: ledger.OfHis, Order: ledger.Newest, Limit: 3}, "N5 N4 N3", 6},
		{ledgertest.Second, ledger.List{Pile: ledger.OfHis}, "N5", 1},
		{ledgertest.Finance, ledger.List{Pile: ledger.ForHim}, "N1 N3", 2},
		{ledgertest.Treasurer, ledger.List{Pile: ledger.ForHim}, "", 0},
		{4711, ledger.List{Pile: ledger.OfHis}, "", 0}, // nobody
	} {
		if got, found := f.lists(t, c.account, c.list); got != c.want || found.Total != c.total {
			t.Errorf("%d, %+v: %q of %d, want %q of %d", c.account, c.list, got, found.Total, c.want, c.total)
		}
	}
	_, found := f.lists(t, ledgertest.Budget, ledger.List{Pile: ledger.ForHim, Type: "invoice"})
	if !slices.Equal(found.Types, []string{"payment_request"}) || found.Cut {
		t.Errorf("types %v, cut %t", found.Types, found.Cut)
	}
}

// What somebody was told to be his by a word that means another now, he is not shown.
func TestAListShowsNothingThatThePersonMayNotSee(t *testing.T) {
	t.Parallel()
	f := pile(t)
	if err := f.Directory.Deactivate(t.Context(), "test", "petrov", "left"); err != nil {
		t.Fatal(err)
	}
	dir, err := f.Directory.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p, _ := dir.Find("petrov")
	if found, err := f.List(t.Context(), ledger.List{Person: p.ID, Pile: ledger.ByHim, Limit: 10}); err != nil || len(found.Items)+found.Total > 0 {
		t.Errorf("who has left is shown %+v, %v", found, err)
	}
}

func TestWhatWaitsIsSummedByCurrency(t *testing.T) {
	t.Parallel()
	f := pile(t)
	h, err := f.Waits(t.Context(), f.person(t, ledgertest.Budget))
	want := []money.Amount{{Minor: 300, Currency: "EUR"}, {Minor: 1400, Currency: "RUB"}}
	if err != nil || h.Count != 4 || !slices.Equal(h.Sums, want) || h.Oldest.Before(f.Clock.Now().Add(-7*time.Hour)) {
		t.Errorf("%+v, %v; want %v", h, err, want)
	}
	if h, err := f.Waits(t.Context(), f.person(t, ledgertest.Treasurer)); err != nil || h.Count != 0 {
		t.Errorf("%+v, %v", h, err)
	}
}

func TestListsReadNoTableFromEndToEnd(t *testing.T) {
	t.Parallel()
	f := pile(t)
	for pile, index := range map[ledger.Pile]string{ledger.ForHim: "slot_waiting", ledger.OfHis: "document_search_requester", ledger.ByHim: "vote_person"} {
		for _, order := range []ledger.Order{ledger.Oldest, ledger.Newest, ledger.Largest} {
			settings, sql := ledger.Listing(ledger.List{Pile: pile, Order: order})
			plan := f.plan(t, settings, sql, []any{f.person(t, ledgertest.Budget), []string{"petrov"}, 1000, "", "", 0, 10})
			if strings.Contains(plan, "Seq Scan") || !strings.Contains(plan, index) {
				t.Errorf("%s, %s first:\n%s", pile, order, plan)
			}
		}
	}
}

// BenchmarkList leafs through 1,000 documents that wait for somebody, among 1,000,000 that
// another decided. COUNTERSIGN_BENCH_DOCUMENTS sets that number.
func BenchmarkList(b *testing.B) {
	many, err := strconv.Atoi(os.Getenv("COUNTERSIGN_BENCH_DOCUMENTS"))
	if err != nil {
		many = 1_000_000
	}
	f := finder{ledgertest.New(b)}
	f.fill(b, many)
	owner, err := pgx.Connect(b.Context(), f.OwnerURL)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = owner.Close(context.WithoutCancel(b.Context())) }()
	for _, sql := range []string{
		`alter table vote disable trigger user`, `alter table slot disable trigger user`,
		`update slot set state = 'open' where person_id = (select id from person where external_id = 'petrov') and case_id in (select id from approval_case order by id limit 1000)`,
		`insert into vote (case_id, round, step, no, person_id, revision, amount_minor, currency, verdict, reason, via, assurance, at)
			select case_id, round, step, no, person_id, 1, 100, 'RUB', 'accept', '', 'chat', 'chat', now() - random() * interval '900 days' from slot
			where person_id = (select id from person where external_id = 'kozlov')`,
		`vacuum analyze`,
	} {
		if _, err := owner.Exec(b.Context(), sql); err != nil {
			b.Fatalf("%v in %s", err, sql)
		}
	}
	for _, c := range []struct {
		account int64
		pile    ledger.Pile
	}{{ledgertest.Budget, ledger.ForHim}, {ledgertest.Treasurer, ledger.ByHim}, {ledgertest.Requester, ledger.OfHis}} {
		for _, order := range []ledger.Order{ledger.Oldest, ledger.Largest} {
			b.Run(string(c.pile)+"/"+string(order), func(b *testing.B) {
				l := ledger.List{Person: f.person(b, c.account), Pile: c.pile, Order: order, DueTill: "2027-01-01", Limit: 10}
				for b.Loop() {
					found, err := f.List(b.Context(), l)
					if err != nil || len(found.Items) == 0 {
						b.Fatalf("%d of %d, %v", len(found.Items), found.Total, err)
					}
					l.Offset = (l.Offset + l.Limit) % found.Total
				}
			})
		}
	}
}
