//go:build !windows

package postgres_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/postgres"
)

func TestFirstOpenMakesAClusterThatLaterOpensKeep(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	first := open(t, postgres.Options{DataDir: dir})
	if !first.Owned() || first.PID() == 0 {
		t.Fatalf("owned %t, pid %d", first.Owned(), first.PID())
	}
	mustNotBeRoots(t, dir)
	exec1(t, first.OwnerDSN(), "CREATE TABLE note (text text); GRANT SELECT ON note TO countersign_app; INSERT INTO note VALUES ('kept')")
	must(t, first.Close())
	must(t, first.Close()) // twice does no harm

	second := open(t, postgres.Options{DataDir: dir})
	if got := ask(t, second.AppDSN(), "SELECT text FROM note"); got != "kept" {
		t.Errorf("after a restart the table holds %q", got)
	}
	if got := ask(t, second.AppDSN(), "SHOW server_version"); !strings.HasPrefix(got, second.Version()) || second.Version() == "" {
		t.Errorf("version is %q, the server says %q", second.Version(), got)
	}
	if diff := cmp.Diff(first.AppDSN(), second.AppDSN()); diff != "" {
		t.Error("the address changed:", diff)
	}
}

func TestServerIsReachedOnlyThroughAClosedSocketWithAPassword(t *testing.T) {
	t.Parallel()
	i, err := shared()
	must(t, err)
	if got := ask(t, i.AppDSN(), "SHOW listen_addresses"); got != "" {
		t.Errorf("it listens on %q", got)
	}
	info, err := os.Stat(i.Socket())
	must(t, err)
	if info.Mode().Perm() != 0o700 {
		t.Errorf("the socket's folder has mode %v", info.Mode())
	}
	for _, role := range []string{postgres.AdminRole, postgres.OwnerRole, postgres.AppRole} {
		for _, password := range []string{"", "wrong"} {
			dsn := fmt.Sprintf("host=%s user=%s password='%s' dbname=postgres", i.Socket(), role, password)
			if err := try(t, dsn, "SELECT 1"); err == nil {
				t.Errorf("%s came in with password %q", role, password)
			}
		}
	}
}

func TestRolesHoldOnlyTheRightsTheyNeed(t *testing.T) {
	t.Parallel()
	i, err := shared()
	must(t, err)
	exec1(t, i.OwnerDSN(), "CREATE TABLE owned (n int)")
	for _, refused := range []string{
		"CREATE TABLE mine (n int)",
		"CREATE SCHEMA mine",
		"SELECT * FROM owned",
		"DROP TABLE owned",
		"CREATE ROLE other",
		"CREATE DATABASE other",
		"SET ROLE countersign_owner",
		"COPY (SELECT 1) TO PROGRAM 'true'",
	} {
		if try(t, i.AppDSN(), refused) == nil {
			t.Errorf("the service's role may: %s", refused)
		}
	}
	for _, refused := range []string{"CREATE ROLE other", "CREATE DATABASE other", "SET ROLE countersign_admin", "COPY (SELECT 1) TO PROGRAM 'true'"} {
		if try(t, i.OwnerDSN(), refused) == nil {
			t.Errorf("the owner's role may: %s", refused)
		}
	}
	exec1(t, i.OwnerDSN(), "CREATE SCHEMA jobs; CREATE EXTENSION pg_trgm")
	exec1(t, i.OwnerDSN(), "CREATE TEMPORARY TABLE scratch (n int)")
	if got := ask(t, i.AppDSN(), "SELECT lower('ВИЗА Ä')"); got != "виза ä" {
		t.Errorf("letters beyond ASCII are not understood: %q", got)
	}
}

func TestPasswordsStayInTheirFile(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	var log, said journal
	i := open(t, postgres.Options{DataDir: dir, Test: true, Log: log.logger(), ServerLog: &said, Settings: map[string]string{"log_statement": "all"}})
	s := i.Passwords()
	info, err := os.Stat(filepath.Join(dir, "postgres", "passwords.json"))
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the file has mode %v", info.Mode())
	}
	missing := try(t, strings.Replace(i.AppDSN(), "/countersign?", "/elsewhere?", 1), "SELECT 1")
	if missing == nil {
		t.Fatal("a database that does not exist was reached")
	}
	log.logger().Info("secrets", "s", s)
	heard := log.String() + said.String() + i.Tail() + missing.Error() + fmt.Sprintf("%v %+v %#v %s", s, s, s, s)
	if !strings.Contains(heard, "private database is up") || !strings.Contains(said.String(), "ROLE countersign_app") {
		t.Fatal("nothing was heard, so nothing was checked")
	}
	for _, secret := range []string{s.Admin, s.Owner, s.App} {
		if len(secret) < 26 || strings.Contains(heard, secret) {
			t.Errorf("a password of %d letters is weak or was told", len(secret))
		}
	}
}

func TestLostPasswordsAreReplaced(t *testing.T) {
	t.Parallel()
	dir := seeded(t)
	first := open(t, postgres.Options{DataDir: dir, Test: true})
	exec1(t, first.OwnerDSN(), "CREATE TABLE kept ()")
	must(t, first.Close())
	must(t, os.Remove(filepath.Join(dir, "postgres", "passwords.json")))

	second := open(t, postgres.Options{DataDir: dir, Test: true})
	if second.AppDSN() == first.AppDSN() {
		t.Error("the password is the old one")
	}
	exec1(t, second.OwnerDSN(), "DROP TABLE kept")
	if try(t, first.AppDSN(), "SELECT 1") == nil {
		t.Error("the old password still works")
	}
}

func TestForeignPasswordsAreNamedAsTheCause(t *testing.T) {
	t.Parallel()
	dir := seeded(t)
	file := filepath.Join(dir, "postgres", "passwords.json")
	must(t, os.WriteFile(file, []byte(`{"admin":"a","owner":"b","app":"c","salt":"d"}`), 0o600))
	_, err := postgres.Open(t.Context(), postgres.Options{DataDir: dir, Test: true})
	if err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("got %v", err)
	}
	must(t, os.WriteFile(file, []byte(`{"admin":"topsecret"`), 0o600))
	_, err = postgres.Open(t.Context(), postgres.Options{DataDir: dir, Test: true})
	if err == nil || !strings.Contains(err.Error(), "damaged") || strings.Contains(err.Error(), "topsecret") {
		t.Errorf("got %v", err)
	}
}

func TestSecondOpenJoinsAndStopsNothing(t *testing.T) {
	t.Parallel()
	dir := seeded(t)
	other := startChild(t, dir)
	joined := open(t, postgres.Options{DataDir: dir + "/../d"})
	if joined.Owned() || !other.owned {
		t.Fatalf("owned here %t, there %t", joined.Owned(), other.owned)
	}
	exec1(t, joined.OwnerDSN(), "CREATE TABLE kept ()")
	must(t, joined.Close())
	must(t, joined.Kill())
	must(t, joined.Stop())
	if err := joined.Start(t.Context()); !errors.Is(err, postgres.ErrHeld) {
		t.Errorf("start of a joined cluster: %v", err)
	}
	exec1(t, joined.OwnerDSN(), "DROP TABLE kept")

	other.end(t)
	next := open(t, postgres.Options{DataDir: dir})
	if !next.Owned() {
		t.Error("nobody owns it now, and still it was only joined")
	}
}

func TestOfManyThatOpenAtOnceOneOwns(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	var wg sync.WaitGroup
	opened := make([]*postgres.Instance, 3)
	errs := make([]error, len(opened))
	for n := range opened {
		wg.Go(func() { opened[n], errs[n] = postgres.Open(t.Context(), postgres.Options{DataDir: dir, Test: true}) })
	}
	other := startChild(t, dir)
	wg.Wait()
	must(t, errors.Join(errs...))
	owners := 0
	if other.owned {
		owners++
	}
	for _, i := range opened {
		exec1(t, i.AppDSN(), "SELECT 1")
		if i.Owned() {
			owners++
		}
	}
	if owners != 1 {
		t.Errorf("%d own the cluster", owners)
	}
	for _, i := range opened {
		must(t, i.Close())
	}
}

func TestHeldClusterThatDoesNotAnswerIsAnError(t *testing.T) {
	t.Parallel()
	dir := seeded(t)
	i := open(t, postgres.Options{DataDir: dir, Test: true})
	must(t, i.Stop()) // the lock stays
	_, err := postgres.Open(t.Context(), postgres.Options{DataDir: dir, JoinTimeout: 200 * time.Millisecond})
	if !errors.Is(err, postgres.ErrHeld) {
		t.Errorf("got %v", err)
	}
	must(t, i.Start(t.Context()))
	if open(t, postgres.Options{DataDir: dir}).Owned() {
		t.Error("it was not joined")
	}
}

func TestLongDataDirPutsTheSocketElsewhere(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(dataDir(t), strings.Repeat("long/", 12), strings.Repeat("x", 60))
	must(t, os.MkdirAll(filepath.Dir(dir), 0o755))
	must(t, os.Rename(seeded(t), dir)) // a cluster may also be moved
	i := open(t, postgres.Options{DataDir: dir, Test: true})
	if strings.HasPrefix(i.Socket(), dir) || len(i.Socket()) > 89 {
		t.Errorf("socket in %s", i.Socket())
	}
	exec1(t, i.AppDSN(), "SELECT 1")
	joined := open(t, postgres.Options{DataDir: dir})
	if joined.Owned() || joined.AppDSN() != i.AppDSN() {
		t.Errorf("joined at %s", joined.Socket())
	}
	must(t, i.Close())
	if _, err := os.Stat(i.Socket()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket's folder stays behind: %v", err)
	}
}

// mustNotBeRoots checks that the server's account is not root, whoever runs the tests.
func mustNotBeRoots(t *testing.T, dir string) {
	t.Helper()
	info, err := os.Stat(filepath.Join(dir, "postgres", "data"))
	must(t, err)
	owner := info.Sys().(*syscall.Stat_t).Uid
	want := os.Geteuid()
	if want == 0 {
		u, err := user.Lookup("postgres")
		if err != nil {
			u, err = user.Lookup("nobody")
		}
		must(t, err)
		want, err = strconv.Atoi(u.Uid)
		must(t, err)
	}
	if int(owner) != want || owner == 0 {
		t.Errorf("the cluster belongs to %d, want %d", owner, want)
	}
}

func TestClosedParentIsNamed(t *testing.T) {
	t.Parallel()
	parent := dataDir(t)
	must(t, os.Mkdir(parent, 0o700))
	want := postgres.ErrNotEntered
	if os.Geteuid() != 0 {
		want = fs.ErrPermission // no rights are handed over: make a folder closed to ourselves
		must(t, os.Chmod(parent, 0o500))
	}
	_, err := postgres.Open(t.Context(), postgres.Options{DataDir: filepath.Join(parent, "d"), Test: true})
	if !errors.Is(err, want) || !strings.Contains(err.Error(), parent) {
		t.Errorf("got %v", err)
	}
}

func TestRunStartsADeadServerAgain(t *testing.T) {
	t.Parallel()
	i := open(t, postgres.Options{DataDir: seeded(t)})
	exec1(t, i.OwnerDSN(), "CREATE TABLE note (n int); GRANT ALL ON note TO countersign_app")
	ran := make(chan error, 1)
	stop := make(chan struct{})
	ctx, cancel := contextUntil(t, stop)
	defer cancel()
	go func() { ran <- i.Run(ctx) }()
	for n := range 3 {
		exec1(t, i.AppDSN(), fmt.Sprintf("INSERT INTO note VALUES (%d)", n))
		must(t, i.Kill())
		eventually(t, "the server is back", func() bool { return try(t, i.AppDSN(), "SELECT 1") == nil })
	}
	if got := ask(t, i.AppDSN(), "SELECT count(*)::text FROM note"); got != "3" {
		t.Errorf("%s of 3 rows are there", got)
	}
	must(t, i.Stop()) // on purpose: Run lets it be
	if try(t, i.AppDSN(), "SELECT 1") == nil {
		t.Error("it still answers")
	}
	must(t, i.Start(t.Context()))
	close(stop)
	must(t, <-ran)
	exec1(t, i.AppDSN(), "SELECT 1") // the end of Run is not the end of the server
}
