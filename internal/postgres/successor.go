package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"
)

// lookEvery is how often one who joined looks after the owner. Looking is a try for a lock and two small files.
const lookEvery = time.Second

// succeed returns when this process owns the cluster or ctx ends; until then
// it looks whether the owner is still there.
func (i *Instance) succeed(ctx context.Context) error {
	for ctx.Err() == nil && !i.Owned() {
		if err := i.lookAfterOwner(ctx); err != nil {
			return err
		}
		if !i.Owned() {
			_ = wait(ctx, lookEvery) // the end of ctx is seen above
		}
	}
	return nil
}

// lookAfterOwner makes this process the owner if there is none. The lock
// decides: it falls with the process that holds it, however that ends, and
// among several who look one gets it. The server itself is for Run to start.
func (i *Instance) lookAfterOwner(ctx context.Context) error {
	if i.isClosed() {
		return nil
	}
	lock, err := lockFile(i.at.lock)
	if err != nil {
		return fmt.Errorf("private database: %w", err)
	}
	if lock == nil {
		return i.moved() // the owner may be another than before
	}
	i.options.Log.WarnContext(ctx, "the process that ran the private database has ended, this one takes over", "folder", i.at.data)
	next := &Instance{options: i.options, at: i.at, account: i.account, socket: i.socket, lock: lock}
	if err := i.inherit(ctx, next); err != nil {
		return errors.Join(err, lock.Close())
	}
	return nil
}

// inherit prepares the cluster on the side, for that can take long, and adopts what came of it.
func (i *Instance) inherit(ctx context.Context, next *Instance) error {
	if err := i.moved(); err != nil {
		return err
	}
	major, err := i.at.major()
	if err != nil {
		return err
	}
	if major == 0 {
		return fmt.Errorf("%w: folder %s: the cluster is gone", ErrMoved, i.at.data) // a new one would be empty
	}
	if err := next.prepare(ctx); err != nil {
		return err
	}
	if next.secrets != i.secrets {
		return fmt.Errorf("%w: folder %s: the passwords were lost and made anew", ErrMoved, i.at.data)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closed {
		return next.lock.Close()
	}
	i.lock, i.binaries, i.version = next.lock, next.binaries, next.version
	return nil
}

// moved says whether an owner that came since gives out other addresses than those this process was given.
func (i *Instance) moved() error {
	r, err := i.at.readRunning()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil // a server that starts or stops
	case err != nil:
		return fmt.Errorf("private database: %s: %w", i.at.running, err)
	case r.Socket != i.socket:
		return fmt.Errorf("%w: folder %s: its socket is in %s now", ErrMoved, i.at.data, r.Socket)
	}
	s, err := readSecrets(i.at.secrets)
	if err == nil && s != i.secrets {
		return fmt.Errorf("%w: folder %s: its passwords are others now", ErrMoved, i.at.data)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil // the server still knows the old ones
	}
	return err
}

func (i *Instance) isClosed() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.closed
}
