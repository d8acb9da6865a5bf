package chat

import (
	"context"
	"errors"

	"countersign/internal/approval"
	"countersign/internal/card"
	"countersign/internal/inbox"
	"countersign/internal/ledger"
	"countersign/internal/markup"
	"countersign/internal/pace"
	"countersign/internal/people"
	"countersign/internal/telegram"
)

const mostChoices = 10 // documents of one number

// show answers a button that only asks to see: why somebody is asked and what changed, or
// how a case stands.
func (d *Door) show(ctx context.Context, it *inbox.Item, b ballot, p people.Person) (string, error) {
	lang := d.lang(p, b.user)
	c, err := d.look(ctx, b.tap, p, b.user)
	switch {
	case errors.Is(err, ledger.ErrNotFound):
		d.answer(ctx, b.query, lang.T("talk.unseen", nil), Window)
		return "refused: " + err.Error(), nil
	case err != nil:
		return "", d.fault(ctx, it, b, failed(err))
	}
	d.answer(ctx, b.query, "", Line)
	return "shown: " + string(b.tap.Verdict), d.reply(ctx, pace.Outcome, telegram.Outgoing{ChatID: b.chat, ReplyTo: b.message, HTML: c.HTML})
}

// look draws what a person may see of a case; of others: ledger.ErrNotFound.
func (d *Door) look(ctx context.Context, t card.Tap, p people.Person, u telegram.User) (card.Card, error) {
	seen, err := d.Ledger.LookAt(ctx, t.Case, p)
	if err != nil {
		return card.Card{}, err
	}
	v := card.View{
		Case: &seen.Status.Case, Doc: seen.Status.Document, People: seen.People, Zone: d.zone(p), Talk: seen.Talk, Closed: d.closedTo(ctx, t.Case),
	}
	if t.Verdict == card.Stand {
		return card.Standing(v, d.lang(p, u)), nil
	}
	return card.DetailsOf(card.Detail{View: v, Person: p.ID, AskedAt: seen.AskedAt, Before: seen.Before, Known: seen.Known}, d.lang(p, u)), nil
}

// who answers /who: how the document of a number stands. What somebody may not see is as
// if it were not there.
func (d *Door) who(ctx context.Context, m *telegram.Message, r request) error {
	say := func(key string) error {
		return d.reply(ctx, pace.Outcome, telegram.Outgoing{ChatID: m.Chat.ID, HTML: markup.Escape(r.lang.T(key, nil))})
	}
	switch {
	case r.person.ID == "":
		return say("link.not_linked")
	case r.args == "":
		return say("talk.who_usage")
	}
	found, err := d.Ledger.Numbered(ctx, markup.Clean(r.args), r.person, mostChoices+1)
	if err != nil {
		return failed(err)
	}
	switch len(found) {
	case 0:
		return say("talk.who_none")
	case 1:
		c, err := d.look(ctx, card.Tap{Case: found[0].Case, Verdict: card.Stand}, r.person, *m.From)
		if errors.Is(err, ledger.ErrNotFound) {
			return say("talk.who_none")
		}
		if err != nil {
			return failed(err)
		}
		return d.reply(ctx, pace.Outcome, telegram.Outgoing{ChatID: m.Chat.ID, HTML: c.HTML})
	}
	return d.choose(ctx, m, r, found)
}

// choose lets somebody say which of several documents he means.
func (d *Door) choose(ctx context.Context, m *telegram.Message, r request, found []ledger.Waiting) error {
	const most = 64 // characters of a button
	var rows [][]telegram.Button
	for _, w := range found[:min(len(found), mostChoices)] {
		text := dotted(r.lang.Money(w.Doc.Amount), matter(w.Doc), r.lang.DateTime(w.AskedAt, d.zone(r.person)))
		rows = append(rows, []telegram.Button{{Text: markup.Truncate(text, most), Data: card.Tap{Case: w.Case, Verdict: card.Stand}.String()}})
	}
	k, err := telegram.NewKeyboard(rows...)
	if err != nil {
		return err
	}
	text := r.lang.T("talk.who_several", nil)
	if len(found) > mostChoices {
		text += "\n" + r.lang.T("talk.who_newest", map[string]any{"N": mostChoices})
	}
	return d.reply(ctx, pace.Outcome, telegram.Outgoing{ChatID: m.Chat.ID, HTML: markup.Escape(text), Keyboard: k})
}

// isTalk reports whether a button is no verdict.
func isTalk(v approval.Verdict) bool { return !v.Known() }
