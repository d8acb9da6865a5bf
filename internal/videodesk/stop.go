package videodesk

import (
	"cmp"
	"context"
	"errors"
	"log/slog"

	"countersign/internal/telegram"
	"countersign/internal/trueconf"
)

// askStop shows what would be stopped, and asks.
func (d *Desk) askStop(ctx context.Context, w work) (draft, error) {
	ctx, cancel := d.briefly(ctx)
	defer cancel()
	back := w.back("video.back", w.of(toConference))
	c, err := d.find(ctx, w)
	switch {
	case errors.Is(err, errGone):
		return d.gone(w, "video.gone"), nil
	case err != nil:
		return d.away(w, err, back), nil
	}
	yes := link{text: "⏹ " + w.t("video.stop_yes", nil), to: w.of(stopNow), style: telegram.Danger}
	var p draft
	if w.server.StopRoute == "" {
		p.head("⏹ " + w.t("video.stop_sure", nil))
		p.say(w.t("video.stop_means", nil))
	} else {
		p.head("⏹ " + w.t("video.ask_sure", nil))
		p.say(w.t("video.ask_means", nil))
		yes = link{text: "📨 " + w.t("video.ask_yes", nil), to: w.of(askNow)}
	}
	p.gap()
	p.lines = append(p.lines, d.facts(w, c)...)
	if in, err := w.server.Participants(ctx, c); err != nil {
		p.say("⚠️ " + trouble(w.Lang, err))
	} else if len(in) > 0 {
		p.fact(w.t("video.in_it_names", nil), w.names(in))
	}
	p.row(yes)
	p.row(back)
	return p, nil
}

// stop ends the session that the person was shown, and no other. The intent is on record
// before the server is asked, once for each session: whoever taps twice, or at the same time
// as another, is shown what became of the first.
func (d *Desk) stop(ctx context.Context, w work) (draft, error) {
	look, cancel := d.briefly(ctx)
	defer cancel()
	a, found, err := d.Store.stopped(ctx, w.place.Server, w.place.Session)
	if err != nil || found {
		return d.receipt(ctx, w, a, err)
	}
	c, err := d.find(look, w)
	switch {
	case errors.Is(err, errGone):
		return d.insteadOf(look, w), nil
	case err != nil:
		return d.away(w, err, w.back("video.back", w.of(toConference))), nil
	}
	a = stopping(c, w.place.Server, w.Person.ID)
	mine, err := d.Store.start(ctx, &a)
	if err != nil || !mine {
		return d.receipt(ctx, w, a, err)
	}
	how, fault := d.carryOut(ctx, look, w.server, a)
	if how != "" {
		if err := d.Store.finish(context.WithoutCancel(ctx), &a, how, text(fault)); err != nil { // it is found out later
			d.Log.WarnContext(ctx, "end of an act not written down yet", slog.Any("error", err))
		}
	}
	switch how {
	case Failed:
		return d.away(w, fault, w.back("video.back", w.of(toConference))), nil
	case Over, Other:
		return d.insteadOf(look, w), nil
	default:
		return d.receipt(ctx, w, a, nil)
	}
}

// carryOut does an act and says how it ended, if it does while look lasts: a tap waits no
// longer, for others wait behind it. What takes longer is told to whoever asked for it; what
// a kill cuts off is found out later.
func (d *Desk) carryOut(ctx, look context.Context, s Server, a Act) (Outcome, error) {
	type end struct {
		how   Outcome
		fault error
	}
	ended := make(chan end)
	go func() {
		how, fault := d.end(ctx, s, trueconf.Conference{ID: a.Conference, Session: a.Session})
		select {
		case ended <- end{how, fault}:
			return
		case <-look.Done():
		}
		if how == "" {
			return
		}
		if err := d.settle(context.WithoutCancel(ctx), a, how, text(fault)); err != nil {
			d.Log.WarnContext(ctx, "end of an act not written down yet", slog.Any("error", err))
		}
	}()
	select {
	case e := <-ended:
		return e.how, e.fault
	case <-look.Done():
		return "", nil
	}
}

// end stops a session, and says how that ended; nothing where nobody can know. It goes on
// when whoever asked for it is gone.
func (d *Desk) end(ctx context.Context, s Server, c trueconf.Conference) (Outcome, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), actionTime)
	defer cancel()
	err := s.Stop(ctx, c)
	switch {
	case err == nil:
		return Done, nil
	case errors.Is(err, trueconf.ErrNotRunning):
		return Over, nil
	case errors.Is(err, trueconf.ErrOtherSession):
		return Other, nil
	}
	d.Log.WarnContext(ctx, "conference not stopped", slog.String("server", s.Name()), slog.Any("error", err))
	switch trueconf.KindOf(err) {
	case trueconf.Timeout, trueconf.Unreachable, trueconf.Other: // the request may have been taken
		return "", err
	default:
		return Failed, err
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// insteadOf is shown when the session is over that was to be stopped: what runs in the room
// now, if anything does. That was not stopped.
func (d *Desk) insteadOf(ctx context.Context, w work) draft {
	all, err := w.server.Running(ctx)
	for _, c := range all {
		if err == nil && c.ID != "" && c.ID == w.place.Conference && c.Session != w.place.Session && named(c) {
			w.place.Session = c.Session
			var p draft
			p.say("⚠️ " + w.t("video.restarted", nil))
			p.gap()
			p.lines = append(p.lines, d.facts(w, c)...)
			p.row(link{text: "🎥 " + w.t("video.show", nil), to: w.of(toConference)}, w.back("video.running", w.at(toRunning)))
			return p
		}
	}
	return d.gone(w, "video.over")
}

// receipt says who stopped what, and when; or that it is not known yet.
func (d *Desk) receipt(ctx context.Context, w work, a Act, err error) (draft, error) {
	if err != nil {
		return draft{}, err
	}
	who, err := d.person(ctx, a.Person)
	if err != nil {
		return draft{}, err
	}
	var p draft
	p.head(w.title())
	p.gap()
	if a.Outcome == "" {
		p.say("⏳ " + w.t("video.stop_unknown", map[string]any{"Topic": d.topicOf(w, a), "Name": who}))
		p.row(link{text: "🔄 " + w.t("video.refresh", nil), to: w.place}, w.back("video.running", w.at(toRunning)))
		return p, nil
	}
	p.head("⏹ " + w.t("video.stopped", nil))
	p.fact(w.t("video.topic", nil), d.topicOf(w, a))
	p.fact(w.t("video.owner", nil), cmp.Or(a.Owner, w.t("video.untold", nil)))
	p.fact(w.t("video.were_in_it", nil), w.people(trueconf.Conference{People: a.People}))
	p.fact(w.t("video.stopped_by", nil), who)
	p.fact(w.t("video.stopped_at", nil), w.Lang.DateTime(a.EndedAt, w.Zone))
	p.row(w.back("video.running", w.at(toRunning)))
	return p, nil
}

func (d *Desk) topicOf(w work, a Act) string { return w.topic(trueconf.Conference{Topic: a.Topic}) }
