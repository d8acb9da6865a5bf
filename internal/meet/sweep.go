package meet

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"countersign/internal/ident"
	"countersign/internal/trueconf"
)

// facts are what is known of a room when it is looked whether it is still wanted.
type facts struct {
	room

	Meeting string
	Server  string
	Idle    time.Duration
	Longest time.Duration
	Meant   time.Time
	Made    bool
	Revoked bool
	Here    int       // visitors who have not left, whenever they were heard
	Heard   time.Time // the last of any visitor
}

// why tells why a room is over, if so. With silent the server is asked first: a phone
// that sleeps is not heard, and its owner may be in the talk all the same.
func (f facts) why(now time.Time) (why string, silent bool) {
	quiet := now.Sub(f.Heard)
	switch {
	case f.Revoked:
		return "revoked", false
	case now.Sub(f.Meant) >= f.Longest:
		return "too_old", false
	case f.Here == 0 && quiet >= grace:
		return "left", false
	case quiet >= f.Idle:
		return "idle", true
	default:
		return "", false
	}
}

// Sweep ends the conferences that are over and takes them off their servers. Whatever it
// could not do, or a process left half done, the next sweep does. A server that does not
// answer keeps those of no other, and the sweep is over before the next one begins: others
// wait for its hand.
func (d *Desk) Sweep(ctx context.Context) error {
	ctx, cancel := d.briefly(ctx, 2)
	defer cancel()
	used, err := d.Store.servers(ctx)
	if err != nil {
		return err
	}
	errs := make([]error, len(used))
	var all sync.WaitGroup
	for i, name := range used {
		all.Go(func() { errs[i] = errors.Join(d.rooms(ctx, `r.server = $1`, name), d.strays(ctx, name)) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// rooms ends those that are over of what a condition names, and takes away what has ended.
func (d *Desk) rooms(ctx context.Context, which, arg string) error {
	open, err := d.Store.rooms(ctx, `r.ended_at is null and `+which+` order by r.meant_at`, arg)
	errs := []error{err, few(open, func(f facts) error { return d.judge(ctx, f) })}
	ended, err := d.Store.rooms(ctx, `r.ended_at is not null and r.gone_at is null and `+which+` order by r.ended_at`, arg)
	return errors.Join(append(errs, err, few(ended, func(f facts) error { return d.clear(ctx, f) }))...)
}

// few does something for rooms, a few at a time: one that hangs keeps not all.
func few(all []facts, do func(facts) error) error {
	const atOnce = 4 // as many as a server is asked at a time
	errs := make([]error, len(all))
	var some errgroup.Group
	some.SetLimit(atOnce)
	for i, f := range all {
		some.Go(func() error {
			errs[i] = do(f)
			return nil
		})
	}
	_ = some.Wait() // the faults stand beside it
	return errors.Join(errs...)
}

// sweepOf does at once what the next sweep would, as far as that takes no longer than
// whoever asked for it waits.
func (d *Desk) sweepOf(ctx context.Context, meeting string) {
	ctx, cancel := d.briefly(ctx, 1)
	defer cancel()
	if err := d.rooms(ctx, `m.id = $1`, meeting); err != nil {
		d.Log.WarnContext(ctx, "conference not taken away yet", slog.String("meeting", meeting), slog.Any("error", err))
	}
}

// judge ends a room that is over.
func (d *Desk) judge(ctx context.Context, f facts) error {
	why, silent := f.why(d.now())
	if why == "" || silent && d.guests(ctx, f) {
		return nil
	}
	ended, err := d.Store.finish(ctx, f, d.now())
	if ended {
		d.Log.InfoContext(ctx, "conference over", slog.String("room", f.ID), slog.String("why", why))
	}
	return err
}

// guests reports whether the server has a guest in the conference, or cannot say.
func (d *Desk) guests(ctx context.Context, f facts) bool {
	srv := d.Servers[f.Server]
	if srv == nil {
		return false
	}
	c, err := srv.Conference(ctx, f.conference)
	if err == nil && c.Running {
		var there []trueconf.Participant
		there, err = srv.Participants(ctx, c)
		if slices.ContainsFunc(there, func(p trueconf.Participant) bool { return p.Guest }) {
			return true
		}
	}
	return err != nil && trueconf.KindOf(err) != trueconf.NotFound
}

// settles is for how long a conference that nobody noted to be there may still appear:
// its visitor's request may be on its way.
const settles = 5 * time.Minute

// clear takes an ended conference off its server.
func (d *Desk) clear(ctx context.Context, f facts) error {
	srv := d.Servers[f.Server]
	if srv == nil {
		return nil // the server is in the settings no more; it is looked for as long as the meeting is kept
	}
	if err := gone(ctx, srv, f.conference); err != nil {
		return err
	}
	return d.Store.cleared(ctx, f.ID, d.now())
}

// strays takes away what runs on a server with the mark of a room that is no more, under
// whatever id the server gave it. What is marked by another house is not touched.
func (d *Desk) strays(ctx context.Context, server string) error {
	srv := d.Servers[server]
	if srv == nil {
		return nil
	}
	running, err := srv.Running(ctx)
	errs := []error{err}
	for _, c := range running {
		errs = append(errs, d.stray(ctx, srv, c))
	}
	return errors.Join(errs...)
}

func (d *Desk) stray(ctx context.Context, srv *trueconf.Server, c trueconf.Conference) error {
	i := slices.IndexFunc(c.Tags, func(t string) bool { return ident.Valid("mrm", t) })
	if i < 0 || c.ID == "" {
		return nil
	}
	ours, err := d.Store.unwanted(ctx, c.Tags[i], c.ID)
	if err != nil || !ours {
		return err
	}
	return gone(ctx, srv, c.ID)
}
