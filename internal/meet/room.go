package meet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"countersign/internal/trueconf"
)

// room is a conference of a meeting.
type room struct {
	ID         string
	conference string // id on the server; the room's own, unless the server had its way
	made       bool   // it runs, as far as we know
}

// tag marks ours on a server, for its administrators.
const tag = "countersign"

// errOver: the room was ended while it was being made.
var errOver = errors.New("the conference has ended")

// stand sees to it that the conference of a room is there and runs. What was done before,
// by a process that died or by another visitor, is done no second time.
func (d *Desk) stand(ctx context.Context, srv *trueconf.Server, e *entry) error {
	r := &e.room
	if !r.made {
		if err := d.create(ctx, srv, e); err != nil {
			return err
		}
	}
	c, err := srv.Conference(ctx, r.conference)
	if err == nil && !c.Running {
		err = srv.Run(ctx, r.conference)
	}
	if err != nil {
		return err
	}
	err = d.Store.runs(ctx, e, d.now())
	if errors.Is(err, errOver) { // whoever ended it may have looked before it was there
		d.remove(ctx, srv, *r)
	}
	return err
}

// create asks for the conference. One that has our id is ours: nobody else knows it.
func (d *Desk) create(ctx context.Context, srv *trueconf.Server, e *entry) error {
	r := &e.room
	c, err := srv.Create(ctx, trueconf.Room{
		ID: r.conference, Topic: e.Topic, Owner: e.Owner, Invited: []string{e.Owner}, Call: true, Guests: true, Tags: []string{tag, r.ID},
	})
	switch {
	case trueconf.KindOf(err) == trueconf.BadRequest:
		if _, there := srv.Conference(ctx, r.conference); there == nil {
			return nil
		}
		return err
	case err != nil:
		return err
	case c.ID != "" && c.ID != r.conference:
		r.conference = c.ID
		return d.Store.called(ctx, *r)
	default:
		return nil
	}
}

// remove takes a conference off its server. It reports whether it is gone for good.
func (d *Desk) remove(ctx context.Context, srv *trueconf.Server, r room) bool {
	err := gone(ctx, srv, r.conference)
	if err != nil {
		d.Log.WarnContext(ctx, "conference not taken away yet", slog.String("room", r.ID), slog.Any("error", err))
	}
	return err == nil
}

// gone stops a conference and deletes it, as far as it is there.
func gone(ctx context.Context, srv *trueconf.Server, id string) error {
	c, err := srv.Conference(ctx, id)
	if trueconf.KindOf(err) == trueconf.NotFound {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look at a conference: %w", err)
	}
	if c.Running {
		err := srv.Stop(ctx, c)
		untold := trueconf.KindOf(err) == trueconf.NotSupported // which session runs; the room is ours alone, so it may go with whatever is in it
		if err != nil && !untold && !errors.Is(err, trueconf.ErrNotRunning) {
			return fmt.Errorf("stop a conference: %w", err)
		}
	}
	if err := srv.Delete(ctx, id); err != nil && trueconf.KindOf(err) != trueconf.NotFound {
		return fmt.Errorf("delete a conference: %w", err)
	}
	return nil
}

// over ends the room of a conference that its server does not have any more, so that the
// next visitor gets another.
func (d *Desk) over(ctx context.Context, r room) error {
	return d.Store.close(ctx, r.ID, "gone", d.now())
}
