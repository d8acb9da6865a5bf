package videodesk

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"countersign/internal/telegram"
	"countersign/internal/trueconf"
)

// errGone says that what a button was about is over.
var errGone = errors.New("the conference does not run")

// find looks the session of a button up among those that run now.
func (d *Desk) find(ctx context.Context, w work) (trueconf.Conference, error) {
	all, err := w.server.Running(ctx)
	if err != nil {
		return trueconf.Conference{}, err
	}
	i := slices.IndexFunc(all, func(c trueconf.Conference) bool {
		return c.Session == w.place.Session && (c.Session != "" || c.ID == w.place.Conference)
	})
	if i < 0 {
		return trueconf.Conference{}, errGone
	}
	return all[i], nil
}

// conference shows one with the people in it.
func (d *Desk) conference(ctx context.Context, w work) (draft, error) {
	look, cancel := d.briefly(ctx)
	defer cancel()
	return d.shown(ctx, look, w)
}

// shown is the screen of a conference, as far as its server tells while look lasts.
func (d *Desk) shown(ctx, look context.Context, w work) (draft, error) {
	back := w.back("video.running", w.at(toRunning))
	c, err := d.find(look, w)
	if errors.Is(err, errGone) {
		return d.gone(w, "video.gone"), nil
	}
	if err != nil {
		return d.away(w, err, back), nil
	}
	var p draft
	p.lines = d.facts(w, c)
	p.gap()
	if c.Session != "" {
		d.inside(look, w, &p, c)
		p.gap()
	}
	waits, err := d.waits(ctx, w, c)
	if err != nil {
		return draft{}, err
	}
	if waits != "" {
		p.say(waits)
	}
	p.say(d.seen(w))
	switch {
	case w.right < Operator, waits != "":
	case c.ID == "":
		p.say(w.t("video.no_room", nil))
	case c.Session == "":
		p.say(w.t("video.no_session", nil))
	default:
		p.row(link{text: "⏹ " + w.t("video.stop", nil), to: w.of(toStop), style: telegram.Danger})
	}
	p.row(w.refresh(), back)
	return p, nil
}

// facts say what a conference is.
func (d *Desk) facts(w work, c trueconf.Conference) []string {
	var p draft
	p.head("🎥 " + w.topic(c))
	p.say(w.title())
	p.fact(w.t("video.owner", nil), cmp.Or(short(c.Owner), w.t("video.untold", nil)))
	since := w.t("video.untold", nil)
	if !c.Started.IsZero() {
		since = w.Lang.DateTime(c.Started, w.Zone) + " (" + d.lasted(w, c.Started) + ")"
	}
	p.fact(w.t("video.began", nil), since)
	p.fact(w.t("video.in_it", nil), w.people(c))
	p.fact(w.t("video.recording", nil), w.told(c.Recording))
	p.fact(w.t("video.guests", nil), w.told(c.Guests))
	if c.ID != "" {
		p.fact(w.t("video.number", nil), short(c.ID))
	}
	return p.lines
}

// told is a fact in words.
func (w work) told(f trueconf.Fact) string {
	switch f {
	case trueconf.Yes:
		return w.t("video.yes", nil)
	case trueconf.No:
		return w.t("video.no", nil)
	default:
		return w.t("video.untold", nil)
	}
}

// inside adds who is in a conference, as far as the server tells: what is known of it is
// shown all the same.
func (d *Desk) inside(ctx context.Context, w work, p *draft, c trueconf.Conference) {
	in, err := w.server.Participants(ctx, c)
	if err != nil {
		p.say("⚠️ " + trouble(w.Lang, err))
		return
	}
	d.participants(w, p, in)
}

// participants lists who is in a conference: who leads it first.
func (d *Desk) participants(w work, p *draft, in []trueconf.Participant) {
	slices.SortStableFunc(in, func(a, b trueconf.Participant) int { return cmp.Compare(rank(a), rank(b)) })
	shown, at := part(in, w.place.Page, oneGroup)
	p.head(w.Lang.N("video.people", len(in), nil))
	for _, one := range shown {
		p.say(w.participant(one))
	}
	if turns := w.turns(at, len(in), oneGroup); len(turns) > 0 {
		p.row(turns...)
	}
}

func rank(p trueconf.Participant) int {
	switch {
	case p.Owner:
		return 0
	case p.Moderator:
		return 1
	case p.External:
		return 3
	case p.Guest:
		return 4
	default:
		return 2
	}
}

// participant is one of them, with what he is.
func (w work) participant(p trueconf.Participant) string {
	key, sign := "", "👤"
	switch {
	case p.Owner:
		key, sign = "video.role.owner", "👑"
	case p.Moderator:
		key, sign = "video.role.moderator", "⭐"
	}
	if p.External {
		key, sign = cmp.Or(key, "video.role.external"), "☎️"
	} else if p.Guest {
		key, sign = cmp.Or(key, "video.role.guest"), "🌐"
	}
	text := sign + " " + cmp.Or(short(p.Name), short(p.ID), "—")
	if key != "" {
		text += " (" + w.t(key, nil) + ")"
	}
	return text
}

// gone is the screen of a conference that is over.
func (d *Desk) gone(w work, key string) draft {
	var p draft
	p.head(w.title())
	p.gap()
	p.say(w.t(key, nil))
	p.row(w.back("video.running", w.at(toRunning)))
	return p
}

// names are the first of those in a conference.
func (w work) names(in []trueconf.Participant) string {
	var out []string
	for _, p := range in[:min(len(in), namesAsked)] {
		out = append(out, cmp.Or(short(p.Name), short(p.ID), "—"))
	}
	if len(in) > namesAsked {
		out = append(out, "…")
	}
	return strings.Join(out, ", ")
}
