package card

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"countersign/internal/document"
	"countersign/internal/markup"
	"countersign/internal/money"
)

// Where the money goes is shown whole up to these lengths, and nothing may push it away.
// A document beyond them cannot be accepted on a card.
const (
	wholePayee   = 500
	wholeAccount = 150
	wholeID      = 100
	wholeSum     = 80
)

// How much of a long document is shown; more would be a wall.
const (
	mostFields  = 20
	mostLines   = 15
	mostFiles   = 10
	roomOfFiles = 700
)

// title names the document: "Payment request No. 4711".
func (p page) title() string {
	kind, ok := p.known("doc." + p.Doc.Type)
	if !ok {
		kind = p.t("doc.other", nil)
	}
	number := tidy(p.Doc.Number, maxName)
	if number == "" {
		return kind
	}
	return p.t("doc.numbered", map[string]any{"Type": kind, "Number": number})
}

func (p page) headline() line { return words(p.title()).bold() }

// figures are the sum and where it goes. Whole is false when a part had to be cut.
func (p page) figures() (lines []line, whole bool) {
	whole = true
	field := func(name, value string, limit int, show func(string) line) {
		if value = flat(value); value == "" {
			return
		}
		cut := markup.Truncate(value, limit)
		whole = whole && cut == value
		lines = append(lines, p.label("field."+name).then(show(fence(cut))))
	}
	if p.Doc.Amount != (money.Amount{}) {
		lines = append(lines, words(p.money(p.Doc.Amount)).bold())
	}
	to := p.Doc.Payee
	field("payee.name", to.Name, wholePayee, func(s string) line { return words(s).bold() })
	field("payee.account", to.Account, wholeAccount, code)
	field("payee.bank_id", to.BankID, wholeID, code)
	field("payee.tax_id", to.TaxID, wholeID, code)
	name, limit := to.Person, wholeID // whole, when nobody knows who that is
	if who, known := p.People.Find(name); known && flat(who.Name) != "" {
		name, limit = who.Name, wholePayee
	}
	field("payee.person", name, limit, words)
	return lines, whole
}

func (p page) label(key string) line { return words(p.t(key, nil) + ": ") }

func (p page) money(a money.Amount) string {
	return markup.Truncate(strings.ReplaceAll(markup.Clean(p.lang.Money(a)), "\n", " "), wholeSum)
}

func (p page) date(day string) string {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return tidy(day, maxValue)
	}
	return p.lang.Date(t)
}

// person gives the name behind the ERP's word for a person.
func (p page) person(ref string) string {
	if who, ok := p.People.Find(ref); ok {
		return p.name(who.ID)
	}
	return tidy(ref, maxName)
}

// details are the rest of the document, as much as there is room for.
func (p page) details(left int) []line {
	d := p.Doc
	basics := p.basics()
	out := take(basics, len(basics), left, func(int) string { return markup.Ellipsis })
	left -= size(out)
	files := p.list("files", p.fileLines(), len(d.Files), min(roomOfFiles, left))
	left -= size(files)
	room := left
	if len(d.Lines) > 0 {
		room = left / 2
	}
	fields, all := p.extra()
	fields = take(fields, all, room, p.more("card.fields.more"))
	left -= size(fields)
	out = append(out, fields...)
	out = append(out, p.list("lines", p.docLines(), len(d.Lines), left)...)
	return append(out, files...)
}

func (p page) more(key string) func(int) string {
	return func(n int) string { return p.lang.N(key, n, nil) }
}

// list is a part of its own with a heading, or nothing.
func (p page) list(name string, items []line, all, room int) []line {
	head := []line{{}, words(p.t("field."+name, nil)).bold()}
	room -= size(head)
	if len(items) == 0 || room < maxName {
		return nil
	}
	return append(head, take(items, all, room, p.more("card."+name+".more"))...)
}

func (p page) basics() []line {
	var out []line
	add := func(name, value string) {
		if value != "" {
			out = append(out, p.label("field."+name).then(words(value)))
		}
	}
	d := p.Doc
	add("title", tidy(d.Title, maxTitle))
	add("due_date", p.date(d.DueDate))
	add("company", tidy(d.Company, maxValue))
	add("cost_center", tidy(d.CostCenter, maxValue))
	add("contract", tidy(d.Contract, maxValue))
	add("requester", p.person(d.Requester))
	if d.OnBehalfOf != d.Requester {
		add("on_behalf_of", p.person(d.OnBehalfOf))
	}
	return out
}

// extra are the fields that only whoever posts the document knows the meaning of, in his
// words where we have none, and how many there are.
func (p page) extra() (lines []line, all int) {
	names := slices.Sorted(maps.Keys(p.Doc.Fields))
	for _, name := range names {
		if strings.TrimSpace(p.Doc.Fields[name]) == "" {
			continue
		}
		if all++; all <= mostFields {
			lines = append(lines, words(p.fieldName("fields."+name)+": "+p.ownValue(name, p.Doc.Fields[name])))
		}
	}
	return lines, all
}

// ownValue is the value of such a field. A moment in one that we know is told by the
// reader's clock.
func (p page) ownValue(name, value string) string {
	if at, err := time.Parse("2006-01-02 15:04 UTC", value); err == nil && p.lang.Has("field.own."+name) {
		return p.time(at)
	}
	return tidy(value, maxValue)
}

func (p page) docLines() []line {
	var out []line
	for _, l := range p.Doc.Lines[:min(mostLines, len(p.Doc.Lines))] {
		out = append(out, words(p.docLine(l)))
	}
	return out
}

func (p page) docLine(l document.Line) string {
	text := strconv.Itoa(l.No) + ". " + tidy(l.Text, maxValue)
	if l.Amount != (money.Amount{}) {
		text += " — " + p.money(l.Amount)
	}
	if l.CostCenter != "" {
		text += " (" + tidy(l.CostCenter, maxName) + ")"
	}
	return text
}

func (p page) fileLines() []line {
	var out []line
	for _, f := range p.Doc.Files[:min(mostFiles, len(p.Doc.Files))] {
		name := tidy(f.Name, maxValue)
		switch {
		case slices.Contains(p.Case.Missing, f.SHA256):
			out = append(out, words("⏳ "+p.t("file.pending", map[string]any{"File": name})))
		case f.Size > 0:
			out = append(out, words("📎 "+name+", "+p.size(f.Size)))
		default:
			out = append(out, words("📎 "+name))
		}
	}
	return out
}

// size is rounded up to what a person cares about.
func (p page) size(bytes int64) string {
	const kilo, mega = 1 << 10, 1 << 20
	if bytes < mega {
		return p.t("card.size.kb", map[string]any{"N": (bytes + kilo - 1) / kilo})
	}
	return p.t("card.size.mb", map[string]any{"N": (bytes + mega/2) / mega})
}
