package card

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"countersign/internal/approval"
	"countersign/internal/document"
	"countersign/internal/locale"
	"countersign/internal/money"
)

const (
	veiled      = "•••"
	shortestOut = 3 // letters of a value that is taken out of other texts; shorter ones are in every word
)

// Hideable lists the fields that a group can be kept from seeing.
func Hideable() []string {
	return []string{
		"amount", "company", "contract", "cost_center", "due_date", "fields", "lines", "number", "on_behalf_of", "payee",
		"payee.account", "payee.bank_id", "payee.name", "payee.person", "payee.tax_id", "reasons", "requester", "title",
	}
}

// group finds a group; one that nobody knows any more sees nothing.
func (v View) group(id string) Group {
	for _, g := range slices.Concat(v.Groups, v.Fallback) {
		if g.ID == id {
			return g
		}
	}
	return Group{ID: id, Hidden: Hideable(), NoFiles: true}
}

// mask takes fields out of everything that a card is made of, and their values out of what
// people wrote elsewhere: what is not there cannot be shown by mistake.
type mask struct {
	hidden map[string]bool
	veil   *regexp.Regexp // nil: no value to look for
}

// masked is the view without what a group must not see.
func (v View) masked(hidden []string, lang locale.Lang) View {
	if len(hidden) == 0 {
		return v
	}
	m := mask{hidden: map[string]bool{}}
	for _, name := range hidden {
		m.hidden[name] = true
	}
	m.look(v, lang)
	v.Doc = m.document(v.Doc)
	earlier := map[int]document.Document{}
	for no, d := range v.Earlier {
		earlier[no] = m.document(d)
	}
	v.Earlier = earlier
	v.Case = m.cover(*v.Case)
	v.Talk, v.Files = nil, slices.Clone(v.Files)
	for i, f := range v.Files {
		v.Files[i] = m.remark(f)
	}
	return v
}

// remark is what a group sees of a file that somebody sent.
func (m *mask) remark(r approval.Remark) approval.Remark {
	r.Text = m.text("reasons", r.Text)
	if r.File != nil {
		f := *r.File
		f.Name = m.text("", f.Name)
		r.File = &f
	}
	return r
}

// look gathers the values that are to be found in no text.
func (m *mask) look(v View, lang locale.Lang) {
	all := values{m, map[string]bool{}}
	for _, d := range append(slices.Collect(maps.Values(v.Earlier)), v.Doc) {
		for field, value := range map[string]string{
			"number": d.Number, "title": d.Title, "company": d.Company, "contract": d.Contract, "cost_center": d.CostCenter,
			"due_date": d.DueDate, "payee.name": d.Payee.Name,
		} {
			all.add(field, value)
		}
		all.add("due_date", page{lang: lang}.date(d.DueDate))
		for field, value := range map[string]string{"payee.account": d.Payee.Account, "payee.bank_id": d.Payee.BankID, "payee.tax_id": d.Payee.TaxID} {
			all.number(field, value)
		}
		for field, ref := range map[string]string{"payee.person": d.Payee.Person, "requester": d.Requester, "on_behalf_of": d.OnBehalfOf} {
			all.add(field, ref)
			if who, ok := v.People.Find(ref); ok {
				all.add(field, who.Name, who.ExternalID, who.Email)
			}
		}
		all.sum(d.Amount)
		for _, l := range d.Lines {
			all.sum(l.Amount)
			all.add("lines", l.Text)
			all.add("cost_center", l.CostCenter)
		}
		all.add("fields", slices.Collect(maps.Values(d.Fields))...)
	}
	if len(all.found) == 0 {
		return
	}
	longest := slices.SortedFunc(maps.Keys(all.found), func(a, b string) int { return len(b) - len(a) })
	m.veil = regexp.MustCompile(`(?i)` + strings.Join(longest, "|"))
}

// values are patterns of what is hidden.
type values struct {
	*mask

	found map[string]bool
}

func (v values) add(field string, texts ...string) {
	for _, s := range texts {
		if s = flat(s); v.hides(field) && utf8.RuneCountInString(s) >= shortestOut {
			v.found[strings.Join(strings.FieldsFunc(regexp.QuoteMeta(s), unicode.IsSpace), parting+"*")] = true
		}
	}
}

// number finds it however its digits are grouped.
func (v values) number(field, s string) {
	if s = flat(s); v.hides(field) && utf8.RuneCountInString(s) >= shortestOut {
		v.found[apart(s)] = true
	}
}

// sum finds an amount however people write it, with its cents or without: of a hidden one
// nothing is shown, neither how large it is, as by a dot for each digit, nor its cents,
// which would tell it among those of a list. Too few digits are found with the cents only.
func (v values) sum(a money.Amount) {
	if a == (money.Amount{}) || !v.hides("amount") {
		return
	}
	whole, cents, _ := strings.Cut(strings.TrimPrefix(a.String(), "-"), ".")
	switch few := len(whole) < shortestOut; {
	case cents == "" && few: // two yen are in every word
	case cents == "":
		v.found[apart(whole)+fraction+`?`] = true
	case few:
		v.found[apart(whole)+between+cents] = true
	default:
		v.found[apart(whole)+`(?:`+fraction+`|`+between+cents+`)?`] = true
	}
}

const (
	fraction = `(?:[.,'’-]\d{1,4})`
	between  = `[^\d]{0,12}?` // what people put between an amount and its cents: a word, too
)

// parting is what people put between the parts of a number.
const parting = `[\s\x{a0}\x{2009}\x{202f}.,'’-]`

func apart(s string) string {
	var letters []string
	for _, r := range s {
		if !unicode.IsSpace(r) {
			letters = append(letters, regexp.QuoteMeta(string(r)))
		}
	}
	return strings.Join(letters, parting+"?")
}

// cut takes values out of a text, also where one begins within another.
func (m *mask) cut(s string) string {
	var out strings.Builder
	kept, from := 0, 0 // up to where the text is written, and where to look on
	for from < len(s) {
		at := m.veil.FindStringIndex(s[from:])
		if at == nil {
			break
		}
		begin, end := from+at[0], from+at[1]
		if begin >= kept {
			out.WriteString(s[kept:begin] + veiled)
		}
		kept = max(kept, end)
		_, width := utf8.DecodeRuneInString(s[begin:])
		from = begin + width
	}
	return out.String() + s[kept:]
}

func (m *mask) hides(field string) bool {
	whole, _, part := strings.Cut(field, ".")
	return m.hidden[field] || part && m.hidden[whole]
}

// text is what a group sees of a text that belongs to a field.
func (m *mask) text(field, s string) string {
	switch {
	case m.hides(field):
		return ""
	case m.veil == nil || s == "":
		return s
	default:
		return m.cut(flat(s))
	}
}

func (m *mask) sum(a money.Amount) money.Amount {
	if m.hides("amount") {
		return money.Amount{}
	}
	return a
}

func (m *mask) document(d document.Document) document.Document {
	d.Number, d.Title, d.Company = m.text("number", d.Number), m.text("title", d.Title), m.text("company", d.Company)
	d.Contract, d.CostCenter, d.DueDate = m.text("contract", d.Contract), m.text("cost_center", d.CostCenter), m.text("due_date", d.DueDate)
	d.Requester, d.OnBehalfOf = m.text("requester", d.Requester), m.text("on_behalf_of", d.OnBehalfOf)
	d.LastEditor, d.URL = "", ""
	d.Amount = m.sum(d.Amount)
	to := d.Payee
	d.Payee = document.Payee{
		Name: m.text("payee.name", to.Name), Account: m.text("payee.account", to.Account), BankID: m.text("payee.bank_id", to.BankID),
		TaxID: m.text("payee.tax_id", to.TaxID), Person: m.text("payee.person", to.Person),
	}
	fields, lines := d.Fields, d.Lines
	d.Fields, d.Lines, d.Files = nil, nil, slices.Clone(d.Files)
	if !m.hides("fields") && len(fields) > 0 {
		d.Fields = map[string]string{}
		for name, value := range fields {
			d.Fields[m.text("", name)] = m.text("", value)
		}
	}
	if !m.hides("lines") {
		for _, l := range lines {
			l.Text, l.Amount, l.CostCenter = m.text("", l.Text), m.sum(l.Amount), m.text("cost_center", l.CostCenter)
			d.Lines = append(d.Lines, l)
		}
	}
	for i := range d.Files {
		d.Files[i].Name = m.text("", d.Files[i].Name)
	}
	return d
}

// cover does the same to the case, on a copy.
func (m *mask) cover(c approval.Case) *approval.Case {
	c.Amount, c.Questions = m.sum(c.Amount), nil
	if c.State != approval.Blocked { // else a word of ours
		c.Note = m.text("reasons", c.Note)
	}
	c.Slots = slices.Clone(c.Slots)
	for i, s := range c.Slots {
		if s.Vote != nil {
			vote := *s.Vote
			vote.Amount, vote.Reason = m.sum(vote.Amount), m.text("reasons", vote.Reason)
			c.Slots[i].Vote = &vote
		}
	}
	if c.Decision != nil {
		decision := *c.Decision
		decision.Reason = m.text("reasons", decision.Reason)
		c.Decision = &decision
	}
	if c.Consumed != nil {
		taken := *c.Consumed
		taken.Ref = m.text("", taken.Ref)
		c.Consumed = &taken
	}
	return &c
}
