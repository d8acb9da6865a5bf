package ledger_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"countersign/internal/approval"
	"countersign/internal/directory"
	"countersign/internal/ledger"
	"countersign/internal/ledger/ledgertest"
)

// awaited names who is asked about a document now.
func awaited(t *testing.T, b *ledgertest.Bench, id string) string {
	t.Helper()
	st, err := b.Document(t.Context(), ledgertest.Key(id))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, a := range st.Awaiting {
		out = append(out, a.User)
	}
	return strings.Join(out, " ")
}

func standIn(t *testing.T, b *ledgertest.Bench) {
	t.Helper()
	if err := b.DB.StandIn(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// voteRow is what the record holds of a vote.
func voteRow(t *testing.T, b *ledgertest.Bench) string {
	t.Helper()
	var text string
	err := b.Pool.QueryRow(t.Context(), `select p.external_id || ' for ' || coalesce(f.external_id, 'himself') || ' by ' || v.by_delegations::text
		from vote v join person p on p.id = v.person_id left join person f on f.id = v.for_person order by v.at limit 1`).Scan(&text)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestADeputyDecidesAndTheRecordSaysForWhom(t *testing.T) {
	t.Parallel()
	b := ledgertest.New(t)
	b.Post(t, "1")
	if got := awaited(t, b, "1"); got != "petrov" {
		t.Fatalf("asked are %s", got)
	}
	g := b.StandIn(t, "petrov", "orlova", 0, time.Hour)
	if got := awaited(t, b, "1"); got != "petrov orlova" {
		t.Fatalf("asked are %s", got)
	}
	b.Vote(t, "1", ledgertest.Second, approval.Accept, "")
	if got := awaited(t, b, "1"); got != "sidorova" {
		t.Errorf("asked are %s", got)
	}
	if got, want := voteRow(t, b), fmt.Sprintf("orlova for petrov by {%d}", g.ID); got != want {
		t.Errorf("on record is %s, want %s", got, want)
	}
	_, err := b.DB.Vote(t.Context(), b.Tap(t, "1", ledgertest.Budget, approval.Accept))
	if !errors.Is(err, approval.ErrNotAsked) {
		t.Errorf("whoever was decided for: %v", err)
	}
	var body string
	if err := b.Pool.QueryRow(t.Context(), `select body from event where kind = 'vote.cast'`).Scan(&body); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(body, `"by":"orlova"`) || !strings.Contains(body, `"on_behalf_of":"petrov"`) || !strings.Contains(body, fmt.Sprintf(`"delegations":[%d]`, g.ID)) {
		t.Errorf("told is %s", body)
	}
	assertReplay(t, b, "1")
}

func TestADelegationBeginsAndEndsByItself(t *testing.T) {
	t.Parallel()
	b := ledgertest.New(t)
	b.Post(t, "1")
	b.StandIn(t, "petrov", "orlova", time.Hour, 3*time.Hour)
	if got := awaited(t, b, "1"); got != "petrov" {
		t.Fatalf("before it begins: %s", got)
	}
	b.Clock.Advance(time.Hour)
	replica := ledgertest.On(t, b.OwnerURL, b.AppURL) // one that has just come up, and another at the same time
	replica.Clock.Advance(time.Hour)
	var wg sync.WaitGroup
	for _, r := range []*ledgertest.Bench{b, replica} {
		wg.Go(func() {
			if err := r.DB.StandIn(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := awaited(t, b, "1"); got != "petrov orlova" {
		t.Fatalf("when it has begun: %s", got)
	}
	tap := b.Tap(t, "1", ledgertest.Second, approval.Accept)
	b.Clock.Advance(2 * time.Hour)
	if _, err := b.DB.Vote(t.Context(), tap); !errors.Is(err, approval.ErrDelegation) {
		t.Errorf("a tap after the end: %v", err)
	}
	standIn(t, b)
	if got := awaited(t, b, "1"); got != "petrov" {
		t.Errorf("when it is over: %s", got)
	}
	b.Vote(t, "1", ledgertest.Budget, approval.Accept, "")
	assertReplay(t, b, "1")
}

// TestWhoReadBeforeADelegationIsCaughtUpWith: a case that was opened by somebody who had
// not heard of a delegation is looked at once more.
func TestWhoReadBeforeADelegationIsCaughtUpWith(t *testing.T) {
	t.Parallel()
	b := ledgertest.New(t)
	b.StandIn(t, "petrov", "orlova", 0, time.Hour)
	slow := ledgertest.On(t, b.OwnerURL, b.AppURL)
	slow.Clock.Advance(-time.Minute) // for whom it has not begun
	slow.Post(t, "1")
	if got := awaited(t, b, "1"); got != "petrov" {
		t.Fatalf("asked are %s", got)
	}
	standIn(t, b)
	if got := awaited(t, b, "1"); got != "petrov orlova" {
		t.Errorf("asked are %s", got)
	}
	for range 3 { // it comes to rest
		b.Clock.Advance(3 * time.Minute)
		standIn(t, b)
	}
	if due, err := b.Directory.Due(t.Context()); err != nil || len(due) > 0 {
		t.Errorf("still to follow: %+v, %v", due, err)
	}
}

func TestRevokedOrFrozenIsOverAtOnce(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(b *ledgertest.Bench, g directory.Given) error{
		"revoked": func(b *ledgertest.Bench, g directory.Given) error {
			_, err := b.Directory.Revoke(t.Context(), "test", g.ID, "back early")
			return err
		},
		"the principal is frozen": func(b *ledgertest.Bench, _ directory.Given) error {
			_, err := b.Directory.Freeze(t.Context(), "test", "petrov", "lost his phone")
			return err
		},
		"the deputy has left": func(b *ledgertest.Bench, _ directory.Given) error {
			return b.Directory.Deactivate(t.Context(), "test", "orlova", "left")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := ledgertest.New(t)
			g := b.StandIn(t, "petrov", "orlova", 0, time.Hour)
			b.Post(t, "1")
			tap := b.Tap(t, "1", ledgertest.Second, approval.Accept)
			if err := end(b, g); err != nil {
				t.Fatal(err)
			}
			if _, err := b.DB.Vote(t.Context(), tap); !errors.Is(err, approval.ErrDelegation) && !errors.Is(err, approval.ErrNotAsked) {
				t.Errorf("a tap after it: %v", err)
			}
			standIn(t, b)
			if got := awaited(t, b, "1"); got != "petrov" {
				t.Errorf("asked are %s", got)
			}
		})
	}
}

// TestPrincipalAndDeputyAtOnceGiveOneVote: two taps in one moment, in many rounds.
func TestPrincipalAndDeputyAtOnceGiveOneVote(t *testing.T) {
	t.Parallel()
	b := ledgertest.New(t)
	b.StandIn(t, "petrov", "orlova", 0, time.Hour)
	for i := range 10 {
		id := fmt.Sprint(i)
		b.Post(t, id)
		taps := []ledger.Tap{b.Tap(t, id, ledgertest.Budget, approval.Accept), b.Tap(t, id, ledgertest.Second, approval.Reject)}
		taps[1].Reason = "no"
		errs := make([]error, len(taps))
		var wg sync.WaitGroup
		for i, tap := range taps {
			wg.Go(func() { _, errs[i] = b.DB.Vote(t.Context(), tap) })
		}
		wg.Wait()
		if (errs[0] == nil) == (errs[1] == nil) {
			t.Errorf("both or none: %v", errs)
		}
		assertReplay(t, b, id)
	}
	var votes int
	if err := b.Pool.QueryRow(t.Context(), `select count(*) from vote where step = 0`).Scan(&votes); err != nil || votes != 10 {
		t.Errorf("%d votes, %v", votes, err)
	}
}

// TestTheSchemaKnowsWhoMayVoteForWhom tries what the code would never write.
func TestTheSchemaKnowsWhoMayVoteForWhom(t *testing.T) {
	t.Parallel()
	b := ledgertest.New(t)
	g := b.StandIn(t, "petrov", "orlova", 0, time.Hour)
	b.Post(t, "1")
	owner, err := pgx.Connect(t.Context(), b.OwnerURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = owner.Close(t.Context()) })
	const cast = `insert into vote (case_id, round, step, no, person_id, for_person, by_delegations, revision, amount_minor, currency, verdict, reason, via, assurance, at)
		select case_id, round, step, no, person_id, %s, %s, 1, 1, 'RUB', 'accept', '', 'chat', 'chat', %s from slot where no = %d`
	at := fmt.Sprintf("timestamptz '%s'", b.Clock.Now().Format(time.RFC3339Nano))
	by := fmt.Sprintf("array[%d]::bigint[]", g.ID)
	for name, c := range map[string]struct{ sql, code string }{
		"for himself in the seat of another": {fmt.Sprintf(cast, "null", "'{}'", at, 1), "CS032"},
		"for another without being asked to": {fmt.Sprintf(cast, "(select id from person where external_id = 'kozlov')", by, at, 0), "CS032"},
		"by a delegation that is over":       {fmt.Sprintf(cast, "for_person", by, at+" + interval '2 hours'", 1), "CS032"},
		"by a delegation before it began":    {fmt.Sprintf(cast, "for_person", by, at+" - interval '2 hours'", 1), "CS032"},
		"by a delegation that was revoked": {fmt.Sprintf("update delegation set ended_at = made_at, ended_by = 'x', ended_why = 'x';"+cast,
			"for_person", by, at, 1), "CS032"},
		"by one that is none":       {fmt.Sprintf("update slot set by_delegations = array[99] where no = 1;"+cast, "for_person", "array[99]::bigint[]", at, 1), "CS032"},
		"for a party":               {fmt.Sprintf("update approval_case set barred = array(select id from person where external_id = 'petrov');"+cast, "for_person", by, at, 1), "CS003"},
		"one seat, twice":           {fmt.Sprintf(cast, "for_person", by, at, 1) + ";" + fmt.Sprintf(cast, "null", "'{}'", at, 0), "23505"},
		"a delegation is prolonged": {`update delegation set until = until + interval '1 day'`, "CS001"},
		"a delegation goes on":      {`update delegation set ended_at = made_at, ended_by = 'x', ended_why = 'x'; update delegation set ended_at = null, ended_by = null, ended_why = null`, "CS001"},
		"a delegation is removed":   {`delete from delegation`, "CS001"},
		"a delegation to himself":   {`insert into delegation (principal, deputy, hands, starts_at, until, made_at, made_by) select principal, principal, 1, starts_at, until, made_at, made_by from delegation`, "23514"},
	} {
		_, err := owner.Exec(t.Context(), "begin;"+c.sql)
		var refused *pgconn.PgError
		if !errors.As(err, &refused) || refused.Code != c.code {
			t.Errorf("%s: %v, want code %s", name, err, c.code)
		}
		if _, err := owner.Exec(t.Context(), "rollback"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestADeputyInConflictIsNotAsked(t *testing.T) {
	t.Parallel()
	b := ledgertest.New(t)
	b.StandIn(t, "petrov", "ivanova", 0, time.Hour) // who wrote it
	b.Post(t, "1")
	if got := awaited(t, b, "1"); got != "petrov" {
		t.Errorf("asked are %s", got)
	}
}
