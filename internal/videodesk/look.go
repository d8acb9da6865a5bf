package videodesk

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"countersign/internal/screen"
	"countersign/internal/trueconf"
)

func (w work) title() string { return "🖥 " + line(w.place.Server, mostTopic) }

// servers lists those that a person may look at.
func (d *Desk) servers(v screen.Visitor, number int) draft {
	var p draft
	all := d.visible(v.Person)
	if len(all) == 0 {
		p.say(v.Lang.T("video.nothing_yours", nil))
		return p
	}
	p.head(v.Lang.T("video.title", nil))
	p.say(v.Lang.T("video.choose", nil))
	shown, at := part(all, number, oneList)
	for _, s := range shown {
		p.row(link{text: "🖥 " + line(s.Name(), mostLabel), to: place{Verb: toServer, Server: s.Name()}})
	}
	w := work{Visitor: v, place: place{Verb: toServers, Page: at}}
	p.row(w.turns(at, len(all), oneList)...)
	return p
}

// status shows how a server is, each part by itself.
func (d *Desk) status(ctx context.Context, w work) (draft, error) {
	look, cancel := d.briefly(ctx)
	defer cancel()
	h := w.server.Health(look)
	var p draft
	p.head(w.title())
	p.gap()
	p.lines = append(p.lines, w.probe("video.engine", h.Engine), w.probe("video.web", h.Web), w.probe("video.login", h.Login))
	p.fact(w.t("video.version", nil), cmp.Or(short(h.Version), w.t("video.untold", nil)))
	p.fact(w.t("video.certificate", nil), d.certificate(w, h.CertExpires))
	p.gap()
	watched, err := d.standing(ctx, w)
	if err != nil {
		return draft{}, err
	}
	for _, l := range watched {
		p.say(l)
	}
	p.say(d.seen(w))
	p.row(link{text: "🎥 " + w.t("video.running", nil), to: w.at(toRunning)}, link{text: "🕰 " + w.t("video.forgotten", nil), to: w.at(toForgotten)})
	p.row(link{text: "👥 " + w.t("video.online", nil), to: w.at(toOnline)}, link{text: "🔔 " + w.t("video.alerts", nil), to: w.at(toAlerts)})
	if w.right >= Administrator {
		p.row(link{text: "📒 " + w.t("video.acts", nil), to: w.at(toActs)})
	}
	p.row(w.refresh(), w.back("video.title", place{Verb: toServers}))
	return p, nil
}

// probe is one part of a server.
func (w work) probe(key string, p trueconf.Probe) string {
	value := w.t("video.part.unlooked", nil)
	switch {
	case p.OK():
		value = "✅ " + w.t("video.part.well", map[string]any{"Took": fmt.Sprint(p.Took.Milliseconds())})
	case p.Made:
		value = "❌ " + trouble(w.Lang, p.Err)
	}
	return screen.Bold(w.t(key, nil)) + screen.Plain(": "+value)
}

// certificate says until when it is good.
func (d *Desk) certificate(w work, until time.Time) string {
	left := until.Sub(d.Now())
	data := map[string]any{"Time": w.Lang.DateTime(until, w.Zone), "Left": w.Lang.Duration(left)}
	switch {
	case until.IsZero():
		return w.t("video.untold", nil)
	case left <= 0:
		return "❌ " + w.t("video.certificate_over", data)
	case left < 14*24*time.Hour:
		return "⚠️ " + w.t("video.certificate_soon", data)
	}
	return w.t("video.certificate_good", data)
}

// running lists the conferences of a server, the oldest first.
func (d *Desk) running(ctx context.Context, w work) (draft, error) {
	ctx, cancel := d.briefly(ctx)
	defer cancel()
	all, err := w.server.Running(ctx)
	if err != nil {
		return d.away(w, err, w.back("video.back", w.at(toServer))), nil
	}
	byAge(all)
	shown, at := part(all, w.place.Page, onePage)
	w.place.Page = at
	var p draft
	p.head(w.title())
	if len(all) > 0 {
		p.head(w.Lang.N("video.running_count", len(all), nil))
	}
	for i, c := range shown {
		p.gap()
		p.head(fmt.Sprintf("%d. %s", at*onePage+i+1, w.topic(c)))
		p.say(d.summary(w, c))
		p.row(w.button(c, at*onePage+i+1)...)
	}
	if len(shown) == 0 {
		p.say(w.t("video.running_none", nil))
	}
	p.gap()
	p.say(d.seen(w))
	p.row(w.turns(at, len(all), onePage)...)
	p.row(w.refresh(), w.back("video.back", w.at(toServer)))
	return p, nil
}

// byAge puts the oldest first, and what nobody knows the age of last.
func byAge(all []trueconf.Conference) {
	slices.SortStableFunc(all, func(a, b trueconf.Conference) int {
		if a.Started.IsZero() != b.Started.IsZero() {
			return cmp.Compare(b.Started.Unix(), a.Started.Unix())
		}
		return cmp.Or(a.Started.Compare(b.Started), strings.Compare(a.Session, b.Session))
	})
}

// topic is what a conference is called.
func (w work) topic(c trueconf.Conference) string {
	return cmp.Or(line(c.Topic, mostTopic), w.t("video.untitled", nil))
}

// summary is a conference on one line.
func (d *Desk) summary(w work, c trueconf.Conference) string {
	parts := []string{"👤 " + cmp.Or(short(c.Owner), "—"), w.people(c)}
	if !c.Started.IsZero() {
		parts = append(parts, d.lasted(w, c.Started))
	}
	if c.Recording == trueconf.Yes {
		parts = append(parts, "⏺ "+w.t("video.recorded", nil))
	}
	return strings.Join(parts, " · ")
}

// people says how many are in a conference.
func (w work) people(c trueconf.Conference) string {
	if c.People < 0 {
		return w.t("video.people_untold", nil)
	}
	return w.Lang.N("video.people", c.People, nil)
}

// online counts the users that are there.
func (d *Desk) online(ctx context.Context, w work) (draft, error) {
	ctx, cancel := d.briefly(ctx)
	defer cancel()
	o, err := w.server.Online(ctx)
	if err != nil {
		return d.away(w, err, w.back("video.back", w.at(toServer))), nil
	}
	var p draft
	p.head(w.title())
	p.gap()
	p.fact(w.t("video.online_here", nil), fmt.Sprint(o.Here))
	p.fact(w.t("video.online_busy", nil), fmt.Sprint(o.Busy))
	p.say(w.t("video.online_note", nil))
	p.gap()
	p.say(d.seen(w))
	p.row(w.refresh(), w.back("video.back", w.at(toServer)))
	return p, nil
}
