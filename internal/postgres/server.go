package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// server is one life of the postmaster.
type server struct {
	cmd  *exec.Cmd
	tail tail
	done chan struct{} // closed when it has ended and all it said is in the tail
}

// errAgain marks a start that fails only because something of the predecessor is still there.
var errAgain = errors.New("the predecessor is not quite gone")

// run starts the postmaster and waits until it takes connections.
func (i *Instance) run(ctx context.Context) (*server, error) {
	args := []string{"-D", i.at.data, "-k", i.socket, "-c", "cluster_name=" + i.at.key}
	for _, s := range i.options.serverSettings() {
		args = append(args, "-c", s)
	}
	s := &server{done: make(chan struct{})}
	s.cmd = i.command(context.WithoutCancel(ctx), "postgres", args...)
	dieWithParent(s.cmd.SysProcAttr)
	out := io.MultiWriter(&s.tail, i.options.ServerLog)
	s.cmd.Stdout, s.cmd.Stderr = out, out
	s.cmd.WaitDelay = time.Second // orphaned children may hold the pipe

	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // the kernel's promise hangs on this thread: it must live as long as the server
		defer runtime.UnlockOSThread()
		defer close(s.done)
		err := s.cmd.Start()
		started <- err
		if err == nil {
			_ = s.cmd.Wait() // how it ended is in ProcessState and in its own words
		}
	}()
	if err := <-started; err != nil {
		return nil, i.explain("start the server", err)
	}
	if err := i.awaitReady(ctx, s); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

// awaitReady knocks until the server answers; recovery after a crash takes as long as it takes.
func (i *Instance) awaitReady(ctx context.Context, s *server) error {
	for {
		conn, err := pgx.Connect(ctx, i.AdminDSN("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		if refused, ok := errors.AsType[*pgconn.PgError](err); ok && strings.HasPrefix(refused.Code, "28") {
			return fmt.Errorf("private database: the passwords in %s are not those of the cluster; remove that file and new ones will be made: %w", i.at.secrets, err)
		}
		t := time.NewTimer(10 * time.Millisecond)
		select {
		case <-s.done:
			t.Stop()
			return s.why(i.at.data)
		case <-ctx.Done():
			t.Stop()
			return fmt.Errorf("private database in %s: %w: %s", i.at.data, context.Cause(ctx), s.tail.lastLines())
		case <-t.C:
		}
	}
}

// why tells from the server's own words why it ended.
func (s *server) why(data string) error {
	said := s.tail.lastLines()
	err := fmt.Errorf("private database in %s ended (%s): %s", data, s.cmd.ProcessState, said)
	for _, passing := range []string{"lock file", "pre-existing shared memory"} {
		if strings.Contains(said, passing) {
			return errors.Join(errAgain, err)
		}
	}
	return err
}

// ended says whether this life is over.
func (s *server) ended() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// stop ends the server: fast, else at once, else by force.
func (s *server) stop() {
	for _, way := range []struct {
		signal   syscall.Signal
		patience time.Duration
	}{{syscall.SIGINT, 30 * time.Second}, {syscall.SIGQUIT, 10 * time.Second}, {syscall.SIGKILL, 10 * time.Second}} {
		_ = s.cmd.Process.Signal(way.signal) // an error means that it is gone
		t := time.NewTimer(way.patience)
		select {
		case <-s.done:
			t.Stop()
			return
		case <-t.C:
		}
	}
}

// command builds a call of one of the programs as the server's account.
func (i *Instance) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	c := i.binaries.command(ctx, name, args...)
	c.Dir = i.at.root
	c.SysProcAttr = attributes(i.account)
	return c
}

// explain turns a bare "permission denied" into the folder that is closed and what to do about it.
func (i *Instance) explain(doing string, err error) error {
	if !errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("private database: %s: %w", doing, err)
	}
	for _, path := range []string{i.at.data, i.at.root, i.binaries.Dir} {
		if at := blockedAt(path, i.account); at != "" {
			return notEntered(at, path, i.account)
		}
	}
	return fmt.Errorf("private database: %s: %w", doing, err)
}

func notEntered(at, path string, a account) error {
	return fmt.Errorf("private database: the server runs as user %s, who must reach %s: %w: %s (open it with chmod o+x %s, or move data_dir elsewhere)",
		a.name, path, ErrNotEntered, at, at)
}

// stopOrphans ends what a killed owner left running. Only a process that holds
// the lock calls it, so whatever runs on this cluster is an orphan.
func (i *Instance) stopOrphans(ctx context.Context) error {
	marks := i.marks()
	if len(marks) == 0 {
		return nil
	}
	for _, way := range []struct {
		signal syscall.Signal
		rounds int
	}{{syscall.SIGINT, 500}, {syscall.SIGQUIT, 500}, {syscall.SIGKILL, 500}} {
		for round := range way.rounds {
			orphans, err := i.orphans(ctx)
			if err != nil {
				return err
			}
			if len(orphans) == 0 {
				return i.dropMarks(ctx, marks)
			}
			if round == 0 {
				i.options.Log.WarnContext(ctx, "stopping processes of the private database that outlived their owner", "count", len(orphans), "signal", way.signal.String())
				signalAll(orphans, way.signal)
			}
			if err := wait(ctx, 20*time.Millisecond); err != nil {
				return err
			}
		}
	}
	return fmt.Errorf("private database: processes on %s do not stop", i.at.data)
}

// orphans are the processes whose command line names this cluster: a
// postmaster by its data folder, its children by the cluster's name.
func (i *Instance) orphans(ctx context.Context) ([]int, error) {
	lines, err := commandLines(ctx)
	if err != nil {
		return nil, err
	}
	var out []int
	for pid, line := range lines {
		program, _, _ := strings.Cut(line, " ")
		postmaster := filepath.Base(program) == "postgres" && strings.Contains(line+" ", " -D "+i.at.data+" ")
		if postmaster || strings.HasPrefix(line, "postgres: "+i.at.key+":") {
			out = append(out, pid)
		}
	}
	return out, nil
}

func signalAll(pids []int, signal syscall.Signal) {
	for _, pid := range pids {
		if p, err := os.FindProcess(pid); err == nil {
			_ = p.Signal(signal) // an error means that it is gone
		}
	}
}

// marks are the files by which a server says that it runs here. They stay behind when it is killed.
func (i *Instance) marks() []string {
	var out []string
	for _, name := range []string{filepath.Join(i.at.data, "postmaster.pid"), filepath.Join(i.socket, ".s.PGSQL.5432.lock")} {
		if _, err := os.Lstat(name); err == nil {
			out = append(out, name)
		}
	}
	return out
}

// dropMarks removes what a dead server left. The server itself would, but not
// when its number now belongs to a stranger, or to a zombie nobody collects.
// Should anything run here after all, the shared memory still tells the server.
func (i *Instance) dropMarks(ctx context.Context, marks []string) error {
	i.options.Log.DebugContext(ctx, "the private database was not stopped properly and will recover", "folder", i.at.data)
	for _, name := range marks {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("private database: %w", err)
		}
	}
	return nil
}
