//go:build !windows

package postgres_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/postgres"
)

// childVariable makes this test binary a process that opens a cluster and holds it until its input ends.
const childVariable = "COUNTERSIGN_POSTGRES_TEST_CHILD"

// runVariable makes such a process keep the cluster up, too, as the service does.
const runVariable = "COUNTERSIGN_POSTGRES_TEST_RUN"

// leftovers undo what tests share, last first; only the once functions below add to them, one after the other.
var leftovers []func()

func TestMain(m *testing.M) {
	if dir := os.Getenv(childVariable); dir != "" {
		os.Exit(runChild(dir))
	}
	code := m.Run()
	for _, undo := range slices.Backward(leftovers) {
		undo()
	}
	os.Exit(code)
}

func runChild(dir string) int {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	i, err := postgres.Open(ctx, postgres.Options{DataDir: dir})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Fprintf(os.Stdout, "%t %d\n", i.Owned(), i.PID())
	running, stop := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() {
		var err error
		if os.Getenv(runVariable) != "" {
			err = i.Run(running)
		}
		ran <- err
	}()
	_, _ = io.Copy(io.Discard, os.Stdin)
	stop()
	if err := errors.Join(<-ran, i.Close()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// child is another process with the cluster open.
type child struct {
	cmd        *exec.Cmd
	in         io.Closer
	owned      bool
	postmaster int
}

func launch(t *testing.T, dir string, env ...string) *exec.Cmd {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(append(os.Environ(), childVariable+"="+dir), env...)
	c.Stderr = t.Output()
	return c
}

func startChild(t *testing.T, dir string, env ...string) *child {
	t.Helper()
	c := &child{cmd: launch(t, dir, env...)}
	in, err := c.cmd.StdinPipe()
	must(t, err)
	c.in = in
	out, err := c.cmd.StdoutPipe()
	must(t, err)
	must(t, c.cmd.Start())
	t.Cleanup(func() {
		_ = c.in.Close()
		_ = c.cmd.Wait()
	})
	if _, err := fmt.Fscanf(bufio.NewReader(out), "%t %d\n", &c.owned, &c.postmaster); err != nil {
		t.Fatalf("the other process did not come up: %v", err)
	}
	return c
}

// end lets it close the cluster and waits for it.
func (c *child) end(t *testing.T) {
	t.Helper()
	must(t, c.in.Close())
	must(t, c.cmd.Wait())
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// dataDir is a temporary folder that the server's account can pass through.
func dataDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	must(t, os.Chmod(dir, 0o755))
	must(t, os.Chmod(filepath.Dir(dir), 0o755))
	return filepath.Join(dir, "d")
}

// seed is a cluster made once and copied: making one is the slowest step, and the subject of few tests.
var seed = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "countersign-seed-*")
	if err != nil {
		return "", err
	}
	leftovers = append(leftovers, func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o711); err != nil {
		return dir, err
	}
	i, err := postgres.Open(context.Background(), postgres.Options{DataDir: dir, Test: true})
	if err != nil {
		return dir, err
	}
	return dir, i.Close()
})

// seeded is a data folder with a cluster in it, at rest.
func seeded(t *testing.T) string {
	t.Helper()
	from, err := seed()
	must(t, err)
	dir := dataDir(t)
	must(t, os.Mkdir(dir, 0o711))
	if out, err := exec.Command("cp", "-a", filepath.Join(from, "postgres"), dir).CombinedOutput(); err != nil {
		t.Fatalf("copy the cluster: %v: %s", err, out)
	}
	return dir
}

// shared is a server for tests that only look at it.
var shared = sync.OnceValues(func() (*postgres.Instance, error) {
	dir, err := seed()
	if err != nil {
		return nil, err
	}
	place := filepath.Join(dir, "shared")
	if err := os.Mkdir(place, 0o711); err != nil {
		return nil, err
	}
	if out, err := exec.Command("cp", "-a", filepath.Join(dir, "postgres"), place).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("copy the cluster: %w: %s", err, out)
	}
	i, err := postgres.Open(context.Background(), postgres.Options{DataDir: place})
	if err == nil {
		leftovers = append(leftovers, func() { _ = i.Close() })
	}
	return i, err
})

func open(t *testing.T, o postgres.Options) *postgres.Instance {
	t.Helper()
	i, err := postgres.Open(t.Context(), o)
	must(t, err)
	t.Cleanup(func() {
		if err := i.Close(); err != nil {
			t.Error(err)
		}
	})
	return i
}

func exec1(t *testing.T, dsn, sql string) {
	t.Helper()
	must(t, try(t, dsn, sql))
}

func try(t *testing.T, dsn, sql string) error {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		return err
	}
	defer conn.Close(t.Context())
	_, err = conn.Exec(t.Context(), sql)
	return err
}

func ask(t *testing.T, dsn, sql string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	must(t, err)
	defer conn.Close(t.Context())
	var answer string
	must(t, conn.QueryRow(t.Context(), sql).Scan(&answer))
	return answer
}

// eventually waits for something that another process does.
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

// alive says whether a process runs; a zombie does not.
func alive(pid int) bool {
	out, err := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && !strings.HasPrefix(strings.TrimSpace(string(out)), "Z")
}

// journal keeps what is logged.
type journal struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.String()
}

func (j *journal) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(j, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// contextUntil ends with a channel, like a service that is told to stop.
func contextUntil(t *testing.T, stop <-chan struct{}) (context.Context, context.CancelFunc) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		select {
		case <-stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}
