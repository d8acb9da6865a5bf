package chat

import (
	"context"
	"errors"
	"slices"
	"strings"

	"countersign/internal/approval"
	"countersign/internal/ident"
	"countersign/internal/inbox"
	"countersign/internal/ledger"
	"countersign/internal/locale"
	"countersign/internal/markup"
	"countersign/internal/meet"
	"countersign/internal/pace"
	"countersign/internal/people"
	"countersign/internal/telegram"
)

// discuss calls those who take part in a case to a video meeting, or leads to the one that
// is there. Handled again it finds what was made the first time.
func (d *Door) discuss(ctx context.Context, it *inbox.Item, b ballot, p people.Person) (string, error) {
	lang := d.lang(p, b.user)
	refuse := func(text, outcome string) (string, error) {
		d.answer(ctx, b.query, text, Window)
		return "refused: " + outcome, nil
	}
	if !d.Meet.On() {
		text, err := d.noMeetings(ctx, p, lang)
		if err != nil {
			return "", d.fault(ctx, it, b, failed(err))
		}
		return refuse(text, "no meetings")
	}
	m, said, err := d.matter(ctx, b, p)
	if err == nil && len(m.people) < 2 {
		return refuse(lang.T("meet.call.alone", nil), "nobody else can be called")
	}
	var c meet.Call
	if err == nil {
		c, err = d.Meet.Gather(ctx, meet.Matter{Case: string(b.tap.Case), Topic: m.topic, Caller: p, People: m.people}, d.noting(ctx, b, notable{"meeting/", "meet.call.remark"}, &said))
	}
	if text, known := meet.Refusal(lang, err); err != nil && known {
		d.Log.WarnContext(ctx, "no meeting was made", "error", err)
		return refuse(text, err.Error())
	}
	switch {
	case errors.Is(err, approval.ErrClosed):
		return refuse(lang.T("meet.call.over", nil), err.Error())
	case err != nil && refusedTalk(err):
		return refuse(d.talkWords(lang, said, err), err.Error())
	case err != nil:
		return "", d.fault(ctx, it, b, failed(err))
	case c.Before:
		return d.wayIn(ctx, it, b, lang, passage{p, c.Link})
	}
	d.answer(ctx, b.query, lang.T("meet.call.called", nil), Line)
	return "called to a meeting", nil
}

// noMeetings tells why there are none. What is to be set is for administrators to know.
func (d *Door) noMeetings(ctx context.Context, p people.Person, lang locale.Lang) (string, error) {
	administers, err := d.administers(ctx, p)
	if !administers || d.Meet == nil {
		return lang.T("meet.call.off", nil), err
	}
	return lang.T("meet.call.missing", map[string]any{"Settings": strings.Join(d.Meet.Missing(), ", ")}), err
}

// administers reports whether somebody may be told what administrators are.
func (d *Door) administers(ctx context.Context, p people.Person) (bool, error) {
	if d.Administrator == nil {
		return false, nil
	}
	return d.Administrator(ctx, p)
}

// affair is what is talked about, and with whom: all who take part and can be written to, by an
// account that may act for them.
type affair struct {
	topic  string
	people []people.Person
}

// matter is what a card is about. Whether the person takes part is looked up now: a card may
// be old.
func (d *Door) matter(ctx context.Context, b ballot, p people.Person) (affair, ledger.Said, error) {
	st, dir, err := d.Ledger.Seen(ctx, p.ID, b.tap.Case)
	said := ledger.Said{Status: st, People: dir, Person: p}
	if err != nil {
		return affair{}, said, err
	}
	party := approval.Party(&st.Case, st.Document, dir)
	switch {
	case !st.Case.State.Open():
		return affair{}, said, approval.ErrClosed
	case !slices.Contains(party, p.ID):
		return affair{}, said, approval.ErrNotAsked
	}
	if err := p.Power.Decides(d.Now(), 0); err != nil {
		return affair{}, said, err
	}
	house := d.Texts.For(d.GroupLang)
	m := affair{topic: markup.Truncate(meet.CleanName(dotted(heading(st.Document, house), matter(st.Document))), meet.MaxTopic)}
	for _, id := range party {
		if who, known := dir.Person(id); known && who.Linked() && who.Power.Decides(d.Now(), 0) == nil {
			m.people = append(m.people, who)
		}
	}
	return m, said, nil
}

// notable is what is noted of a talk: by the beginning of its origin, and the key of a text.
type notable struct {
	origin, key string
}

// noting puts a line about a new talk under its document, where everybody reads it who sees
// the document, and its ERP, too.
func (d *Door) noting(ctx context.Context, b ballot, n notable, said *ledger.Said) func(string, ledger.Also) error {
	return func(of string, also ledger.Also) error {
		id, err := ident.New("com")
		if err != nil {
			return err
		}
		*said, err = d.Ledger.Discuss(ctx, ledger.Talk{
			Account: b.user.ID, Case: b.tap.Case, ID: id, Origin: n.origin + of, Text: d.Texts.For(d.GroupLang).T(n.key, nil),
		}, also)
		return err
	}
}

// passage is a person with his link into a meeting.
type passage struct {
	person people.Person
	link   string
}

// wayIn gives somebody his way into a meeting, in his private chat and nowhere else.
func (d *Door) wayIn(ctx context.Context, it *inbox.Item, b ballot, lang locale.Lang, to passage) (string, error) {
	w, err := d.Meet.Way(ctx, to.person, to.link)
	if text, known := meet.Refusal(lang, err); err != nil && known {
		d.answer(ctx, b.query, text, Window)
		return "refused: " + err.Error(), nil
	}
	if err != nil {
		return "", d.fault(ctx, it, b, failed(err))
	}
	k, err := telegram.NewKeyboard([]telegram.Button{{Text: lang.T("meet.way.open", nil), URL: w.URL}})
	if err != nil {
		return "", d.fault(ctx, it, b, err)
	}
	text := lang.T("meet.way.text", map[string]any{"Topic": w.Topic, "Time": lang.DateTime(w.Until, d.zone(to.person))})
	d.answer(ctx, b.query, "", Line)
	return "way into a meeting", d.reply(ctx, pace.Outcome, telegram.Outgoing{ChatID: b.chat, ReplyTo: b.message, HTML: markup.Escape(text), Keyboard: k, Protect: true})
}
