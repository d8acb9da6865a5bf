package videowatch_test

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/directory"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/notice"
	"countersign/internal/people"
	"countersign/internal/trueconf"
	"countersign/internal/trueconf/trueconftest"
	"countersign/internal/videowatch"
)

const office = "Head office"

// world is a video server, a directory and a watch.
type world struct {
	*ledgertest.Bench

	tc    *trueconftest.Server
	watch *videowatch.Watch
	at    videowatch.Server
	who   map[string]people.Person
}

// newWorld has an administrator of everything, an operator and a viewer of the office, an
// operator of another server, and somebody who has no telegram account yet.
func newWorld(t *testing.T, o trueconftest.Options, change ...func(*videowatch.Server)) *world {
	t.Helper()
	tc, err := trueconftest.Open(t.Context(), o)
	must(t, err)
	t.Cleanup(func() { must(t, tc.Close()) })
	w := &world{Bench: ledgertest.Empty(t), tc: tc}
	w.Import(t,
		user("ada", 1, "video_administrator"), user("oleg", 2, "video_operator@"+office), user("vera", 3, "video_viewer@"+office),
		user("otto", 4, "video_operator@Lab"), user("una", 0, "video_operator@"+office), user("tom", 6, "treasurer"),
	)
	w.meet(t)
	w.watch = w.replica(w.Bench)
	w.at = videowatch.Server{
		Client: w.client(t), Check: videowatch.Check{Every: 15 * time.Second, Needed: 2, Of: 3},
		Rule: videowatch.DefaultRule(), Scan: videowatch.Scan{Every: time.Minute},
	}
	for _, c := range change {
		c(&w.at)
	}
	return w
}

func user(id string, account int64, role string) directory.User {
	return directory.User{ExternalID: id, Name: strings.ToUpper(id[:1]) + id[1:], Email: id + "@example.org", Roles: []people.Role{people.ParseRole(role)}, Telegram: account}
}

// meet looks up who there is.
func (w *world) meet(t *testing.T) {
	t.Helper()
	dir, err := w.Directory.Snapshot(t.Context())
	must(t, err)
	w.who = map[string]people.Person{}
	for _, id := range []string{"ada", "oleg", "vera", "otto", "una", "tom"} {
		p, ok := dir.Find(id)
		if !ok {
			t.Fatalf("there is no %s", id)
		}
		w.who[id] = p
	}
}

func (w *world) replica(b *ledgertest.Bench) *videowatch.Watch {
	to := io.Discard
	if os.Getenv("VERBOSE") != "" {
		to = os.Stderr
	}
	return &videowatch.Watch{
		Store: &videowatch.Store{Pool: b.Pool}, Directory: b.Directory, Notices: &notice.Store{Pool: b.Pool}, Now: time.Now,
		Log: slog.New(slog.NewTextHandler(to, nil)),
	}
}

func (w *world) client(t *testing.T) *trueconf.Server {
	t.Helper()
	o := trueconf.Options{
		Name: office, Address: w.tc.URL(), Engine: w.tc.Engine(), ClientID: trueconftest.ClientID, ClientSecret: trueconftest.ClientSecret,
		Now: time.Now, Pause: time.Millisecond,
	}
	if len(w.tc.Certificate()) > 0 {
		o.Verify = filepath.Join(t.TempDir(), "ca.pem")
		must(t, os.WriteFile(o.Verify, w.tc.Certificate(), 0o600))
	}
	s, err := trueconf.Open(o)
	must(t, err)
	t.Cleanup(s.Close)
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	_, err := w.Pool.Exec(context.WithoutCancel(t.Context()), sql, args...)
	must(t, err)
}

// owner does what only the owner of the tables may.
func (w *world) owner(t *testing.T, sql string) {
	t.Helper()
	_, err := ledgertest.On(t, w.OwnerURL, w.OwnerURL).Pool.Exec(t.Context(), sql)
	must(t, err)
}

// due makes it everybody's turn.
func (w *world) due(t *testing.T) {
	t.Helper()
	w.exec(t, "update watch_turn set next_at = now()")
}

// check looks at the server so many times.
func (w *world) check(t *testing.T, times int) {
	t.Helper()
	for range times {
		w.due(t)
		_, err := w.watch.CheckOnce(t.Context(), w.at)
		must(t, err)
	}
}

// scan looks for forgotten conferences once.
func (w *world) scan(t *testing.T) {
	t.Helper()
	w.due(t)
	_, err := w.watch.ScanOnce(t.Context(), w.at)
	must(t, err)
}

// told is what a notice says, and to whom.
type told struct {
	Key, Class string
	To         []string // names; "administrators" are the groups
	Body       notice.Body
}

// notices are those that were added since the last look.
func (w *world) notices(t *testing.T) []told {
	t.Helper()
	rows, err := w.Pool.Query(t.Context(), "with gone as (delete from notice returning *) select class, body, audience from gone order by created_at, id")
	must(t, err)
	defer rows.Close()
	var out []told
	for rows.Next() {
		var n told
		var to notice.To
		must(t, rows.Scan(&n.Class, &n.Body, &to))
		n.Key = n.Body.Key
		if to.Administrators {
			n.To = append(n.To, "administrators")
		}
		for _, id := range to.People {
			for name, p := range w.who {
				if p.ID == id {
					n.To = append(n.To, name)
				}
			}
		}
		slices.Sort(n.To)
		out = append(out, n)
	}
	must(t, rows.Err())
	return out
}

// lines are notices as short lines: key, class and readers.
func lines(all []told) string {
	var out []string
	for _, n := range all {
		out = append(out, strings.TrimPrefix(n.Key, "watch.")+" "+n.Class+" "+strings.Join(n.To, ","))
	}
	return strings.Join(out, "; ")
}

// hears fails unless exactly that was told since the last look.
func (w *world) hears(t *testing.T, want string) []told {
	t.Helper()
	all := w.notices(t)
	if got := lines(all); got != want {
		t.Errorf("told %q, want %q", got, want)
	}
	return all
}

func always(f trueconftest.Fault) trueconftest.Trouble { return trueconftest.Trouble{Fault: f} }

// kept is a value in the database.
func (w *world) kept(t *testing.T, sql string, args ...any) string {
	t.Helper()
	rows, err := w.Pool.Query(t.Context(), sql, args...)
	must(t, err)
	out, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[string])
	must(t, err)
	return out
}
