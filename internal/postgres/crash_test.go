//go:build !windows

package postgres_test

import (
	"bytes"
	"fmt"
	"os"
	"syscall"
	"testing"

	"countersign/internal/postgres"
)

func TestCommittedRowsOutliveEveryKill(t *testing.T) {
	t.Parallel()
	for name, kill := range map[string]func(t *testing.T, c *child){
		"Parent": func(t *testing.T, c *child) {
			t.Helper()
			must(t, c.cmd.Process.Kill())
			eventually(t, "the server ended with its parent", func() bool { return !alive(c.postmaster) })
		},
		"Postmaster": func(t *testing.T, c *child) {
			t.Helper()
			must(t, syscall.Kill(c.postmaster, syscall.SIGKILL))
			must(t, c.cmd.Process.Kill())
		},
		"ParentStoppedThenBoth": func(t *testing.T, c *child) {
			t.Helper()
			must(t, c.cmd.Process.Signal(syscall.SIGSTOP)) // nobody collects the postmaster: a zombie stays
			must(t, syscall.Kill(c.postmaster, syscall.SIGKILL))
			eventually(t, "the postmaster is gone", func() bool { return !alive(c.postmaster) })
			must(t, c.cmd.Process.Kill())
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := seeded(t)
			made := open(t, postgres.Options{DataDir: dir})
			exec1(t, made.OwnerDSN(), "CREATE TABLE note (n int)")
			must(t, made.Close())
			for n := range 2 {
				c := startChild(t, dir)
				if !c.owned {
					t.Fatal("the other process does not own the cluster")
				}
				exec1(t, made.OwnerDSN(), fmt.Sprintf("INSERT INTO note VALUES (%d)", n))
				kill(t, c)
				_ = c.cmd.Wait()
			}
			last := open(t, postgres.Options{DataDir: dir})
			if got := ask(t, last.OwnerDSN(), "SELECT string_agg(n::text, ',' ORDER BY n) FROM note"); got != "0,1" {
				t.Errorf("rows: %s", got)
			}
		})
	}
}

func TestStalePIDOfAStrangerIsNoObstacle(t *testing.T) {
	t.Parallel()
	dir := seeded(t)
	i := open(t, postgres.Options{DataDir: dir, Test: true})
	pidFile := dir + "/postgres/data/postmaster.pid"
	content, err := os.ReadFile(pidFile)
	must(t, err)
	must(t, i.Kill())
	// The number went to another process, as it does after a restart of the machine.
	_, rest, _ := bytes.Cut(content, []byte("\n"))
	must(t, os.WriteFile(pidFile, append(fmt.Appendf(nil, "%d\n", os.Getpid()), rest...), 0o600))
	must(t, i.Start(t.Context()))
	exec1(t, i.AppDSN(), "SELECT 1")
}

func TestHalfMadeClusterIsMadeAnew(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	must(t, os.MkdirAll(dir+"/postgres/data.new", 0o755))
	must(t, os.WriteFile(dir+"/postgres/data.new/PG_VERSION", []byte("15\n"), 0o600))
	i := open(t, postgres.Options{DataDir: dir, Test: true})
	exec1(t, i.AppDSN(), "SELECT 1")
}
