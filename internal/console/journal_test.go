package console_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/console"
	"countersign/internal/pages/pagestest"
)

// Anybody with an account of the login service can be turned away as often as he likes.
func TestRefusalsAreCountedAndDoNotFillTheJournal(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const times = 7
	for range times {
		h.signIn(t, pagestest.Open(t, h.web), "stranger")
	}
	if rows, n := h.refusals(t); n != times || len(rows) > 2 || !slices.Contains(rows, "stranger@example.org") { // 2: the hour may have turned
		t.Errorf("%d in %q", n, rows)
	}
	if n := h.count(t, "select count(*) from console_journal"); n != 0 {
		t.Errorf("%d rows of the journal", n)
	}
	if p := h.inside(t, "anna").Get(h.web.URL + "/console/journal"); !strings.Contains(p.Body, "stranger@example.org") || !strings.Contains(p.Body, " times") {
		t.Errorf("the journal does not tell: %s", p.Body)
	}
}

func TestManyAddressesShareTheRestOfTheHour(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const many = 60
	for i := range many {
		must(t, h.desk.Store.Refused(t.Context(), fmt.Sprintf("s%d@example.org", i)))
	}
	for _, odd := range []string{"a\x00b@example.org", "a\u202eb@example.org", " a@example.org", strings.Repeat("x", 300) + "@example.org", ""} {
		must(t, h.desk.Store.Refused(t.Context(), odd))
	}
	must(t, h.desk.Store.Refused(t.Context(), "s0@example.org"))
	rows, n := h.refusals(t)
	if n != many+6 || len(rows) > 2*21 || !slices.Contains(rows, "") || !slices.Contains(rows, "s0@example.org") {
		t.Errorf("%d in %q", n, rows)
	}
}

// refusals gives the addresses of the rows, and how often somebody was turned away in all.
func (h *house) refusals(tb testing.TB) (rows []string, n int) {
	tb.Helper()
	must(tb, h.Pool.QueryRow(tb.Context(), "select array_agg(person), sum(times) from console_refusal").Scan(&rows, &n))
	return rows, n
}

func TestJournalForgetsAfterAYearWhoCameAndNeverWhoGotARole(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	anna := h.inside(t, "anna")
	h.act(t, anna, "boris", "role", map[string][]string{"role": {"viewer"}})
	h.signIn(t, pagestest.Open(t, h.web), "stranger")
	year := console.Keep{Sessions: 366 * 24 * time.Hour, Journal: 366 * 24 * time.Hour}
	must(t, h.desk.Store.Purge(t.Context(), year))
	for sql, want := range map[string]int{
		"select count(*) from console_journal where what = 'login'": 1, "select count(*) from console_journal where what = 'granted'": 1,
		"select count(*) from console_refusal": 1, "select count(*) from console_session": 1,
	} {
		if n := h.count(t, sql); n != want {
			t.Errorf("young: %s: %d", sql, n)
		}
	}
	for _, young := range []string{"delete from console_journal where what = 'login'", "delete from console_refusal"} {
		if _, err := h.Pool.Exec(t.Context(), young); err == nil {
			t.Errorf("%s is possible", young)
		}
	}
	h.owner(t, `alter table console_journal disable trigger console_journal_unchanged; alter table console_refusal disable trigger console_refusal_counts;
		alter table console_session disable trigger console_session_only_ends;
		update console_journal set at = at - interval '367 days'; update console_refusal set hour = hour - interval '8808 hours';
		update console_session set created_at = created_at - interval '367 days', expires_at = expires_at - interval '367 days';
		alter table console_journal enable always trigger console_journal_unchanged; alter table console_refusal enable always trigger console_refusal_counts;
		alter table console_session enable always trigger console_session_only_ends`)
	must(t, h.desk.Store.Purge(t.Context(), year))
	for sql, want := range map[string]int{
		"select count(*) from console_journal where what = 'login'": 0, "select count(*) from console_journal where what = 'granted'": 1,
		"select count(*) from console_refusal": 0, "select count(*) from console_session": 0,
	} {
		if n := h.count(t, sql); n != want {
			t.Errorf("old: %s: %d", sql, n)
		}
	}
	if _, err := h.Pool.Exec(t.Context(), "delete from console_journal"); err == nil {
		t.Error("a role that was given can be forgotten")
	}
	if p := anna.Get(h.web.URL + "/console/people"); p.Status != http.StatusUnauthorized {
		t.Errorf("the session is gone: %d", p.Status)
	}
}

// owner does what only the owner of the tables can.
func (h *house) owner(t *testing.T, sql string) {
	t.Helper()
	owner, err := pgx.Connect(t.Context(), h.OwnerURL)
	must(t, err)
	defer func() { _ = owner.Close(t.Context()) }()
	_, err = owner.Exec(t.Context(), sql, pgx.QueryExecModeSimpleProtocol)
	must(t, err)
}
