package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
)

// Open returns the running cluster of a data folder. Where no process runs it
// yet, this one makes it if need be, starts it and owns it; where another
// process of the same user does, this one joins.
func Open(ctx context.Context, o Options) (*Instance, error) {
	if !supported {
		return nil, ErrUnsupported
	}
	o = o.withDefaults()
	at, err := newLayout(o.DataDir)
	if err != nil {
		return nil, err
	}
	a, err := chooseAccount(at.data)
	if err != nil {
		return nil, err
	}
	if err := at.make(a); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	patience := time.AfterFunc(o.JoinTimeout, cancel)
	for {
		lock, err := lockFile(at.lock)
		if err != nil {
			return nil, fmt.Errorf("private database: %w", err)
		}
		if lock != nil {
			// From here on only the caller's patience counts: recovery is not to be cut short.
			if !patience.Stop() {
				return nil, errors.Join(heldError(at, context.Cause(ctx)), lock.Close())
			}
			return own(ctx, &Instance{options: o, at: at, account: a, lock: lock})
		}
		joined, joinErr := join(ctx, &Instance{options: o, at: at, account: a})
		if joinErr == nil {
			return joined, nil
		}
		if wait(ctx, 50*time.Millisecond) != nil {
			return nil, heldError(at, joinErr)
		}
	}
}

func heldError(at layout, why error) error {
	return fmt.Errorf("%w: folder %s: %w", ErrHeld, at.root, why)
}

// join asks the running file where the server listens and tries the service's own role there.
func join(ctx context.Context, i *Instance) (*Instance, error) {
	r, err := i.at.readRunning()
	if err != nil {
		return nil, err
	}
	if i.secrets, err = readSecrets(i.at.secrets); err != nil {
		return nil, err
	}
	i.socket, i.version = r.Socket, r.Version
	conn, err := pgx.Connect(ctx, i.AppDSN())
	if err != nil {
		return nil, err
	}
	if err := conn.Close(ctx); err != nil {
		return nil, err
	}
	i.options.Log.InfoContext(ctx, "using the private database that another process runs", "folder", i.at.data, "pid", r.PID)
	return i, nil
}

// own makes and starts the cluster for a process that holds its lock.
func own(ctx context.Context, i *Instance) (*Instance, error) {
	err := i.prepare(ctx)
	if err == nil {
		err = i.Start(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, i.Close())
	}
	return i, nil
}

// prepare brings programs, passwords and cluster together.
func (i *Instance) prepare(ctx context.Context) error {
	if err := os.Remove(i.at.running); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("private database: %w", err)
	}
	if at := blockedAt(i.at.root, i.account); at != "" {
		return notEntered(at, i.at.root, i.account)
	}
	major, err := i.at.major()
	if err != nil {
		return err
	}
	if i.binaries, err = i.options.Finder.Find(ctx, major); err != nil {
		if !errors.Is(err, ErrNoServer) || i.options.Finder.Setting != "" {
			return err
		}
		if i.binaries, err = i.options.Fetcher.fetch(ctx, major, i.account, err); err != nil {
			return err
		}
	}
	i.version = i.binaries.Version
	if i.socket == "" { // a successor keeps its predecessor's
		if i.socket, err = i.at.socketDir(i.account); err != nil {
			return err
		}
	}
	secrets, made, err := ensureSecrets(i.at.secrets)
	if err != nil {
		return err
	}
	i.secrets = secrets
	if major == 0 {
		return i.initialize(ctx)
	}
	if made {
		if err := i.stopOrphans(ctx); err != nil {
			return err
		}
		return i.resetAdmin(ctx)
	}
	return nil
}
