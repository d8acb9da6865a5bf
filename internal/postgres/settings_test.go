//go:build !windows

package postgres_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"countersign/internal/postgres"
)

func TestPrivateServerKeepsItsPromises(t *testing.T) {
	t.Parallel()
	i, err := shared()
	must(t, err)
	conn, err := pgx.Connect(t.Context(), i.AppDSN())
	must(t, err)
	defer conn.Close(t.Context())
	got, err := postgres.Settings(t.Context(), conn)
	must(t, err)
	want := postgres.ServerSettings{
		Fsync: true, FullPageWrites: true, DataChecksums: true, SynchronousCommit: "on",
		DefaultIsolation: "read committed", IdleInTransactionTimeout: 10 * time.Second,
	}
	if !strings.HasPrefix(got.ServerVersion, i.Version()) || got.ServerVersionNum < postgres.MinMajor*10000 {
		t.Errorf("version %q, %d", got.ServerVersion, got.ServerVersionNum)
	}
	want.ServerVersion, want.ServerVersionNum = got.ServerVersion, got.ServerVersionNum
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if d := got.Dangers(); len(d) > 0 || got.Class() != "local" {
		t.Errorf("class %s, dangers %q", got.Class(), d)
	}
}

func TestTestServerIsCalledUnsafe(t *testing.T) {
	t.Parallel()
	i := open(t, postgres.Options{DataDir: seeded(t), Test: true})
	conn, err := pgx.Connect(t.Context(), i.AdminDSN("postgres"))
	must(t, err)
	defer conn.Close(t.Context())
	got, err := postgres.Settings(t.Context(), conn)
	must(t, err)
	words := strings.Join(got.Dangers(), "\n")
	for _, word := range []string{"fsync is off", "full_page_writes is off", "superuser"} {
		if !strings.Contains(words, word) {
			t.Errorf("nothing about %q in:\n%s", word, words)
		}
	}
	if got.Class() != "unsafe" || got.SynchronousCommit != "on" {
		t.Errorf("class %s, synchronous_commit %s", got.Class(), got.SynchronousCommit)
	}
}

func TestEveryDangerHasItsWords(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(s *postgres.ServerSettings)
		word   string
		class  string
	}{
		"Good":             {func(*postgres.ServerSettings) {}, "", "local"},
		"Replicated":       {func(s *postgres.ServerSettings) { s.SynchronousStandbyNames = "*" }, "", "replicated"},
		"RemoteApply":      {func(s *postgres.ServerSettings) { s.SynchronousStandbyNames, s.SynchronousCommit = "*", "remote_apply" }, "", "replicated"},
		"LocalBesideNames": {func(s *postgres.ServerSettings) { s.SynchronousStandbyNames, s.SynchronousCommit = "*", "local" }, "standbys are named", "local"},
		"Fsync":            {func(s *postgres.ServerSettings) { s.Fsync = false }, "fsync is off", "unsafe"},
		"FullPageWrites":   {func(s *postgres.ServerSettings) { s.FullPageWrites = false }, "full_page_writes is off", "unsafe"},
		"Commit":           {func(s *postgres.ServerSettings) { s.SynchronousCommit = "off" }, "synchronous_commit is off", "unsafe"},
		"Checksums":        {func(s *postgres.ServerSettings) { s.DataChecksums = false }, "checksums", "local"},
		"Idle":             {func(s *postgres.ServerSettings) { s.IdleInTransactionTimeout = 0 }, "idle_in_transaction", "local"},
		"Standby":          {func(s *postgres.ServerSettings) { s.InRecovery = true }, "standby", "local"},
		"Superuser":        {func(s *postgres.ServerSettings) { s.Superuser = true }, "superuser", "local"},
		"Old":              {func(s *postgres.ServerSettings) { s.ServerVersion, s.ServerVersionNum = "13.9", 130009 }, "13.9", "local"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := postgres.ServerSettings{
				ServerVersion: "15.18", ServerVersionNum: 150018, Fsync: true, FullPageWrites: true, DataChecksums: true,
				SynchronousCommit: "on", IdleInTransactionTimeout: time.Second,
			}
			c.change(&s)
			d := s.Dangers()
			if c.word == "" && len(d) != 0 || c.word != "" && (len(d) != 1 || !strings.Contains(d[0], c.word)) {
				t.Errorf("dangers %q, want one about %q", d, c.word)
			}
			if s.Class() != c.class {
				t.Errorf("class %s, want %s", s.Class(), c.class)
			}
		})
	}
}
