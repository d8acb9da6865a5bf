package directory_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/directory"
	"countersign/internal/people"
)

// counting notes how often somebody reads everybody.
type counting struct {
	directory.Querier

	mu sync.Mutex
	n  int
}

func (c *counting) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) { //nolint:ireturn // as pgx has it
	if strings.Contains(sql, "left join person") {
		c.mu.Lock()
		c.n++
		c.mu.Unlock()
	}
	return c.Querier.Query(ctx, sql, args...)
}

func TestEverybodyIsReadOncePerVersion(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.mustPut(t, anna())
	s, q := h.another(), &counting{Querier: h.app}
	var wg sync.WaitGroup
	version := h.version(t)
	for range 20 {
		wg.Go(func() {
			if d, err := s.At(t.Context(), q, version); err != nil || d.Len() != 1 {
				t.Errorf("%d persons, %v", d.Len(), err)
			}
		})
	}
	wg.Wait()
	if q.n != 1 {
		t.Errorf("%d reads", q.n)
	}
}

func TestChangeByAnotherProcessIsSeenAtTheNextVersion(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s := h.another()
	look := func() people.Directory {
		t.Helper()
		var d people.Directory
		err := pgx.BeginFunc(t.Context(), h.app, func(tx pgx.Tx) (err error) {
			var (
				b       pgx.Batch
				version int64
			)
			s.QueueVersion(&b, &version)
			if err := tx.SendBatch(t.Context(), &b).Close(); err != nil {
				return err
			}
			d, err = s.At(t.Context(), tx, version)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	if n := look().Len(); n != 0 {
		t.Errorf("%d persons in an empty directory", n)
	}
	h.mustPut(t, anna())
	if _, ok := look().Find("anna"); !ok {
		t.Error("anna is not seen")
	}
	if _, err := h.login(t.Context(), asking("anna", 100)); err != nil {
		t.Fatal(err)
	}
	if _, ok := look().ByTelegram(100); !ok {
		t.Error("the link is not seen")
	}
	u := anna()
	u.Roles = []people.Role{role("auditor")}
	h.mustPut(t, u)
	if in := look().InRole("auditor", ""); len(in) != 1 {
		t.Errorf("auditors: %v", in)
	}
	if err := h.Deactivate(t.Context(), "admin", "anna", "left"); err != nil {
		t.Fatal(err)
	}
	if _, ok := look().ByTelegram(100); ok {
		t.Error("the leaver still acts")
	}
}

func TestReadersNeverSeeAVersionWithAnotherContent(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.mustPut(t, anna())[0]
	// The name of anna is the number of the write: version v has the name that the
	// journal has for it.
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(stop)
		for i := range 60 {
			u := anna()
			u.Name = fmt.Sprint("n", i)
			if _, err := h.PutUser(t.Context(), "writer", u); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for range 2 {
		s := h.another()
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				// Outside of a transaction it is the one statement that keeps version and
				// content together.
				if _, err := s.Snapshot(t.Context()); err != nil {
					t.Error(err)
				}
				watch(t, h, s, p.ID)
			}
		})
	}
	wg.Wait()
}

// watch compares what a store has for a version with what the journal says of it.
func watch(t *testing.T, h house, s *directory.Store, id people.ID) {
	t.Helper()
	err := pgx.BeginTxFunc(t.Context(), h.app, pgx.TxOptions{IsoLevel: pgx.RepeatableRead}, func(tx pgx.Tx) error {
		var (
			version int64
			want    string
		)
		err := tx.QueryRow(t.Context(), "select s.version, j.after->>'name' from directory_state s join directory_journal j on j.id = s.version").Scan(&version, &want)
		if err != nil {
			return err
		}
		d, err := s.At(t.Context(), tx, version)
		if err != nil {
			return err
		}
		if got, _ := d.Person(id); got.Name != want {
			t.Errorf("version %d: %q, want %q", version, got.Name, want)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestSnapshotsAndTransactionsShareASmallPoolWithoutWaitingForEachOther(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.mustPut(t, anna())
	s := h.another()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second) // those who wait for each other fail
	defer cancel()
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			if i%4 == 0 {
				if _, err := h.PutUser(ctx, "writer", directory.User{ExternalID: fmt.Sprint("u", i), Name: "U"}); err != nil {
					t.Error(err)
				}
				return
			}
			if i%4 == 1 {
				if _, err := s.Snapshot(ctx); err != nil {
					t.Error(err)
				}
				return
			}
			err := pgx.BeginFunc(ctx, h.app, func(tx pgx.Tx) error {
				var version int64
				if err := tx.QueryRow(ctx, "select version from directory_state").Scan(&version); err != nil {
					return err
				}
				_, err := s.At(ctx, tx, version)
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if d, err := s.Snapshot(t.Context()); err != nil || d.Len() != 11 {
		t.Errorf("%d persons, %v", d.Len(), err)
	}
}
