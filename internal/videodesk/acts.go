package videodesk

import (
	"context"

	"countersign/internal/deed"
)

const (
	mostActs  = 10
	mostPages = 20 // what is older is in the console
)

// acts shows what was done on a server, the newest first: by people, by other systems and by
// the gateway itself.
func (d *Desk) acts(ctx context.Context, w work) (draft, error) {
	w.place.Page = min(max(w.place.Page, 0), mostPages-1)
	all, next, err := d.Deeds.Find(ctx, deed.Query{Server: w.place.Server, Limit: (w.place.Page + 1) * mostActs})
	if err != nil {
		return draft{}, err
	}
	shown, at := part(all, w.place.Page, mostActs)
	w.place.Page = at
	var p draft
	p.head(w.title())
	p.head(w.t("video.acts", nil))
	if len(shown) == 0 {
		p.say(w.t("video.acts_none", nil))
	}
	for _, a := range shown {
		who, err := d.by(ctx, w, a.By)
		if err != nil {
			return draft{}, err
		}
		p.gap()
		if a.Meeting != "" {
			p.head(w.t("video.meeting", map[string]any{"Number": a.Meeting}))
		} else {
			p.head(d.topicOf(w, Act{Topic: a.Topic}))
		}
		p.say(w.Lang.DateTime(a.At, w.Zone) + " · " + who + " · " + w.t(a.Words(), nil))
	}
	total := len(all)
	if next != "" && at < mostPages-1 {
		total++
	}
	if turns := w.turns(at, total, mostActs); len(turns) > 0 {
		p.row(turns...)
	}
	p.row(w.refresh(), w.back("video.back", w.at(toServer)))
	return p, nil
}

// by says who did something.
func (d *Desk) by(ctx context.Context, w work, b deed.By) (string, error) {
	if b.Person != "" {
		return d.person(ctx, b.Person)
	}
	return w.t(b.Words(), map[string]any{"Name": short(b.Source)}), nil
}
