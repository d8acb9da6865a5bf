package videodesk

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"time"

	"countersign/internal/notice"
	"countersign/internal/people"
	"countersign/internal/trueconf"
)

// doubt is how long an act may be under way: whoever began it is at work for no longer.
const doubt = actionTime + 15*time.Second

// Settle finds out how the acts ended whose outcome nobody wrote down: the process was
// killed, or the server gave no answer. It looks, and stops nothing.
func (d *Desk) Settle(ctx context.Context) error { return d.each(ctx, d.settleOf) }

// settleOf does so for the servers of a lane.
func (d *Desk) settleOf(ctx context.Context, l lane) error {
	open, err := d.Store.open(ctx, doubt)
	if err != nil {
		return err
	}
	return few(d, open, l, func(a Act) string { return a.Server }, func(a Act) error {
		how, fault, known := d.look(ctx, a)
		if !known {
			return nil
		}
		return d.settle(ctx, a, how, fault)
	})
}

// settle writes down how an act ended, and tells whoever asked for it.
func (d *Desk) settle(ctx context.Context, a Act, how Outcome, fault string) error {
	key := map[Outcome]string{Done: "video.told.stopped", Over: "video.told.over", Other: "video.told.over", Failed: "video.told.failed"}[how]
	if _, there := d.server(a.Server); !there {
		key = "video.told.orphaned"
	}
	err := d.Store.settle(ctx, a, how, fault, func(tx notice.Execer) error { return d.tell(ctx, tx, a.Person, key, a) })
	d.Notices.Bell.Ring()
	return err
}

// tell lets somebody know of an act, once the transaction is committed.
func (d *Desk) tell(ctx context.Context, tx notice.Execer, who people.ID, key string, a Act) error {
	_, err := d.Notices.Add(ctx, tx, notice.New{Class: notice.Info, To: notice.To{People: []people.ID{who}}, Body: notice.Body{
		Key: key, Data: map[string]string{"Topic": cmp.Or(a.Topic, numberOf(a.Session)), "Server": line(a.Server, mostTopic)},
	}})
	return err
}

// look finds out what became of an act; false while the server does not say.
func (d *Desk) look(ctx context.Context, a Act) (how Outcome, fault string, known bool) {
	s, there := d.server(a.Server)
	if !there {
		return Failed, "the server is not in the configuration any more", true
	}
	ctx, cancel := d.briefly(ctx)
	defer cancel()
	c, err := s.Conference(ctx, a.Conference)
	switch {
	case trueconf.KindOf(err) == trueconf.NotFound && err != nil:
		return Done, "", true
	case err != nil:
		d.Log.WarnContext(ctx, "not known yet how an act ended", slog.String("act", a.ID), slog.Any("error", err))
		return "", "", false
	case c.Running && c.Session == "": // it may be this one
		return "", "", false
	case c.Running && c.Session == a.Session:
		return Failed, fmt.Sprintf("looked at later, session %s runs still", a.Session), true
	}
	return Done, "", true
}
