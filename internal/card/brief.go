package card

import (
	"strings"

	"countersign/internal/locale"
)

// Brief is what somebody may learn of a document from a message that is about it and no
// card of it.
type Brief struct {
	Line string // what it is; empty: not even that

	mask *mask
}

// BriefOf gives the brief of a document for those from whom some fields are hidden.
func BriefOf(v View, hidden []string, lang locale.Lang) Brief {
	if len(hidden) == 0 {
		return Brief{Line: page{View: v, lang: lang}.brief()}
	}
	m := &mask{hidden: map[string]bool{}}
	for _, name := range hidden {
		m.hidden[name] = true
	}
	m.look(v, lang)
	return Brief{Line: page{View: v.masked(hidden, lang), lang: lang}.brief(), mask: m}
}

// Cover takes what is hidden out of a text, line by line.
func (b Brief) Cover(text string) string {
	if b.mask == nil || b.mask.veil == nil {
		return text
	}
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		if b.mask.veil.MatchString(flat(l)) {
			lines[i] = b.mask.text("", l)
		}
	}
	return strings.Join(lines, "\n")
}

// brief names the document, what it is about and the sum.
func (p page) brief() string {
	parts := []string{p.title()}
	if title := tidy(p.Doc.Title, maxName); title != "" {
		parts = append(parts, title)
	}
	if p.Doc.Amount.Currency != "" {
		parts = append(parts, p.money(p.Doc.Amount))
	}
	return strings.Join(parts, " · ")
}
