//go:build !windows

package postgres_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"countersign/internal/postgres"
)

// keepUp runs an instance as the service does; the result is what Run returned.
func keepUp(t *testing.T, i *postgres.Instance) <-chan error {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		ran <- i.Run(ctx)
	}()
	t.Cleanup(func() { // before the instance is closed
		cancel()
		<-done
	})
	return ran
}

// joinChild is an instance of this process that joined another process's cluster.
func joinChild(t *testing.T, dir string, log *journal) (*child, *postgres.Instance) {
	t.Helper()
	owner := startChild(t, dir)
	i := open(t, postgres.Options{DataDir: dir, Log: log.logger()})
	if !owner.owned || i.Owned() {
		t.Fatalf("owned there %t, here %t", owner.owned, i.Owned())
	}
	return owner, i
}

func TestOneWhoJoinedTakesOverWhenTheOwnerEnds(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(t *testing.T, owner *child){
		"InGoodOrder": func(t *testing.T, owner *child) {
			t.Helper()
			owner.end(t)
		},
		"Killed": func(t *testing.T, owner *child) {
			t.Helper()
			must(t, owner.cmd.Process.Kill())
			_ = owner.cmd.Wait()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := seeded(t)
			var log journal
			owner, joined := joinChild(t, dir, &log)
			exec1(t, joined.OwnerDSN(), "CREATE TABLE note AS SELECT 'kept' AS text; GRANT SELECT ON note TO countersign_app")
			pool, err := pgxpool.New(t.Context(), joined.AppDSN())
			must(t, err)
			defer pool.Close()
			must(t, pool.Ping(t.Context()))
			ran := keepUp(t, joined)

			end(t, owner)
			eventually(t, "the old pool works again", func() bool {
				var text string
				return pool.QueryRow(t.Context(), "SELECT text FROM note").Scan(&text) == nil && text == "kept"
			})
			eventually(t, "it has taken over, and says so", func() bool { // the server outlives whoever is killed, and the pool with it
				return joined.Owned() && strings.Contains(log.String(), "takes over")
			})
			if joined.PID() == 0 || joined.Version() == "" || joined.Binaries().Dir == "" {
				t.Errorf("pid %d, version %q, programs in %q", joined.PID(), joined.Version(), joined.Binaries().Dir)
			}
			// From here on it is an owner like any other: it revives, is joined, and lets go.
			must(t, joined.Kill())
			eventually(t, "the server is back", func() bool { return try(t, joined.AppDSN(), "SELECT 1") == nil })
			if startChild(t, dir).owned {
				t.Error("two own the cluster")
			}
			must(t, joined.Close())
			if !startChild(t, dir).owned {
				t.Error("the cluster was not let go of")
			}
			select {
			case err := <-ran:
				t.Errorf("it gave up: %v", err)
			default:
			}
		})
	}
}

func TestOfManyWhoJoinedOneAfterTheOtherTakesOver(t *testing.T) {
	t.Parallel()
	dir := seeded(t)
	var log journal
	first, last := joinChild(t, dir, &log)
	second := startChild(t, dir, runVariable+"=1")
	passing := startChild(t, dir) // a short command: it has no use for the cluster
	keepUp(t, last)
	exec1(t, last.OwnerDSN(), "CREATE TABLE note ()")
	answers := func() bool { return try(t, last.OwnerDSN(), "SELECT FROM note") == nil }

	first.end(t)
	eventually(t, "one of those who joined has taken over", answers)
	passing.end(t)
	must(t, try(t, last.OwnerDSN(), "SELECT FROM note"))
	second.end(t)
	eventually(t, "the last one owns it", func() bool { return last.Owned() && answers() })
}

func TestOneWhoClosedTakesNothingOver(t *testing.T) {
	t.Parallel()
	dir := seeded(t)
	var log journal
	owner, closed := joinChild(t, dir, &log)
	other := open(t, postgres.Options{DataDir: dir})
	must(t, closed.Close())
	owner.end(t)
	if try(t, other.AppDSN(), "SELECT 1") == nil {
		t.Fatal("somebody still runs the server")
	}
	keepUp(t, closed)
	keepUp(t, other) // it begins when the owner is gone already
	eventually(t, "the server is back", func() bool { return try(t, other.AppDSN(), "SELECT 1") == nil })
	if closed.Owned() || !other.Owned() {
		t.Errorf("the closed one owns it: %t, the other: %t", closed.Owned(), other.Owned())
	}
}

func TestOneWhoJoinedEndsWhereItCannotTakeOver(t *testing.T) {
	t.Parallel()
	dir := seeded(t)
	var log journal
	owner, joined := joinChild(t, dir, &log)
	running, passwords := filepath.Join(dir, "postgres", "running.json"), filepath.Join(dir, "postgres", "passwords.json")
	for _, c := range []struct {
		file, content, word string
	}{
		{running, `{"socket":"/elsewhere","version":"15.1","pid":1}`, "/elsewhere"},
		{passwords, `{"admin":"a","owner":"b","app":"c","salt":"d"}`, "passwords are others"},
	} {
		before, err := os.ReadFile(c.file)
		must(t, err)
		must(t, os.WriteFile(c.file, []byte(c.content), 0o600))
		mustGiveUp(t, joined, c.word)
		must(t, os.WriteFile(c.file, before, 0o600))
	}
	owner.end(t)
	must(t, os.Remove(passwords))
	mustGiveUp(t, joined, "made anew")
	must(t, os.RemoveAll(filepath.Join(dir, "postgres", "data")))
	mustGiveUp(t, joined, "the cluster is gone")
}

func mustGiveUp(t *testing.T, i *postgres.Instance, word string) {
	t.Helper()
	err := i.Run(t.Context())
	if !errors.Is(err, postgres.ErrMoved) || !strings.Contains(err.Error(), word) {
		t.Errorf("got %v, want %q", err, word)
	}
	if i.Owned() {
		t.Error("it owns what it cannot run")
	}
}
