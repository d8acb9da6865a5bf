package chat

import (
	"context"
	"errors"
	"strings"

	"countersign/internal/approval"
	"countersign/internal/audiodesk"
	"countersign/internal/inbox"
	"countersign/internal/locale"
	"countersign/internal/people"
)

// phone has the phones called of those who take part in a case, into the room that is theirs.
// Handled again it finds what was done the first time.
func (d *Door) phone(ctx context.Context, it *inbox.Item, b ballot, p people.Person) (string, error) {
	lang := d.lang(p, b.user)
	refuse := func(text, outcome string) (string, error) {
		d.answer(ctx, b.query, text, Window)
		return "refused: " + outcome, nil
	}
	if !d.Audio.Calls() {
		text, err := d.noPhones(ctx, p, lang)
		if err != nil {
			return "", d.fault(ctx, it, b, failed(err))
		}
		return refuse(text, "no telephone exchange")
	}
	m, said, err := d.matter(ctx, b, p)
	if err == nil && len(m.people) < 2 {
		return refuse(lang.T("meet.call.alone", nil), "nobody else can be called")
	}
	var out audiodesk.Rung
	if err == nil {
		v := d.visit(p, b.user).Visitor
		v.Tap = b.query
		out, err = d.Audio.Discuss(ctx, v, audiodesk.Matter{Case: b.tap.Case, Topic: m.topic, People: m.people}, d.noting(ctx, b, notable{"audio/", "audio.discuss.remark"}, &said))
	}
	if text, known := audiodesk.Refusal(lang, err); err != nil && known {
		return refuse(text, err.Error())
	}
	switch {
	case errors.Is(err, approval.ErrClosed):
		return refuse(lang.T("meet.call.over", nil), err.Error())
	case err != nil && refusedTalk(err):
		return refuse(d.talkWords(lang, said, err), err.Error())
	case err != nil:
		return "", d.fault(ctx, it, b, failed(err))
	case out.Asked:
		return refuse(lang.T("audio.discuss.first", nil), "asked for a number")
	}
	d.answer(ctx, b.query, rung(lang, out), rungLoudness(out))
	return "called to a talk by telephone", nil
}

// rung says who is called, and who is not.
func rung(lang locale.Lang, out audiodesk.Rung) string {
	text := lang.T("audio.discuss.there", nil)
	if out.Phones > 0 {
		text = lang.N("audio.discuss.called", out.Phones, nil)
	}
	for _, but := range []struct {
		key string
		n   int
	}{{"audio.discuss.numberless", out.Numberless}, {"audio.discuss.unable", out.Unable}} {
		if but.n > 0 {
			text += "\n" + lang.N(but.key, but.n, nil)
		}
	}
	return text
}

func rungLoudness(out audiodesk.Rung) Loudness {
	if out.Numberless+out.Unable > 0 {
		return Window
	}
	return Line
}

// noPhones tells why nobody can be called. What is to be set is for administrators to know.
func (d *Door) noPhones(ctx context.Context, p people.Person, lang locale.Lang) (string, error) {
	administers, err := d.administers(ctx, p)
	if !administers {
		return lang.T("audio.off", nil), err
	}
	return lang.T("audio.discuss.missing", map[string]any{"Settings": strings.Join(d.Audio.Missing(), ", ")}), err
}
