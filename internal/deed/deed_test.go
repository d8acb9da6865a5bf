package deed_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"countersign/internal/deed"
	"countersign/internal/ident"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/people"
	"countersign/internal/postgres/postgrestest"
	"countersign/migrations"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func petrov(t *testing.T, b *ledgertest.Bench) people.ID {
	t.Helper()
	dir, err := b.Directory.Snapshot(t.Context())
	must(t, err)
	p, ok := dir.Find("petrov")
	if !ok {
		t.Fatal("there is no petrov")
	}
	return p.ID
}

func TestDeedIsFoundByWhatItIsAboutPageByPageAndStaysAsItWas(t *testing.T) {
	t.Parallel()
	b := ledgertest.New(t)
	s := &deed.Store{Pool: b.Pool}
	who := petrov(t, b)
	yes := true
	note := func(d deed.Deed) {
		t.Helper()
		must(t, deed.Note(t.Context(), b.Pool, d))
	}
	stop := deed.Deed{
		ID: ident.Of("vdd", "1"), By: deed.By{Person: who}, What: deed.Stop, Server: "Office", Conference: "100", Session: "1@srv#vcs",
		Topic: strings.Repeat("ы", 600) + "\x00\xff", Owner: "anna", People: 4, Recording: &yes,
	}
	note(stop)
	note(deed.Deed{By: deed.By{Source: "erp", Key: "key_7"}, What: deed.Arrange, Server: "Clinic", Meeting: "mtg_06f1z2k3m4n5p6q7r8s9t0v1w2", About: "cas_1", People: -1, Outcome: deed.Done})
	stop.Outcome, stop.Fault = deed.Done, "fine"
	note(stop)
	stop.Outcome = deed.Failed
	note(stop) // it has ended
	note(deed.Deed{What: deed.Close, Server: "Clinic", People: -1, Outcome: "idle"})
	find := func(q deed.Query) string {
		t.Helper()
		var got []string
		for q.Limit = 1; ; {
			all, next, err := s.Find(t.Context(), q)
			must(t, err)
			for _, d := range all {
				got = append(got, d.What+" "+d.Outcome)
			}
			if q.After = next; next == "" {
				return strings.Join(got, ", ")
			}
		}
	}
	for want, q := range map[string]deed.Query{
		"close idle, arrange done, stop done": {}, "close idle, arrange done": {Server: "Clinic"}, "stop done": {Person: who}, "": {Since: time.Now().Add(time.Hour)},
	} {
		if got := find(q); got != want {
			t.Errorf("%+v: found %q, want %q", q, got, want)
		}
	}
	for _, about := range []string{"key_7", "erp", "cas_1", "mtg_06f1z2k3m4n5p6q7r8s9t0v1w2"} {
		if got := find(deed.Query{About: about}); got != "arrange done" {
			t.Errorf("about %s: found %q", about, got)
		}
	}
	all, _, err := s.Find(t.Context(), deed.Query{About: "1@srv#vcs", Limit: 5})
	if err != nil || len(all) != 1 || len([]rune(all[0].Topic)) != 500 || all[0].People != 4 || !*all[0].Recording || all[0].Fault != "fine" || all[0].Ended.Before(all[0].At) {
		t.Errorf("%+v, %v", all, err)
	}
	for _, odd := range []string{"x", ",", "2026-01-02T15:04:05Z", "2026-01-02T15:04:05Z,vdd_", "2026-01-02T15:04:05Z,' or 1=1"} {
		if _, _, err := s.Find(t.Context(), deed.Query{After: odd, Limit: 5}); !errors.Is(err, deed.ErrCursor) {
			t.Errorf("page %q: %v", odd, err)
		}
	}
	owner := ledgertest.On(t, b.OwnerURL, b.OwnerURL)
	for what, sql := range map[string]string{
		"an end that changes": `update video_deed set outcome = 'failed' where what = 'stop'`, "another who": `update video_deed set by_whom = 'rule', person_id = null`,
		"a row that goes": `delete from video_deed`, "all that go": `truncate video_deed`,
	} {
		for _, by := range []*ledgertest.Bench{b, owner} {
			if _, err := by.Pool.Exec(t.Context(), sql); err == nil {
				t.Errorf("the database takes %s", what)
			}
		}
	}
}

// What is lent to a transaction is in it, or not at all.
func TestDeedIsOfTheTransactionOfItsAct(t *testing.T) {
	t.Parallel()
	b := ledgertest.New(t)
	lent, err := deed.Lend(deed.Deed{What: deed.Open, By: deed.By{Guest: true}, Server: "Clinic", People: -1}, deed.Deed{What: deed.Close, Server: "Clinic", People: -1, Outcome: "left"})
	must(t, err)
	for want, end := range []error{errors.New("undone"), nil} {
		err := pgx.BeginFunc(t.Context(), b.Pool, func(tx pgx.Tx) error {
			batch := &pgx.Batch{}
			lent(batch)
			return errors.Join(tx.SendBatch(t.Context(), batch).Close(), end)
		})
		var n int
		must(t, b.Pool.QueryRow(t.Context(), `select count(*) from video_deed`).Scan(&n))
		if n != 2*want || !errors.Is(err, end) {
			t.Errorf("%d deeds, %v", n, err)
		}
	}
}

// A gateway that looked after video servers before has its acts in the record, too.
func TestWhatWasDoneBeforeTheRecordIsInIt(t *testing.T) {
	t.Parallel()
	address, _ := postgrestest.NewDatabase(t, func(context.Context, string) error { return nil }, "deed, empty")
	owner, err := pgxpool.New(t.Context(), address)
	must(t, err)
	t.Cleanup(owner.Close)
	db := stdlib.OpenDBFromPool(owner)
	t.Cleanup(func() { _ = db.Close() })
	p, err := goose.NewProvider(goose.DialectPostgres, db, migrations.FS, goose.WithDisableGlobalRegistry(true))
	must(t, err)
	_, err = p.UpTo(t.Context(), 50)
	must(t, err)
	const step = 45
	_, err = p.ApplyVersion(t.Context(), step, false)
	must(t, err)
	_, err = owner.Exec(t.Context(), `with p as (insert into person (id, external_id, name, email, created_at)
			values ('per_00000000000000000000000001', 'anna', 'Anna', 'anna@example.com', now()) returning id)
		insert into video_act (id, at, person_id, what, server, conference, session, topic, owner, people, outcome, ended_at)
			select 'vac_0000000000000000000000000' || n, now(), id, 'stop', 'Office', '100', n || '@srv', 'Daily', 'anna', 4, o, case when o is not null then now() end
			from p, (values (1, 'done'), (2, null)) as a (n, o)`)
	must(t, err)
	_, err = p.ApplyVersion(t.Context(), step, true)
	must(t, err)
	all, _, err := (&deed.Store{Pool: owner}).Find(t.Context(), deed.Query{Limit: 5})
	must(t, err)
	got := ""
	for _, d := range all {
		got += fmt.Sprintf("%s %s %s %q; ", d.ID[len(d.ID)-1:], d.What, d.By.Person, d.Outcome)
	}
	if got != `2 stop per_00000000000000000000000001 ""; 1 stop per_00000000000000000000000001 "done"; ` {
		t.Errorf("in the record: %s", got)
	}
}
