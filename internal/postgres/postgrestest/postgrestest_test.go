package postgrestest_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/postgres"
	"countersign/internal/postgres/postgrestest"
)

// childVariable makes one test of this binary hold its database open until its input ends.
const childVariable = "COUNTERSIGN_POSTGRESTEST_CHILD"

func migrate(ctx context.Context, dsn string) error {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, "CREATE TABLE note (text text); GRANT SELECT, INSERT ON note TO countersign_app; INSERT INTO note VALUES ('migrated')")
	return errors.Join(err, conn.Close(ctx))
}

func run(t *testing.T, dsn, sql string) (string, error) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		return "", err
	}
	defer conn.Close(t.Context())
	var answer string
	err = conn.QueryRow(t.Context(), sql).Scan(&answer)
	if errors.Is(err, pgx.ErrNoRows) {
		err = nil
	}
	return answer, err
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-deadline.C:
			t.Fatalf("still not so: %s", what)
		case <-tick.C:
		}
	}
}

func TestEachTestHasAMigratedDatabaseOfItsOwn(t *testing.T) {
	t.Parallel()
	var migrations atomic.Int32
	counted := func(ctx context.Context, dsn string) error {
		migrations.Add(1)
		return migrate(ctx, dsn)
	}
	gone := make(chan string, 6)
	t.Run("Group", func(t *testing.T) {
		t.Parallel()
		for n := range cap(gone) {
			t.Run(fmt.Sprint(n), func(t *testing.T) {
				t.Parallel()
				owner, app := postgrestest.NewDatabase(t, counted, "counted")
				gone <- app
				_, err := run(t, app, fmt.Sprintf("INSERT INTO note VALUES ('%d') RETURNING text", n))
				must(t, err)
				got, err := run(t, owner, "SELECT string_agg(text, ',' ORDER BY text DESC) FROM note")
				must(t, err)
				if want := fmt.Sprintf("migrated,%d", n); got != want {
					t.Errorf("holds %q, want %q", got, want)
				}
				if _, err := run(t, app, "CREATE TABLE mine AS SELECT 'x' AS x"); err == nil {
					t.Error("the service's role may make tables")
				}
			})
		}
	})
	t.Cleanup(func() { // after the group
		if migrations.Load() != 1 {
			t.Errorf("migrated %d times", migrations.Load())
		}
		conn, err := pgx.Connect(context.Background(), <-gone)
		if err == nil || !strings.Contains(err.Error(), "does not exist") {
			t.Errorf("the database of a test that ended: %v, %v", conn, err)
		}
	})
}

func TestKilledServerOfOneTestComesBack(t *testing.T) {
	t.Parallel()
	i := postgrestest.Open(t, postgres.Options{})
	_, err := run(t, i.OwnerDSN(), "CREATE TABLE note AS SELECT 'kept' AS text")
	if err != nil && !strings.Contains(err.Error(), "number of field") {
		must(t, err)
	}
	must(t, i.Kill())
	if _, err := run(t, i.OwnerDSN(), "SELECT text FROM note"); err == nil {
		t.Error("a killed server answers")
	}
	must(t, i.Start(t.Context()))
	got, err := run(t, i.OwnerDSN(), "SELECT text FROM note")
	if err != nil || got != "kept" {
		t.Errorf("holds %q, %v", got, err)
	}
	if got, _ := run(t, i.OwnerDSN(), "SHOW fsync"); got != "on" {
		t.Errorf("fsync is %q without Options.Test", got)
	}
}

// TestHelperProcess is the other process of the tests below; by itself it only sees that it was not called.
func TestHelperProcess(t *testing.T) {
	if os.Getenv(childVariable) == "" {
		return
	}
	_, app := postgrestest.NewDatabase(t, migrate, "shared")
	fmt.Fprintln(os.Stderr, "database", app)
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// helper starts it and returns the address of its database.
func helper(t *testing.T, env ...string) (cmd *exec.Cmd, in io.Closer, dsn string) {
	t.Helper()
	c := exec.Command(os.Args[0], "-test.run=^TestHelperProcess$")
	c.Env = append(append(os.Environ(), childVariable+"=1"), env...)
	in, err := c.StdinPipe()
	must(t, err)
	said, err := c.StderrPipe()
	must(t, err)
	must(t, c.Start())
	lines := bufio.NewScanner(said)
	for lines.Scan() {
		if dsn, ok := strings.CutPrefix(lines.Text(), "database "); ok {
			return c, in, dsn
		}
	}
	t.Fatal("the other process did not come up")
	return nil, nil, ""
}

func TestKilledTestBinaryLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(c *exec.Cmd, in io.Closer) error{
		"Killed": func(c *exec.Cmd, _ io.Closer) error { return c.Process.Kill() },
		"Ended":  func(_ *exec.Cmd, in io.Closer) error { return in.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, in, dsn := helper(t)
			address, err := url.Parse(dsn)
			must(t, err)
			folder := filepath.Dir(filepath.Dir(address.Query().Get("host")))
			if _, err := run(t, dsn, "SELECT text FROM note"); err != nil || !strings.HasPrefix(filepath.Base(folder), "cst-") {
				t.Fatalf("folder %s, %v", folder, err)
			}
			must(t, end(c, in))
			_ = c.Wait()
			eventually(t, "the folder is gone", func() bool {
				_, err := os.Stat(folder)
				return errors.Is(err, fs.ErrNotExist)
			})
			if _, err := run(t, dsn, "SELECT 'x'"); err == nil {
				t.Error("the server still answers")
			}
		})
	}
}

func TestLeftOversOfDeadRunsAreSweptAndLiveOnesStay(t *testing.T) {
	t.Parallel()
	done := exec.Command("true")
	must(t, done.Run())
	dead := filepath.Join(os.TempDir(), fmt.Sprintf("cst-%d-1", done.Process.Pid))
	live := filepath.Join(os.TempDir(), fmt.Sprintf("cst-%d-1", os.Getpid()))
	for _, dir := range []string{dead, live} {
		must(t, os.MkdirAll(filepath.Join(dir, "postgres"), 0o755))
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
	}
	postgrestest.Open(t, postgres.Options{Test: true})
	if _, err := os.Stat(dead); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("left behind: %v", err)
	}
	if _, err := os.Stat(live); err != nil {
		t.Errorf("swept although its process lives: %v", err)
	}
}

func TestNamedServerIsUsedByManyBinariesAtOnce(t *testing.T) {
	t.Parallel()
	i := postgrestest.Open(t, postgres.Options{Test: true})
	foreign := postgrestest.URLVariable + "=" + i.AdminDSN("postgres")
	var cmds []*exec.Cmd
	var ins []io.Closer
	for range 2 {
		c, in, dsn := helper(t, foreign)
		cmds, ins = append(cmds, c), append(ins, in)
		if !strings.Contains(dsn, url.QueryEscape(i.Socket())) {
			t.Errorf("it uses another server: %s", dsn)
		}
		if got, err := run(t, dsn, "SELECT text FROM note"); err != nil || got != "migrated" {
			t.Errorf("holds %q, %v", got, err)
		}
	}
	for n, in := range ins {
		must(t, in.Close())
		must(t, cmds[n].Wait())
	}
	got, err := run(t, i.AdminDSN("postgres"), "SELECT count(*)::text FROM pg_database WHERE datname LIKE 'test_%'")
	if err != nil || got != "0" {
		t.Errorf("%s databases stay behind, %v", got, err)
	}
}

func BenchmarkNewDatabase(b *testing.B) {
	postgrestest.NewDatabase(b, migrate, "shared") // the cluster and the template
	for b.Loop() {
		postgrestest.NewDatabase(b, migrate, "shared")
	}
}
