package videodesk

import (
	"context"

	"countersign/internal/markup"
	"countersign/internal/notice"
	"countersign/internal/people"
	"countersign/internal/screen"
	"countersign/internal/trueconf"
	"countersign/internal/videowatch"
)

// alerts shows what a person is told of a server, and lets him choose.
func (d *Desk) alerts(ctx context.Context, w work) (draft, error) {
	now, err := d.Watch.Wants(ctx, w.Person, w.place.Server)
	if err != nil {
		return draft{}, err
	}
	var p draft
	p.head(w.title())
	p.head(w.t("video.alerts", nil))
	p.gap()
	state := map[bool]string{true: w.t("video.on", nil), false: w.t("video.off_now", nil)}
	p.fact(w.t("video.alerts_parts", nil), state[now.Alerts])
	p.fact(w.t("video.alerts_forgotten", nil), state[now.Forgotten])
	p.gap()
	p.say(w.t("video.alerts_note", nil))
	turn := func(key string, to verb, on bool) link {
		l := link{text: "🔔 " + w.t(key, nil), to: w.at(to)}
		if on {
			l.text = "🔕 " + w.t(key, nil)
		} else {
			l.to.Page = 1
		}
		return l
	}
	p.row(turn("video.alerts_parts", wantParts, now.Alerts))
	p.row(turn("video.alerts_forgotten", wantForgotten, now.Forgotten))
	p.row(w.back("video.back", w.at(toServer)))
	return p, nil
}

// choose turns one kind of alerts on or off. The button says which: two taps are as one.
func (d *Desk) choose(ctx context.Context, w work) (draft, error) {
	wants, err := d.Watch.Wants(ctx, w.Person, w.place.Server)
	if err != nil {
		return draft{}, err
	}
	if w.place.Verb == wantParts {
		wants.Alerts = w.place.Page == 1
	} else {
		wants.Forgotten = w.place.Page == 1
	}
	if err := d.Watch.Want(ctx, w.Person.ID, w.place.Server, wants); err != nil {
		return draft{}, err
	}
	out, err := d.alerts(ctx, w)
	out.notice = w.t("video.saved", nil)
	return out, err
}

// Buttons are those under the alert of a forgotten conference; see videowatch.Buttons.
func (d *Desk) Buttons(ctx context.Context, tx videowatch.Tx, person people.ID, server string, c trueconf.Conference) ([][]notice.Button, error) {
	dir, err := d.Directory(ctx)
	if err != nil {
		return nil, err
	}
	p, _ := dir.Person(person)
	w := work{Visitor: screen.Visitor{Person: p, Lang: d.Texts.For(p.Locale)}, place: place{Server: server}, right: RightOf(p, server)}
	rows := w.under(c)
	tokens, err := d.Store.tokens(ctx, tx, person, places(rows))
	if err != nil {
		return nil, err
	}
	var out [][]notice.Button
	for _, row := range rows {
		var made []notice.Button
		for _, l := range row {
			made = append(made, notice.Button{Text: markup.Truncate(l.text, mostLabel), Data: data(tokens[l.to])})
		}
		out = append(out, made)
	}
	return out, nil
}

// standing is what the monitor says of a server; nothing while it has not looked.
func (d *Desk) standing(ctx context.Context, w work) ([]string, error) {
	s, err := d.Watch.Standing(ctx, w.place.Server)
	if err != nil || s.Checked.IsZero() {
		return nil, err
	}
	var out []string
	names := map[videowatch.Part]string{videowatch.Engine: "video.engine", videowatch.Web: "video.web", videowatch.Login: "video.login"}
	for _, part := range videowatch.Parts() {
		at, known := s.Parts[part]
		if name := names[part]; known && name != "" && at.State == videowatch.Down {
			out = append(out, "🔴 "+w.t("video.watch_down", map[string]any{
				"Part": w.t(name, nil), "Time": w.Lang.DateTime(at.Since, w.Zone), "Duration": d.lasted(w, at.Since),
			}))
		}
	}
	if out == nil {
		out = []string{"🟢 " + w.t("video.watch_well", map[string]any{"Time": w.Lang.DateTime(s.Checked, w.Zone)})}
	}
	return out, nil
}
