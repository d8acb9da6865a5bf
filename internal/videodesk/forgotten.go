package videodesk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"countersign/internal/deed"
	"countersign/internal/telegram"
	"countersign/internal/trueconf"
	"countersign/internal/videowatch"
)

const (
	putOff    = time.Hour // an alert
	judgeOnce = 4         // conferences whose people are asked for at once
)

// left is a conference that was left running.
type left struct {
	trueconf.Conference

	why videowatch.Why
}

// forgotten lists those that were left running by mistake, and counts those of which too
// little is told to say.
func (d *Desk) forgotten(ctx context.Context, w work) (draft, error) {
	ctx, cancel := d.briefly(ctx)
	defer cancel()
	all, err := w.server.Running(ctx)
	if err != nil {
		return d.away(w, err, w.back("video.back", w.at(toServer))), nil
	}
	byAge(all)
	found, unknown := d.judge(ctx, w, all)
	shown, at := part(found, w.place.Page, onePage)
	w.place.Page = at
	var p draft
	p.head(w.title())
	switch {
	case len(found) > 0:
		p.head(w.Lang.N("video.forgotten_count", len(found), nil))
	case unknown == 0:
		p.say(w.t("video.forgotten_none", nil))
	}
	for i, c := range shown {
		p.gap()
		p.head(fmt.Sprintf("%d. %s", at*onePage+i+1, w.topic(c.Conference)))
		p.say(d.summary(w, c.Conference))
		p.say(w.t("watch.why."+string(c.why), nil))
		p.row(w.button(c.Conference, at*onePage+i+1)...)
	}
	if unknown > 0 {
		p.gap()
		p.say(w.Lang.N("video.forgotten_unknown", unknown, nil))
	}
	p.gap()
	p.say(d.seen(w))
	p.row(w.turns(at, len(found), onePage)...)
	p.row(w.refresh(), w.back("video.back", w.at(toServer)))
	return p, nil
}

// judge asks for the people of those that are old enough, a few at a time.
func (d *Desk) judge(ctx context.Context, w work, all []trueconf.Conference) (found []left, unknown int) {
	now := d.Now()
	verdicts := make([]videowatch.Verdict, len(all))
	var people errgroup.Group
	people.SetLimit(judgeOnce)
	for i, c := range all {
		people.Go(func() error {
			verdicts[i] = w.server.Rule.Judge(c, nil, false, now)
			if !verdicts[i].Unknown || c.Session == "" || c.Started.IsZero() {
				return nil
			}
			in, err := w.server.Participants(ctx, c)
			if err != nil {
				d.Log.InfoContext(ctx, "people of a conference not known", slog.Any("error", err))
			}
			verdicts[i] = w.server.Rule.Judge(c, in, err == nil, now)
			return nil
		})
	}
	_ = people.Wait() // none of them fails: what is not known is counted
	for i, v := range verdicts {
		switch {
		case v.Forgotten:
			found = append(found, left{all[i], v.Why})
		case v.Unknown:
			unknown++
		}
	}
	return found, unknown
}

// snooze has nobody told of a session for an hour.
func (d *Desk) snooze(ctx context.Context, w work) (draft, error) {
	return d.spare(ctx, w, deed.Snooze, "video.snoozed", func(word videowatch.Word) error {
		return d.Watch.Snooze(ctx, word, putOff)
	})
}

// ignore has nobody told of a session as long as it runs.
func (d *Desk) ignore(ctx context.Context, w work) (draft, error) {
	return d.spare(ctx, w, deed.Ignore, "video.ignored", func(word videowatch.Word) error { return d.Watch.Ignore(ctx, word) })
}

// spare leaves a session alone, and says so. It is on record in the same commit.
func (d *Desk) spare(ctx context.Context, w work, what, said string, do func(videowatch.Word) error) (draft, error) {
	look, cancel := d.briefly(ctx)
	defer cancel()
	c, err := d.find(look, w)
	switch {
	case errors.Is(err, errGone):
		return d.gone(w, "video.gone"), nil
	case err != nil: // it is left alone all the same
		c = trueconf.Conference{ID: w.place.Conference, Session: w.place.Session, People: -1}
	}
	a := stopping(c, w.place.Server, w.Person.ID)
	a.What = what
	word := videowatch.Word{Server: w.place.Server, Session: w.place.Session, By: w.Person.ID, Also: func(tx videowatch.Tx) error { return d.Store.did(ctx, tx, a) }}
	switch err := do(word); {
	case errors.Is(err, videowatch.ErrStopping), errors.Is(err, videowatch.ErrOver):
		return d.gone(w, "video.spared_late"), nil
	case err != nil:
		return draft{}, err
	}
	var p draft
	p.head("🎥 " + w.topic(c))
	p.say(w.title())
	p.gap()
	p.say(w.t(said, nil))
	p.row(link{text: "🎥 " + w.t("video.show", nil), to: w.of(toConference)})
	return p, nil
}

// under are the buttons of an alert of a forgotten conference, for somebody who may press them.
func (w work) under(c trueconf.Conference) [][]link {
	if !named(c) || w.right < Viewer {
		return nil
	}
	w.place.Conference, w.place.Session = c.ID, c.Session
	rows := [][]link{{{text: "🎥 " + w.t("video.show", nil), to: w.of(toConference)}}}
	if w.right < Operator || c.Session == "" {
		return rows
	}
	if c.ID != "" {
		rows[0] = append(rows[0], link{text: "⏹ " + w.t("video.stop", nil), to: w.of(toStop), style: telegram.Danger})
	}
	return slices.Concat(rows, [][]link{{
		{text: "💤 " + w.t("video.snooze", nil), to: w.of(toSnooze)}, {text: "🔕 " + w.t("video.ignore", nil), to: w.of(toIgnore)},
	}})
}
