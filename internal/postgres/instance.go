package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Instance is a private cluster that is running: one's own, or one joined.
type Instance struct {
	options Options
	at      layout
	account account
	// The addresses are made of these two. They are those of the cluster for as long as the instance lives.
	secrets Secrets
	socket  string

	mu       sync.Mutex // guards what follows; held while starting and stopping
	lock     *os.File   // nil when joined
	binaries Binaries
	version  string
	server   *server
	stopped  bool // on purpose
	closed   bool
}

// Owned says whether this process runs the server; one that joined does not, until it takes over.
func (i *Instance) Owned() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.lock != nil
}

// Version is that of the server, like "15.18".
func (i *Instance) Version() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.version
}

// Binaries are the programs that run the server; empty when joined.
func (i *Instance) Binaries() Binaries {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.binaries
}

// Socket is the folder of the server's socket.
func (i *Instance) Socket() string { return i.socket }

// AdminDSN is the address of a database as the superuser. It is for making
// roles and databases; neither migrations nor the service use it.
func (i *Instance) AdminDSN(database string) string {
	return dsn(i.socket, AdminRole, i.secrets.Admin, database)
}

// OwnerDSN is the address for migrations.
func (i *Instance) OwnerDSN() string { return dsn(i.socket, OwnerRole, i.secrets.Owner, Database) }

// AppDSN is the address for the service.
func (i *Instance) AppDSN() string { return dsn(i.socket, AppRole, i.secrets.App, Database) }

// Passwords are those of the cluster's roles, for a database made beside the service's own.
func (i *Instance) Passwords() Secrets { return i.secrets }

// Tail is the last that the server said; empty when joined.
func (i *Instance) Tail() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.server == nil {
		return ""
	}
	return i.server.tail.String()
}

// Run keeps the server up until ctx ends: one that dies is started again. It
// does not stop the server; Close does. A joined cluster whose owner has ended
// is taken over: the same addresses work again. Where that cannot be, Run
// returns an error, and the process had better be started anew.
func (i *Instance) Run(ctx context.Context) error {
	if err := i.succeed(ctx); err != nil && ctx.Err() == nil {
		return err
	}
	for i.watch(ctx); ctx.Err() == nil; i.watch(ctx) {
		if err := i.revive(ctx); err != nil && wait(ctx, time.Second) == nil {
			i.options.Log.ErrorContext(ctx, "the private database does not come back, trying again", "error", err)
		}
	}
	return nil
}

// watch blocks while the server lives or is stopped on purpose.
func (i *Instance) watch(ctx context.Context) {
	for {
		i.mu.Lock()
		s, stopped := i.server, i.stopped
		i.mu.Unlock()
		switch {
		case stopped:
			if wait(ctx, 100*time.Millisecond) != nil {
				return
			}
			continue
		case s == nil:
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-s.done:
			if !i.stoppedOnPurpose() {
				return
			}
		}
	}
}

func (i *Instance) stoppedOnPurpose() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.stopped
}

// revive starts a server that ended by itself.
func (i *Instance) revive(ctx context.Context) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.stopped || i.closed || i.server != nil && !i.server.ended() {
		return nil
	}
	if i.server != nil {
		i.options.Log.ErrorContext(ctx, "the private database ended by itself, starting it again", "said", i.server.tail.lastLines())
	}
	return i.start(ctx)
}

// Start brings a stopped or killed server back; one that runs is left alone.
func (i *Instance) Start(ctx context.Context) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.lock == nil || i.closed {
		return fmt.Errorf("start the private database: this process does not own it: %w", ErrHeld)
	}
	if i.server != nil && !i.server.ended() {
		return nil
	}
	i.stopped = false
	return i.start(ctx)
}

func (i *Instance) start(ctx context.Context) error {
	err := ownedDir(i.socket, i.account) // cleaners of temporary files may have been there
	if err != nil {
		return fmt.Errorf("private database: %w", err)
	}
	// The memory of a dying predecessor is there for a moment.
	for range 60 {
		if err = i.stopOrphans(ctx); err != nil {
			return err
		}
		i.server, err = i.run(ctx)
		if !errors.Is(err, errAgain) {
			break
		}
		if waiting := wait(ctx, 250*time.Millisecond); waiting != nil {
			return errors.Join(err, waiting)
		}
	}
	if err != nil {
		return err
	}
	if err := i.furnish(ctx); err != nil {
		i.server.stop()
		return err
	}
	if err := i.at.writeRunning(runningServer{Socket: i.socket, Version: i.version, PID: os.Getpid()}); err != nil {
		i.server.stop()
		return fmt.Errorf("private database: %w", err)
	}
	i.options.Log.InfoContext(ctx, "private database is up", "folder", i.at.data, "postgres", i.version, "socket", i.socket, "user", i.account.name)
	return nil
}

// furnish makes sure of roles and database.
func (i *Instance) furnish(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, i.AdminDSN("postgres"))
	if err != nil {
		return fmt.Errorf("private database: %w", err)
	}
	err = EnsureRoles(ctx, conn, i.secrets)
	if err == nil {
		err = EnsureDatabase(ctx, conn, Database)
	}
	if closing := conn.Close(ctx); err == nil {
		err = closing
	}
	if err != nil {
		return fmt.Errorf("private database: %w", err)
	}
	return nil
}

// Stop ends the server and keeps the cluster: nobody else can take it.
func (i *Instance) Stop() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.stop()
}

func (i *Instance) stop() error {
	if i.lock == nil || i.server == nil || i.stopped {
		return nil
	}
	i.stopped = true
	err := os.Remove(i.at.running)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	i.server.stop()
	if !i.server.ended() {
		err = errors.Join(err, fmt.Errorf("private database in %s does not stop", i.at.data))
	}
	return err
}

// Kill ends the postmaster as a fault would, without a word. It is for tests of what follows.
func (i *Instance) Kill() error {
	i.mu.Lock()
	s := i.server
	i.mu.Unlock()
	if s == nil { // joined, or not started
		return nil
	}
	if err := s.cmd.Process.Signal(syscall.SIGKILL); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill the private database: %w", err)
	}
	<-s.done
	return nil
}

// PID is the postmaster's process, 0 when this process does not run one.
func (i *Instance) PID() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.server == nil || i.server.ended() {
		return 0
	}
	return i.server.cmd.Process.Pid
}

// Close stops a server that is one's own and lets go of the cluster; a joined one stays as it is.
func (i *Instance) Close() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closed {
		return nil // the cluster may be another's by now
	}
	i.closed = true
	if i.lock == nil {
		return nil
	}
	err := i.stop()
	if i.socket != "" && !strings.HasPrefix(i.socket, i.at.root) {
		err = errors.Join(err, os.RemoveAll(i.socket)) // a folder for temporary files is not ours to fill
	}
	return errors.Join(err, i.lock.Close())
}
