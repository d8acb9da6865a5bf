package videodesk

import (
	"cmp"
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
		p.say(w.Lang.DateTime(a.At, w.Zone) + " · " + who + " · " + w.did(a))
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
	switch {
	case b.Person != "":
		return d.person(ctx, b.Person)
	case b.Source != "":
		return w.t("video.by.key", map[string]any{"Name": short(b.Source)}), nil
	case b.Guest:
		return w.t("video.by.guest", nil), nil
	default:
		return w.t("video.by.rule", nil), nil
	}
}

// did is what came of a deed, in words; how it ended matters only where the words say so.
func (w work) did(a deed.Deed) string {
	all := didWords()
	return w.t(cmp.Or(all[[2]string{a.What, a.Outcome}], all[[2]string{a.What}], "video.did.unknown"), nil)
}

func didWords() map[[2]string]string {
	return map[[2]string]string{
		{deed.Stop}: "video.did.unknown", {deed.Stop, deed.Done}: "video.did.stopped", {deed.Stop, deed.Over}: "video.did.over", {deed.Stop, deed.Other}: "video.did.other",
		{deed.Stop, deed.Failed}: "video.did.failed", {deed.Stop, deed.CalledOff}: "video.did.called_off", {deed.Stop, deed.Unclear}: "video.did.unclear",
		{deed.Snooze}: "video.did.snooze", {deed.Ignore}: "video.did.ignore",

		{deed.Ask}: "video.did.ask", {deed.Ask, string(approved)}: "video.did.ask_approved", {deed.Ask, string(declined)}: "video.did.ask_refused",
		{deed.Ask, string(outlived)}: "video.did.ask_over", {deed.Ask, string(unasked)}: "video.did.ask_unasked", {deed.Ask, string(orphaned)}: "video.did.ask_orphaned",

		{deed.Arrange}: "video.did.arrange", {deed.Call}: "video.did.call", {deed.Prolong}: "video.did.prolong", {deed.Replace}: "video.did.replace", {deed.Revoke}: "video.did.revoke",
		{deed.Admit}: "video.did.admit", {deed.Decline}: "video.did.decline", {deed.Open}: "video.did.open", {deed.Join}: "video.did.join", {deed.Forget}: "video.did.forget",

		{deed.Close, "left"}: "video.did.close_left", {deed.Close, "idle"}: "video.did.close_idle", {deed.Close, "too_old"}: "video.did.close_too_old",
		{deed.Close, "revoked"}: "video.did.close_revoked", {deed.Close}: "video.did.close_gone",
	}
}
