package courier_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/approval"
	"countersign/internal/directory"
	"countersign/internal/document"
	"countersign/internal/file"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/telegram/telegramtest"
)

func (o *office) faults(t *testing.T, id approval.ID) []string {
	t.Helper()
	var out []string
	for _, r := range o.rows(t, id) {
		if r.Fault != "" || r.Message == 0 {
			out = append(out, fmt.Sprintf("%d of %s: %s", r.Message, r.Spot, r.Fault))
		}
	}
	return out
}

func TestFailureThatNobodyWaitsForAnyMoreIsForgotten(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	must(t, o.tg.Block(ledgertest.Budget))
	st := o.Post(t, "81")
	o.calm(t)
	if got := o.faults(t, st.Case.ID); len(got) != 1 || !strings.Contains(got[0], "blocked") {
		t.Errorf("failures %q, want one", got)
	}
	_, err := o.Withdraw(t.Context(), ledgertest.Key("81"), "paid in cash")
	must(t, err)
	o.calm(t)
	if got := o.faults(t, st.Case.ID); len(got) != 0 {
		t.Errorf("failures %q to ask somebody who is not asked any more", got)
	}
}

func TestFailureToEditIsOverWhenAnEditSucceeds(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	st := o.Post(t, "82")
	o.calm(t)
	must(t, o.tg.Block(ledgertest.Budget))
	o.Vote(t, "82", ledgertest.Budget, approval.Accept, "")
	o.calm(t)
	if got := o.faults(t, st.Case.ID); len(got) != 1 || strings.HasPrefix(got[0], "0 ") {
		t.Errorf("failures %q, want one, of the message that is there", got)
	}
	o.tg.Unblock(ledgertest.Budget)
	o.Vote(t, "82", ledgertest.Finance, approval.Accept, "") // nobody told us; the next change finds out
	o.calm(t)
	if got := o.faults(t, st.Case.ID); len(got) != 0 {
		t.Errorf("failures %q after all is shown", got)
	}
	o.shows(t, st.Case.ID, 1)
}

func TestChatThatIsBackWhileTheCaseIsDrawnIsNotOverlooked(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.bind(t, group, 0)
	must(t, o.tg.Block(ledgertest.Budget))
	st := o.withFile(t, "83")
	slow := make(chan struct{})
	o.tg.FailNext("sendDocument", telegramtest.Delay(slow)) // the group's
	drawn := o.inBackground(t)
	o.until(t, func() bool {
		return slices.ContainsFunc(o.faults(t, st.Case.ID), func(f string) bool { return strings.Contains(f, "blocked") })
	})
	o.tg.Unblock(ledgertest.Budget)
	must(t, o.courier.Reached(t.Context(), ledgertest.Budget))
	close(slow)
	<-drawn
	o.calm(t)
	o.shows(t, st.Case.ID, 1)
}

func TestTwoChatsThatWantTheSameFileDoNotBothUploadIt(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.bind(t, group, 0)
	slow := make(chan struct{})
	o.tg.FailNext("sendDocument", telegramtest.Delay(slow))
	st := o.withFile(t, "89")
	drawn := o.inBackground(t)
	o.until(t, func() bool { // both are about to send it
		n := 0
		for _, r := range o.rows(t, st.Case.ID) {
			if strings.HasPrefix(r.Spot, "file/") {
				n++
			}
		}
		return n == 2
	})
	close(slow)
	<-drawn
	o.calm(t)
	o.shows(t, st.Case.ID, 1)
	uploads := 0
	for _, c := range o.tg.CallsOf("sendDocument") {
		if strings.HasPrefix(c.Params["document"], "attach://") || strings.HasPrefix(c.Params["document"], "file ") {
			uploads++
		}
	}
	if uploads != 1 || len(o.tg.CallsOf("sendDocument")) != 2 {
		t.Errorf("%d uploads in %d calls, want 1 in 2", uploads, len(o.tg.CallsOf("sendDocument")))
	}
}

func TestFileThatCannotBeReadNowIsSentLater(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	st := o.withFile(t, "84")
	good := o.courier.Post.Files
	other := ledgertest.On(t, o.OwnerURL, o.AppURL)
	other.Pool.Close()
	o.courier.Post.Files = &file.Store{Pool: other.Pool, Now: o.Clock.Now, Max: 1 << 20}
	once(t, o.courier)
	o.asked(t, ledgertest.Budget, "84")
	if o.lag(t) == 0 {
		t.Error("the file was given up")
	}
	o.courier.Post.Files = good
	o.calm(t)
	o.shows(t, st.Case.ID, 1)
}

func TestChatThatFailsForLongDoesNotHoldUpAChangeOfTheCase(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.bind(t, oldGroup, 0)
	o.Post(t, "85")
	o.calm(t)
	must(t, o.tg.Migrate(oldGroup, -7)) // no supergroup's id: the directory cannot take it
	o.revise(t, "85", func(d *document.Document) { d.Title = "Rent, July" })
	for range 120 {
		once(t, o.courier)
		o.pass(t, time.Second)
	}
	if o.lag(t) != 1 {
		t.Fatal("the group was given up")
	}
	once(t, o.courier)
	o.Vote(t, "85", ledgertest.Budget, approval.Accept, "")
	o.pass(t, 5*time.Second)
	once(t, o.courier)
	o.asked(t, ledgertest.Finance, "85")
}

func TestReplicasForgetFailuresOfCasesThatOthersDrew(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	end := o.tg.FailAlways(telegramtest.Any, telegramtest.Drop())
	st := o.Post(t, "86")
	for range 10 {
		once(t, o.courier)
		o.pass(t, time.Minute)
	}
	end()
	o.calm(t, o.replica(t))
	o.shows(t, st.Case.ID, 1)
	o.pass(t, time.Hour)
	o.tg.FailNext("editMessageText", telegramtest.Drop())
	o.Vote(t, "86", ledgertest.Budget, approval.Accept, "")
	once(t, o.courier)
	o.pass(t, 2*time.Second) // a first failure is a short pause
	once(t, o.courier)
	o.pass(t, time.Second)
	o.shows(t, st.Case.ID, 1)
}

func TestLookingForWorkReadsOnlyWhatIsBehind(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.Post(t, "87")
	o.calm(t)
	conn, err := pgx.Connect(t.Context(), o.OwnerURL)
	must(t, err)
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	crowd(t, conn, 20_000)
	o.Post(t, "88")
	rows, err := conn.Query(t.Context(), `explain select id from approval_case where cards_at < events and cards_next <= now() order by cards_next limit 4`)
	must(t, err)
	plan, err := pgx.CollectRows(rows, pgx.RowTo[string])
	must(t, err)
	text := strings.Join(plan, "\n")
	if !strings.Contains(text, "case_behind") || strings.Contains(text, "Seq Scan") || strings.Contains(text, "Sort") {
		t.Errorf("plan:\n%s", text)
	}
	if n := once(t, o.courier); n != 1 {
		t.Errorf("%d cases behind, want 1", n)
	}
}

// crowd adds cases that are shown already, each like the first there is.
func crowd(t *testing.T, conn *pgx.Conn, n int) {
	t.Helper()
	tx, err := conn.Begin(t.Context())
	must(t, err)
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
	id := func(prefix string) string { return `'` + prefix + `_' || lpad(to_hex(i), 26, '0')` }
	for _, sql := range []string{
		`insert into document (id, source, external_id, type, revision, hash, case_id, events, created_at)
			select ` + id("doc") + `, source, 'crowd-' || i, type, revision, hash, ` + id("cas") + `, events, created_at
			from (select * from document limit 1) d, generate_series(1, $1::int) i`,
		`insert into revision (document_id, revision, hash, body, amount_minor, currency, created_at)
			select ` + id("doc") + `, revision, hash, body, amount_minor, currency, created_at
			from (select * from revision limit 1) r, generate_series(1, $1::int) i`,
		`insert into approval_case (id, document_id, state, route_key, route_version, rule, round, revision, hash, amount_minor, currency,
				parties, missing, step, opened_at, events, cards_at)
			select ` + id("cas") + `, ` + id("doc") + `, state, route_key, route_version, rule, round, revision, hash, amount_minor, currency,
				parties, missing, step, opened_at, events, events
			from (select * from approval_case limit 1) c, generate_series(1, $1::int) i`,
	} {
		_, err := tx.Exec(t.Context(), sql, n)
		must(t, err)
	}
	must(t, tx.Commit(t.Context()))
	_, err = conn.Exec(t.Context(), `analyze approval_case`)
	must(t, err)
}

func TestFallbackGroupHearsOfEachTimeThatNobodyCanBeAsked(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	must(t, o.tg.AddChat(telegramtest.Chat{ID: group, Type: telegramtest.Supergroup, Title: "Operations", Members: []int64{ledgertest.Budget}}))
	_, _, err := o.Directory.PutChat(t.Context(), "test", directory.Chat{ExternalID: "ops", TelegramID: group, Title: "Operations", Fallback: true})
	must(t, err)
	st := o.Post(t, "88")
	o.calm(t)
	if got := o.cards(group, "88"); len(got) != 0 {
		t.Fatalf("the group was told %+v of a case that goes on", got)
	}
	staff := func(role string) {
		o.Import(t, ledgertest.User("sidorova", "Olga Sidorova", role, ledgertest.Finance))
		_, err := o.PeopleChanged(t.Context(), "sidorova")
		must(t, err)
	}
	staff("auditor")
	o.Vote(t, "88", ledgertest.Budget, approval.Accept, "")
	o.calm(t)
	o.shows(t, st.Case.ID, 1)
	told := o.cards(group, "88")
	if len(told) != 1 || told[0].Silent || !strings.Contains(told[0].Text, "nobody may decide") {
		t.Fatalf("the group was told %+v, want one message with a sound that says what is wrong", told)
	}
	staff("finance_manager")
	o.calm(t)
	o.shows(t, st.Case.ID, 1)
	if m, _ := o.tg.Message(group, told[0].ID); !strings.Contains(m.Text, "out of date") {
		t.Errorf("the message still says %q", m.Text)
	}
	if got := o.cards(group, "88"); len(got) != 1 {
		t.Errorf("%d messages, want the one", len(got))
	}
}
