package card

import (
	"slices"
	"strings"
	"time"

	"countersign/internal/approval"
	"countersign/internal/people"
)

// How much of the talk a card shows: it must push nothing else away.
const (
	mostTalk   = 5
	roomOfTalk = 1000
	roomOfWord = 200 // of one remark
	roomOfAsk  = 1000
)

// questions: each question is a message to whom it asks, and its answer one to whoever
// asked, under cards that are among those given: both are to be heard.
func (v View) questions(there []Spot) []Spot {
	under := func(s Spot) string {
		if slices.ContainsFunc(there, func(o Spot) bool { return o.Key() == s.Key() }) {
			return s.Key()
		}
		return ""
	}
	var out []Spot
	for _, q := range v.Case.Questions {
		if _, known := v.People.Person(q.To); known {
			out = append(out, Spot{
				Kind: KindQuestion, Person: q.To, No: q.No, Past: !v.Case.Awaits(q), ReplyTo: under(Spot{Kind: KindRequester, Person: q.To}),
			})
		}
		asker := Spot{Kind: KindApprover, Person: q.By, Round: q.Round, Step: q.Step}
		if card := under(asker); q.Answer != nil && card != "" {
			out = append(out, Spot{Kind: KindAnswer, Person: q.By, No: q.No, Past: !v.asks(asker), ReplyTo: card})
		}
	}
	return out
}

// discuss leads to a talk by video, or by telephone, for those who take part in a case and are
// not alone in it. Where there are both they share a row, under short names that are read
// whole on a phone: one tap is all it takes, and the card grows by one row.
func (p page) discuss() [][]Button {
	party := approval.Party(p.Case, p.Doc, p.People)
	if !p.Meet && !p.Phone || len(party) < 2 || !slices.Contains(party, p.spot.Person) {
		return nil
	}
	button := func(key string, v approval.Verdict) Button {
		tap := Tap{Case: p.Case.ID, Round: p.Case.Round, Step: p.spot.Step, Revision: p.Case.Revision, Verdict: v}
		return Button{Text: p.t(key, nil), Data: tap.String()}
	}
	switch {
	case !p.Phone:
		return [][]Button{{button("button.discuss", Discuss)}}
	case !p.Meet:
		return [][]Button{{button("button.phone", Phone)}}
	default:
		return [][]Button{{button("button.discuss_short", Discuss), button("button.phone_short", Phone)}}
	}
}

// attached finds a file that came from the messenger.
func (v View) attached(digest string) (approval.Remark, bool) {
	i := slices.IndexFunc(v.Files, func(m approval.Remark) bool { return m.File != nil && m.File.SHA256 == digest })
	if i < 0 {
		return approval.Remark{}, false
	}
	return v.Files[i], true
}

func (p page) asking() (approval.Question, bool) {
	i := slices.IndexFunc(p.Case.Questions, func(q approval.Question) bool { return q.No == p.spot.No })
	if i < 0 {
		return approval.Question{}, false
	}
	return p.Case.Questions[i], true
}

// question asks, and then says what became of the question.
func (p page) question() Card {
	q, ok := p.asking()
	if !ok || q.To != p.spot.Person {
		return compose([]line{p.headline(), words(p.t("card.no_longer", nil))})
	}
	figures, _ := p.figures()
	title := words(p.t("talk.question", map[string]any{"Document": p.title()})).bold()
	end := []line{words(p.t("talk.question_help", nil))}
	switch {
	case q.Answer != nil:
		end = []line{p.saidBy("↳ ", q.Answer.By, q.Answer.Author, q.Answer.At), words(tidy(q.Answer.Text, roomOfAsk))}
	case !p.Case.Awaits(q):
		end = []line{words(p.t("talk.question_closed", nil))}
	}
	c := compose([]line{title}, figures[:min(2, len(figures))], []line{p.saidBy("❓ ", q.By, "", q.At), words(tidy(q.Text, roomOfAsk))}, end)
	if p.Case.Awaits(q) {
		tap := Tap{Case: p.Case.ID, Round: q.Round, Step: q.Step, No: q.No, Revision: p.Case.Revision, Verdict: Answer}
		c.Buttons = [][]Button{{{Text: p.t("button.answer", nil), Data: tap.String()}}}
	}
	return c
}

// answer tells whoever asked.
func (p page) answer() Card {
	q, ok := p.asking()
	if !ok || q.By != p.spot.Person || q.Answer == nil {
		return compose([]line{p.headline(), words(p.t("card.no_longer", nil))})
	}
	title := words(p.t("talk.answer", map[string]any{"Document": p.title()})).bold()
	return compose([]line{title}, []line{words("❓ " + tidy(q.Text, roomOfReasons))},
		[]line{p.saidBy("↳ ", q.Answer.By, q.Answer.Author, q.Answer.At), words(tidy(q.Answer.Text, roomOfAsk))})
}

// speaker is who said something: a person whom we know, or a name that the ERP gave.
func (p page) speaker(by people.ID, author string) string {
	if by != "" {
		return p.name(by)
	}
	return p.person(author)
}

func (p page) saidBy(mark string, by people.ID, author string, at time.Time) line {
	return words(mark + p.t("outcome.by", map[string]any{"Name": p.speaker(by, author), "Time": p.time(at)}))
}

func (p page) said(mark string, by people.ID, author string, at time.Time, text string) line {
	l := p.saidBy(mark, by, author, at)
	if text = tidy(text, roomOfWord); text != "" {
		l = l.then(words(": " + text))
	}
	return l
}

// entry is a part of the talk, with the moment that it began.
type entry struct {
	at    time.Time
	lines []line
}

// talk is what was said, the newest of it, in its order: first the questions that wait.
func (p page) talk(room int) []line {
	room = min(room, roomOfTalk)
	entries := p.entries()
	var open []line
	for _, q := range p.Case.Unanswered() {
		open = append(open, words("❓ "+p.t("card.talk.open", map[string]any{
			"Name": p.name(q.By), "Time": p.time(q.At), "Text": tidy(q.Text, roomOfWord),
		})))
	}
	head := words(p.t("card.talk", nil)).bold()
	room -= head.size() + size(open)
	var kept []line
	shown := 0
	for _, e := range slices.Backward(entries) {
		if shown == mostTalk || room < size(e.lines)+maxName {
			break
		}
		kept = append(slices.Clone(e.lines), kept...)
		room -= size(e.lines)
		shown++
	}
	if len(open)+len(entries) == 0 || room < 0 {
		return nil
	}
	if rest := len(entries) - shown; rest > 0 {
		kept = append([]line{words(p.lang.N("card.talk.more", rest, nil))}, kept...)
	}
	return slices.Concat([]line{head}, open, kept)
}

// entries are the comments, the files, and the questions that wait no more.
func (p page) entries() []entry {
	var out []entry
	for _, m := range p.Talk {
		e := entry{at: m.At, lines: []line{p.said("💬 ", m.By, m.Author, m.At, m.Text)}}
		if m.File != nil {
			e.lines = []line{p.said("📎 ", m.By, m.Author, m.At, strings.TrimSuffix(m.File.Name+" — "+m.Text, " — "))}
		}
		out = append(out, e)
	}
	for _, q := range p.Case.Questions {
		if p.Case.Awaits(q) {
			continue
		}
		e := entry{at: q.At, lines: []line{p.said("❓ ", q.By, "", q.At, q.Text)}}
		if a := q.Answer; a != nil {
			e.lines = append(e.lines, p.said("↳ ", a.By, a.Author, a.At, a.Text))
		}
		out = append(out, e)
	}
	slices.SortStableFunc(out, func(a, b entry) int { return a.at.Compare(b.at) })
	return out
}
