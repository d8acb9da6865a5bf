package hook_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"countersign/internal/crash"
	"countersign/internal/hook"
	"countersign/internal/ledger"
	"countersign/internal/wake"
)

const (
	childDatabase = "HOOK_TEST_CHILD_DATABASE"
	childCrash    = "HOOK_TEST_CHILD_CRASH"
)

// TestMain is also the child process that dies.
func TestMain(m *testing.M) {
	if os.Getenv(childDatabase) != "" {
		fmt.Fprintln(os.Stderr, runChild())
		os.Exit(1)
	}
	_ = flag.Set("rapid.checks", "30") // each takes dozens of transactions; the command line may ask for more
	os.Exit(m.Run())
}

func runChild() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	pool, err := pgxpool.New(ctx, os.Getenv(childDatabase))
	if err != nil {
		return err
	}
	defer pool.Close()
	points, err := crash.Parse(os.Getenv(childCrash))
	if err != nil {
		return err
	}
	bell := &wake.Bell{}
	h := &hook.Hook{
		Pool: pool, Ledger: &ledger.DB{Pool: pool, Now: time.Now, Bell: bell}, Bell: bell, Crash: points, Now: time.Now,
		Log: slog.New(slog.NewTextHandler(os.Stderr, nil)), Egress: loopback(),
		Options: hook.Options{Lease: time.Second, Poll: 50 * time.Millisecond},
	}
	return errors.Join(h.Run(ctx), errors.New("the child was not killed"))
}

func TestKilledReplicaLosesNothing(t *testing.T) {
	t.Parallel()
	for _, point := range []crash.Point{crash.HookSequenced, crash.HookClaimed, crash.HookSent} {
		for _, nth := range []int{1, 3} {
			t.Run(fmt.Sprint(point, nth), func(t *testing.T) {
				t.Parallel()
				b := newLiveBench(t)
				b.Options = hook.Options{Lease: time.Second, Poll: 50 * time.Millisecond}
				e := b.endpoint(hook.NewEndpoint{InFlight: 2})
				child := exec.CommandContext(t.Context(), os.Args[0])
				child.Env = append(os.Environ(), childDatabase+"="+b.ledger.AppURL, fmt.Sprintf("%s=%s:%d", childCrash, point, nth))
				if err := child.Start(); err != nil {
					t.Fatal(err)
				}
				dead := make(chan error, 1)
				go func() { dead <- child.Wait() }()
				var ids []string
				for i := 0; ; i++ { // until the child has come to the point often enough
					ids = append(ids, b.emit(fmt.Sprint("D", i%4), "case.started")...)
					select {
					case err := <-dead:
						exit, ok := errors.AsType[*exec.ExitError](err)
						if !ok || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
							t.Fatalf("the child ended otherwise: %v", err)
						}
					case <-time.After(20 * time.Millisecond):
						continue
					}
					break
				}
				stop := run(t, b.Hook)
				b.receiver.wait(func(got []request) bool {
					seen := map[string]bool{}
					for _, g := range got {
						seen[g.ID] = true
					}
					return len(seen) == len(ids)
				})
				b.until(`select count(*) = 0, pg_sleep(0.02) from delivery where state = 'due'`) // the child may have died before it noted an answer
				stop()
				states := b.states(e.ID)
				for _, id := range ids {
					if states[id] != hook.Done {
						t.Errorf("event %s is %q", id, states[id])
					}
				}
				inOrder(t, b.receiver.all())
				if doubles := len(b.receiver.all()) - len(ids); doubles > 2 {
					t.Errorf("%d doubles of %d events; only what was under way may come twice", doubles, len(ids))
				}
			})
		}
	}
}

func TestLostConnectionsToTheDatabaseLoseNothing(t *testing.T) {
	t.Parallel()
	b := newLiveBench(t)
	b.Options = hook.Options{Lease: time.Second, Poll: 20 * time.Millisecond}
	e := b.endpoint(hook.NewEndpoint{InFlight: 4})
	stop := run(t, b.Hook)
	var ids []string
	for i := range 60 {
		for { // the test's own connections die too
			got, err := emit(t.Context(), b.ledger.Pool, fmt.Sprint("D", i%7), "case.started")
			if err == nil {
				ids = append(ids, got...)
				break
			}
			if refused, ok := errors.AsType[*pgconn.PgError](err); ok && refused.Code != "57P01" {
				t.Fatal(err)
			}
		}
		b.ledger.Bell.Ring()
		if i%5 == 0 {
			_ = b.exec(`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and usename = current_user and pid <> pg_backend_pid()`)
		}
	}
	b.receiver.wait(func(got []request) bool {
		seen := map[string]bool{}
		for _, g := range got {
			seen[g.ID] = true
		}
		return len(seen) >= len(ids)
	})
	inOrder(t, b.receiver.all())
	b.until(`select count(*) = 0, pg_sleep(0.02) from delivery where state = 'due'`)
	stop()
	if got := b.get(e.ID); got.Due != 0 || got.Failures != 0 {
		t.Errorf("endpoint %+v", got)
	}
}
