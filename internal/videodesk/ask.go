package videodesk

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"countersign/internal/ledger"
	"countersign/internal/trueconf"
)

// ask posts a stop to be approved. Whoever taps twice, or after another, is shown the
// request that waits.
func (d *Desk) ask(ctx context.Context, w work) (draft, error) {
	look, cancel := d.briefly(ctx)
	defer cancel()
	c, err := d.find(look, w)
	switch {
	case errors.Is(err, errGone):
		return d.insteadOf(look, w), nil
	case err != nil:
		return d.away(w, err, w.back("video.back", w.of(toConference))), nil
	}
	r := Request{Person: w.Person.ID, Type: w.server.StopRoute, Act: stopping(c, w.place.Server, w.Person.ID), Requester: w.Person.ExternalID}
	if !c.Started.IsZero() {
		began := c.Started.UTC().Truncate(time.Second)
		r.Began = &began
	}
	if _, err := d.Store.ask(ctx, &r); err != nil {
		return draft{}, err
	}
	if err := d.posted(ctx, r); err != nil { // it is kept, and posted later
		d.Log.WarnContext(ctx, "request to stop a conference not posted yet", slog.Any("error", err))
	}
	return d.shown(ctx, look, w)
}

// posted sees to it that somebody is asked. What was decided by then is for Decide to do:
// it takes its time, and whoever taps waits here.
func (d *Desk) posted(ctx context.Context, r Request) error {
	_, err := d.Ledger.Document(ctx, r.Key())
	if errors.Is(err, ledger.ErrNotFound) {
		return d.post(ctx, r)
	}
	return err
}

// waits says that a stop was asked for; nothing when it was not.
func (d *Desk) waits(ctx context.Context, w work, c trueconf.Conference) (string, error) {
	r, found, err := d.Store.asked(ctx, w.place.Server, c.Session)
	if err != nil || !found {
		return "", err
	}
	who, err := d.person(ctx, r.Person)
	return "⏳ " + w.t("video.ask_waits", map[string]any{"Name": who, "Number": numberOf(c.Session), "Time": w.Lang.DateTime(r.At, w.Zone)}), err
}
