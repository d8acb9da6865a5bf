package card

import (
	"slices"
	"strings"

	"countersign/internal/approval"
	"countersign/internal/document"
)

const (
	mostChanges   = 10
	roomOfChanges = 1000
)

// notes are what one has to know of how the case got here: the round, votes that stand
// although the sum moved, files that are on their way.
func (p page) notes() []line {
	var out []line
	c := p.Case
	if c.Round > 1 {
		text := p.t("card.round", map[string]any{"N": c.Round})
		if p.fresh() && p.judged() == 0 {
			text += ". " + p.t("card.votes_void", nil)
		}
		out = append(out, words(text))
	}
	if voted, moved := p.drift(); moved {
		out = append(out, words(p.t("card.tolerated", map[string]any{
			"Old": p.money(voted.Amount), "New": p.money(c.Amount),
		})))
	}
	if n := len(c.Missing); n > 0 && c.State == approval.InProgress {
		out = append(out, words(p.lang.N("card.files_missing", n, nil)))
	}
	return out
}

// fresh: nobody has voted in this round yet.
func (p page) fresh() bool {
	voted := func(s approval.Slot) bool { return s.Round == p.Case.Round && s.Vote != nil }
	return p.Case.State == approval.InProgress && !slices.ContainsFunc(p.Case.Slots, voted)
}

// drift finds the oldest standing vote of the round, if the amount is no longer the one
// that it was cast on.
func (p page) drift() (approval.Vote, bool) {
	for _, s := range p.Case.Slots {
		if s.Round == p.Case.Round && s.State == approval.SlotVoted && s.Vote.Amount != p.Case.Amount {
			return *s.Vote, true
		}
	}
	return approval.Vote{}, false
}

// judged is the revision that the viewer judged last, of those before this round.
func (p page) judged() int {
	if p.spot.Kind != KindApprover {
		return 0
	}
	no := p.Case.Judged(p.spot.Person)
	if _, known := p.Earlier[no]; !known {
		return 0
	}
	return no
}

// changes lists, for one who is asked, what is new since he judged last; where the money
// goes first.
func (p page) changes() []line {
	no := p.judged()
	if no == 0 || !p.asks(p.spot) {
		return nil
	}
	return p.since(p.Earlier[no], p.t("card.changed_since", nil))
}

// since lists what differs from an earlier state, under a heading; nothing when nothing
// does.
func (p page) since(before document.Document, heading string) []line {
	found := document.Compare(before, p.Doc, p.Case.Plan.Change).Differences
	slices.SortStableFunc(found, func(a, b document.Difference) int { return weight(a) - weight(b) })
	var out []line
	all := 0
	add := func(l func() line) {
		if all++; all <= mostChanges {
			out = append(out, l())
		}
	}
	for _, d := range found {
		if d.Field != "currency" && d.Field != "lines" { // said with the amount, and below
			add(func() line { return p.change(before, d) })
		}
	}
	p.lineChanges(before, add)
	if len(out) == 0 {
		return nil
	}
	head := words(heading).bold()
	return append([]line{head}, take(out, all, roomOfChanges, p.more("card.change.more"))...)
}

// weight orders changes: the sum, where it goes, what else is material, the rest.
func weight(d document.Difference) int {
	switch {
	case d.Field == "amount":
		return 0
	case d.Field == "currency":
		return 1
	case d.Field == "payee.account":
		return 2
	case strings.HasPrefix(d.Field, "payee."):
		return 3
	case document.Hard(d.Field):
		return 4
	case d.Class == document.Material:
		return 5
	default:
		return 6
	}
}

func (p page) change(before document.Document, d document.Difference) line {
	switch d.Field {
	case "files":
		return words(p.fileChange(d))
	case "type":
		return p.changed(d, p.typeName(d.Old), p.typeName(d.New))
	case "amount":
		return p.changed(d, p.money(before.Amount), p.money(p.Doc.Amount))
	case "due_date":
		return p.changed(d, p.date(d.Old), p.date(d.New))
	case "requester", "on_behalf_of", "last_editor", "payee.person":
		return p.changed(d, p.person(d.Old), p.person(d.New))
	default:
		return p.changed(d, tidy(d.Old, maxChange(d)), tidy(d.New, maxChange(d)))
	}
}

// maxChange: what says where the money goes is not cut before other things are.
func maxChange(d document.Difference) int {
	if strings.HasPrefix(d.Field, "payee.") {
		return wholeAccount
	}
	return maxValue
}

func (p page) changed(d document.Difference, before, after string) line {
	orEmpty := func(s string) string {
		if s == "" {
			return p.t("card.change.empty", nil)
		}
		return s
	}
	text := p.t("card.change.field", map[string]any{"Field": p.fieldName(d.Field), "Old": orEmpty(before), "New": orEmpty(after)})
	if strings.HasPrefix(d.Field, "payee.") {
		text = "⚠️ " + text
	}
	return words(text)
}

// fieldName is what people call a field: "payee.account", "fields.Договор".
func (p page) fieldName(field string) string {
	if own, extra := strings.CutPrefix(field, "fields."); extra {
		return p.word("field.own.", own)
	}
	return p.word("field.", field)
}

// typeName is what people call a type of document. One that has no name of its own is told
// from others by its code.
func (p page) typeName(code string) string {
	if text, ok := p.known("doc." + code); ok {
		return text
	}
	return tidy(p.t("doc.other", nil)+" ("+code+")", maxName)
}

// lineChanges compares the lines of the document by their place, as document does.
func (p page) lineChanges(before document.Document, add func(func() line)) {
	at := func(lines []document.Line, i int) document.Line {
		if i < len(lines) {
			return lines[i]
		}
		return document.Line{}
	}
	say := func(l document.Line) string {
		if l == (document.Line{}) {
			return ""
		}
		return p.docLine(l)
	}
	for i := range max(len(before.Lines), len(p.Doc.Lines)) {
		if was, is := at(before.Lines, i), at(p.Doc.Lines, i); was != is {
			add(func() line { return p.changed(document.Difference{Field: "lines"}, say(was), say(is)) })
		}
	}
}

func (p page) fileChange(d document.Difference) string {
	key, label := "card.change.file_replaced", d.New
	switch {
	case d.Old == "":
		key = "card.change.file_added"
	case d.New == "":
		key, label = "card.change.file_removed", d.Old
	}
	if i := strings.LastIndex(label, " ("); i >= 0 { // the digest says nothing to people
		label = label[:i]
	}
	return p.t(key, map[string]any{"File": tidy(label, maxName)})
}
