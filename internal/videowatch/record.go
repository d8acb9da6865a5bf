package videowatch

import (
	"context"
	"time"

	"countersign/internal/deed"
	"countersign/internal/ident"
)

// stopOf is the lasting record of one attempt at a stop, which is the gateway's own. It is
// known by when it was written down: whoever ends it may be another process.
func stopOf(server, session string, at time.Time) deed.Deed {
	return deed.Deed{
		ID: ident.Of("vdd", "stop", server, session, at.UTC().Format(time.RFC3339Nano)), At: at, What: deed.Stop, Server: server, Session: session, People: -1,
	}
}

// noteSteps records that a stop begins, and that one before it came to nothing: whoever was
// at it died, and the session runs.
func noteSteps(ctx context.Context, tx Tx, server string, before session, x seen) error {
	d := func(at time.Time) deed.Deed {
		d := stopOf(server, x.Session, at)
		d.Conference, d.Topic, d.Owner, d.People, d.Recording = x.c.ID, x.c.Topic, x.c.Owner, x.people, x.c.Recording.Known()
		return d
	}
	if at := before.StopAt; !at.IsZero() && before.Outcome == "" && !at.Equal(x.StopAt) {
		was := d(at)
		was.Outcome, was.Fault = deed.Failed, "cut off"
		if err := deed.Note(ctx, tx, was); err != nil {
			return err
		}
	}
	if x.step != stop {
		return nil
	}
	return deed.Note(ctx, tx, d(x.StopAt))
}

// noteEnd records how a stop ended.
func noteEnd(ctx context.Context, tx Tx, server string, e end, r receipt) error {
	d := stopOf(server, e.session, r.stopAt)
	d.Conference, d.Topic, d.Owner, d.Fault = r.conference, r.topic, r.owner, e.fault
	switch {
	case e.unused:
		d.Outcome = deed.CalledOff
	case e.outcome == stopped:
		d.Outcome = deed.Done
	case e.outcome == over:
		d.Outcome = deed.Over
	case e.outcome == failed:
		d.Outcome = deed.Failed
	default:
		d.Outcome = deed.Unclear
	}
	return deed.Note(ctx, tx, d)
}
