package videodesk

import (
	"context"
)

const mostActs = 10

// acts shows the latest of what was done on a server.
func (d *Desk) acts(ctx context.Context, w work) (draft, error) {
	all, err := d.Store.acts(ctx, w.place.Server, mostActs)
	if err != nil {
		return draft{}, err
	}
	var p draft
	p.head(w.title())
	p.head(w.t("video.acts", nil))
	if len(all) == 0 {
		p.say(w.t("video.acts_none", nil))
	}
	for _, a := range all {
		who, err := d.person(ctx, a.Person)
		if err != nil {
			return draft{}, err
		}
		p.gap()
		p.head(d.topicOf(w, a))
		p.say(w.Lang.DateTime(a.At, w.Zone) + " · " + who + " · " + w.did(a))
	}
	p.row(w.refresh(), w.back("video.back", w.at(toServer)))
	return p, nil
}

// did is what came of an act, in words.
func (w work) did(a Act) string {
	switch {
	case a.What == "snooze":
		return w.t("video.did.snooze", nil)
	case a.What == "ignore":
		return w.t("video.did.ignore", nil)
	case a.Outcome == Done:
		return w.t("video.did.stopped", nil)
	case a.Outcome == Over:
		return w.t("video.did.over", nil)
	case a.Outcome == Other:
		return w.t("video.did.other", nil)
	case a.Outcome == Failed:
		return w.t("video.did.failed", nil)
	default:
		return w.t("video.did.unknown", nil)
	}
}
