//go:build linux

package seal_test

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"

	"countersign/internal/ledger/ledgertest"
	"countersign/internal/seal"
)

// long is as long as the secrets that the tables of these tests take.
var long = strings.Repeat("s", 40)

func bot(n int) seal.Place {
	return seal.Place{Table: "telegram_secret", Column: "sealed", Row: fmt.Sprint(n)}
}

func TestRotationSealsAnewAndGoesOnOpening(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	before := sealed(t, d.Seal, long, bot(1))
	must(t, d.put(t, 1, before))
	id, err := d.Rotate(t.Context(), d.pool)
	must(t, err)
	after := sealed(t, d.Seal, long, bot(1))
	if keyOf(t, after) != id || keyOf(t, before) == id {
		t.Errorf("sealed under %d and %d, the new key is %d", keyOf(t, before), keyOf(t, after), id)
	}
	for name, s := range map[string]*seal.Seal{"the one who rotated": d.Seal, "one who starts": d.start(t)} {
		for _, box := range [][]byte{before, after} {
			if plain, err := s.Open(box, bot(1)); err != nil || plain.Reveal() != long {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	ids, err := d.Keys()
	if diff := cmp.Diff([]uint32{keyOf(t, before), id}, ids); err != nil || diff != "" {
		t.Errorf("keys (-want +got):\n%s%v", diff, err)
	}
	info, err := os.Stat(d.path)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	alone(t, d.path)
}

func TestRotationReachesAProcessThatIsRunning(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	other := newProcess(t, d.path)
	if got := other.ask(t, "start"); got != "ok" {
		t.Fatal(got)
	}
	for range 3 {
		id, err := d.Rotate(t.Context(), d.pool)
		must(t, err)
		box := sealed(t, d.Seal, "text", place("1"))
		if got := other.ask(t, "open "+hex.EncodeToString(box)); got != "text" {
			t.Errorf("what was sealed under the new key is read as %q", got)
		}
		id2, err := d.Rotate(t.Context(), d.pool)
		must(t, err)
		theirs, err := hex.DecodeString(other.ask(t, "seal text"))
		if must(t, err); keyOf(t, theirs) != id2 || id == id2 {
			t.Errorf("sealed under %d after a rotation to %d", keyOf(t, theirs), id2)
		}
	}
}

func TestReadersNeverMeetAHalfKeyFile(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	box := sealed(t, d.Seal, "text", place("1"))
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				s, err := seal.Open(seal.Options{File: d.path})
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := s.Open(box, place("1")); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 8 {
		_, err := d.Rotate(t.Context(), d.pool)
		if err != nil {
			t.Error(err)
		}
	}
	close(stop)
	readers.Wait()
}

func TestRotationsAtOnceLoseNoKey(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	var mu sync.Mutex
	made := map[uint32]bool{}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			s, err := seal.Open(seal.Options{File: d.path})
			if err != nil {
				t.Error(err)
				return
			}
			id, err := s.Rotate(context.WithoutCancel(t.Context()), d.ownPool(t))
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			made[id] = true
		})
	}
	all.Wait()
	ids, err := d.Keys()
	must(t, err)
	kept := 0
	for _, id := range ids {
		if made[id] {
			kept++
		}
	}
	if kept != 4 || len(ids) != 5 {
		t.Errorf("%d of 4 new keys are kept, %d in all", kept, len(ids))
	}
	d.start(t)
}

func TestOwnerOfTheKeyFileStaysWhenTheAdministratorRotates(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	want := uint32(os.Geteuid())
	if want == 0 {
		want = 65534
		must(t, os.Chown(d.path, int(want), int(want)))
	}
	_, err := d.Rotate(t.Context(), d.pool)
	must(t, err)
	info, err := os.Stat(d.path)
	must(t, err)
	if got := info.Sys().(*syscall.Stat_t).Uid; got != want || info.Mode() != 0o600 {
		t.Errorf("owner %d, want %d, mode %v", got, want, info.Mode())
	}
}

func TestWhatACrashLeftBesideTheKeyFileIsRemoved(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	must(t, put(strings.TrimSuffix(d.path, "seal.key")+".seal.key.ABC.new", []byte("left"), 0o600))
	_, err := d.Rotate(t.Context(), d.pool)
	must(t, err)
	alone(t, d.path)
}

func TestAnotherKeyFileIsRefusedAtStart(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	_, err := d.Rotate(t.Context(), d.pool)
	must(t, err)
	right, err := os.ReadFile(d.path)
	must(t, err)
	other := keyPath(t)
	open(t, other)
	for name, c := range map[string]struct {
		make func(path string) error
		want error
	}{
		"another file":    {func(p string) error { return copyFile(other, p) }, seal.ErrForeign},
		"none":            {os.Remove, seal.ErrMissing},
		"the same ids":    {func(p string) error { return put(p, disguised(t, right, other), 0o600) }, seal.ErrForeign},
		"readable by all": {func(p string) error { return put(p, right, 0o644) }, seal.ErrExposed},
	} {
		path := keyPath(t)
		must(t, put(path, right, 0o600))
		must(t, c.make(path))
		_, err := seal.Start(t.Context(), d.pool, seal.Options{File: path, Create: true})
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !errors.Is(err, seal.ErrExposed) && !strings.Contains(err.Error(), "the file that the other replicas use, or its backup") {
			t.Errorf("%s: the error does not say what to do: %v", name, err)
		}
		if _, err := os.Stat(path); errors.Is(c.want, seal.ErrMissing) && !os.IsNotExist(err) {
			t.Errorf("%s: a useless key file was made, %v", name, err)
		}
		if shows(err, right) {
			t.Errorf("%s: a key is in the error: %v", name, err)
		}
	}
	d.start(t) // and the right one is taken
	s := open(t, other)
	if _, err := s.Rotate(t.Context(), d.pool); !errors.Is(err, seal.ErrForeign) {
		t.Errorf("a foreign file was rotated: %v", err)
	}
	if _, err := s.Retire(t.Context(), d.pool); !errors.Is(err, seal.ErrForeign) {
		t.Errorf("keys of a foreign file were removed: %v", err)
	}
}

func copyFile(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return put(to, data, 0o600)
}

// disguised gives the keys of a file the place of the key material of another.
func disguised(t *testing.T, right []byte, other string) []byte {
	t.Helper()
	values := func(data []byte) []string {
		var out []string
		for _, part := range strings.Split(string(data), `"value":"`)[1:] {
			value, _, _ := strings.Cut(part, `"`)
			out = append(out, value)
		}
		return out
	}
	foreign, err := os.ReadFile(other)
	must(t, err)
	return []byte(strings.ReplaceAll(string(right), values(right)[0], values(foreign)[0]))
}

func TestReplicasThatStartAtOnceAgreeOnOneKey(t *testing.T) {
	t.Parallel()
	owner, app := ledgertest.Database(t)
	d := &desk{pool: connect(t, app), owner: connect(t, owner), path: keyPath(t)}
	var mu sync.Mutex
	outcomes := map[string]int{}
	var all sync.WaitGroup
	apart := keyPath(t) // a replica whose file is its own
	for i := range 6 {
		all.Go(func() {
			path := d.path
			if i%3 == 0 {
				path = apart
			}
			_, err := seal.Start(context.WithoutCancel(t.Context()), d.pool, seal.Options{File: path, Create: true})
			if err != nil && !errors.Is(err, seal.ErrMissing) && !errors.Is(err, seal.ErrForeign) {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			outcomes[fmt.Sprint(path == apart, err == nil)]++
		})
	}
	all.Wait()
	shared, own := outcomes["false true"], outcomes["true true"]
	if shared+own != 4 && shared+own != 2 || shared > 0 && own > 0 {
		t.Errorf("outcomes %v: replicas of one file start, those of the other do not", outcomes)
	}
}

func TestFileThatMayNotBeMadeIsAskedFor(t *testing.T) {
	t.Parallel()
	_, app := ledgertest.Database(t)
	_, err := seal.Start(t.Context(), connect(t, app), seal.Options{File: keyPath(t)})
	if !errors.Is(err, seal.ErrMissing) || !strings.Contains(err.Error(), "put it there") {
		t.Errorf("%v", err)
	}
}

func TestKeysGoWhenNothingIsSealedUnderThem(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	first := sealed(t, d.Seal, long, bot(1))
	must(t, d.put(t, 1, first))
	unused, err := d.Rotate(t.Context(), d.pool)
	must(t, err)
	newest, err := d.Rotate(t.Context(), d.pool)
	must(t, err)
	gone, err := d.Retire(t.Context(), d.pool)
	if diff := cmp.Diff([]uint32{unused}, gone); err != nil || diff != "" {
		t.Fatalf("(-want +got):\n%s%v", diff, err)
	}
	if plain, err := d.start(t).Open(first, bot(1)); err != nil || plain.Reveal() != long {
		t.Errorf("a key that is used went: %v", err)
	}
	must(t, d.put(t, 1, sealed(t, d.Seal, long, bot(1))))
	gone, err = d.Retire(t.Context(), d.pool)
	if diff := cmp.Diff([]uint32{keyOf(t, first)}, gone); err != nil || diff != "" {
		t.Fatalf("(-want +got):\n%s%v", diff, err)
	}
	s := d.start(t)
	if ids, err := s.Keys(); err != nil || len(ids) != 1 || ids[0] != newest {
		t.Errorf("keys %v, want %d, %v", ids, newest, err)
	}
	if _, err := s.Open(first, bot(1)); !errors.Is(err, seal.ErrUnknownKey) {
		t.Errorf("sealed under a key that went: %v", err)
	}
	if gone, err := s.Retire(t.Context(), d.pool); err != nil || len(gone) != 0 {
		t.Errorf("went once more: %v, %v", gone, err)
	}
}

// TestAKeyThatIsBeingUsedStays has a transaction under way seal under an old key.
func TestAKeyThatIsBeingUsedStays(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	old := sealed(t, d.Seal, long, bot(1))
	late := sealed(t, d.Seal, long, bot(2))
	tx, err := d.pool.Begin(t.Context())
	must(t, err)
	defer tx.Rollback(context.WithoutCancel(t.Context()))
	_, err = tx.Exec(t.Context(), `insert into telegram_secret (bot_id, sealed) values (1, $1)`, old)
	must(t, err)
	_, err = d.Rotate(t.Context(), d.pool)
	must(t, err)
	type end struct {
		gone []uint32
		err  error
	}
	done := make(chan end, 1)
	go func() {
		gone, err := d.Retire(context.WithoutCancel(t.Context()), d.pool)
		done <- end{gone, err}
	}()
	d.until(t, `select exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like 'delete from seal_canary%')`)
	must(t, tx.Commit(t.Context()))
	if got := <-done; got.err != nil || len(got.gone) != 0 {
		t.Errorf("the key went: %v, %v", got.gone, got.err)
	}
	_, err = d.pool.Exec(t.Context(), `delete from telegram_secret`)
	if err == nil {
		t.Error("the service may remove the secret of a bot")
	}
	_, err = d.owner.Exec(t.Context(), `delete from telegram_secret`)
	must(t, err)
	if gone, err := d.Retire(t.Context(), d.pool); err != nil || len(gone) != 1 {
		t.Fatalf("%v, %v", gone, err)
	}
	refused(t, d.put(t, 2, late), "23503") // sealed by a replica that slept through it all
}

func TestRotationThatCouldNotReachTheDatabaseIsMadeUpFor(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	before, err := d.Primary()
	must(t, err)
	refusing := `create function away() returns trigger language plpgsql as $$ begin raise exception 'away'; end $$;
		create trigger away before insert on seal_canary for each row execute function away()`
	_, err = d.owner.Exec(t.Context(), refusing)
	must(t, err)
	if _, err := d.Rotate(t.Context(), d.pool); err == nil {
		t.Fatal("rotated without the database")
	}
	if id, err := d.Primary(); err != nil || id != before {
		t.Errorf("seals under key %d, which the database does not know, %v", id, err)
	}
	must(t, d.put(t, 1, sealed(t, d.Seal, long, bot(1))))
	_, err = d.owner.Exec(t.Context(), `drop trigger away on seal_canary`)
	must(t, err)
	s := d.start(t)
	if ids, err := s.Keys(); err != nil || len(ids) != 2 {
		t.Errorf("keys %v, %v", ids, err)
	}
	if gone, err := s.Retire(t.Context(), d.pool); err != nil || len(gone) != 1 || gone[0] == before {
		t.Errorf("the key that was never used: %v, %v", gone, err)
	}
	d.start(t)
}

func refused(t *testing.T, err error, code string) {
	t.Helper()
	if got, ok := errors.AsType[*pgconn.PgError](err); !ok || got.Code != code {
		t.Errorf("%v, want %s", err, code)
	}
}
