package document

import (
	"maps"
	"slices"
	"strconv"

	"countersign/internal/money"
)

// Class says what a change does to the votes that were cast before it.
type Class string

// The classes, from harmless to not.
const (
	Unchanged Class = "unchanged" // the same hash
	Cosmetic  Class = "cosmetic"  // votes stand
	Tolerant  Class = "tolerant"  // votes stand while the drift since the oldest of them is small
	Material  Class = "material"  // votes fall
)

func (c Class) rank() int {
	return slices.Index([]Class{Unchanged, Cosmetic, Tolerant, Material}, c)
}

// Worse gives the graver of two classes.
func (c Class) Worse(other Class) Class {
	if other.rank() > c.rank() {
		return other
	}
	return c
}

// Difference is one field that is not as it was.
type Difference struct {
	Field string `json:"field"` // as in the ERP's JSON: "payee.account", "fields.Договор", "files"
	Old   string `json:"old"`
	New   string `json:"new"`
	Class Class  `json:"class"`
}

// Change is everything in which a document differs from an earlier state.
type Change struct {
	Class       Class
	Differences []Difference
}

// Policy is what a document type says of its fields. A field that it does not
// name is material: a field nobody thought of must not slip past an approver.
type Policy struct {
	Cosmetic []string `json:"cosmetic,omitempty"` // names of fields, as in Difference
	Tolerant []string `json:"tolerant,omitempty"` // likewise; "amount" is always measured, never just tolerated
	// Drift is how far the amount may move from the oldest standing vote; zero: not at all.
	Drift money.Tolerance `json:"drift"`
}

// alwaysMaterial are the fields that no policy can soften: where the money goes.
var alwaysMaterial = []string{ //nolint:gochecknoglobals // a constant table
	"amount", "currency", "company", "contract",
	"payee.name", "payee.tax_id", "payee.account", "payee.bank_id", "payee.person",
}

// Hard reports whether a policy may not soften the field.
func Hard(field string) bool { return slices.Contains(alwaysMaterial, field) }

func (p Policy) class(field string) Class {
	switch {
	case Hard(field):
		return Material
	case slices.Contains(p.Cosmetic, field):
		return Cosmetic
	case slices.Contains(p.Tolerant, field):
		return Tolerant
	default:
		return Material
	}
}

// Allows reports whether the amount may have drifted from one to the other while
// votes stand.
func (p Policy) Allows(from, to money.Amount) bool {
	if from == to {
		return true
	}
	if from.Currency != to.Currency {
		return false
	}
	ok, err := money.Within(from, to, p.Drift)
	return err == nil && ok
}

// Compare tells how next differs from previous. An amount that changed in the
// same currency is Tolerant here when the policy knows a tolerance at all;
// whether it is within it depends on the oldest standing vote, which approval knows.
func Compare(previous, next Document, p Policy) Change {
	c := comparison{policy: p}
	c.texts(previous, next)
	c.amount(previous.Amount, next.Amount)
	c.fields(previous.Fields, next.Fields)
	c.lines(previous.Lines, next.Lines)
	c.files(previous.Files, next.Files)
	out := Change{Class: Unchanged, Differences: c.found}
	for _, d := range c.found {
		out.Class = out.Class.Worse(d.Class)
	}
	return out
}

type comparison struct {
	policy Policy
	found  []Difference
}

func (c *comparison) text(field, before, after string) {
	if before != after {
		c.found = append(c.found, Difference{field, before, after, c.policy.class(field)})
	}
}

func (c *comparison) texts(a, b Document) {
	c.text("type", a.Type, b.Type)
	c.text("number", a.Number, b.Number)
	c.text("title", a.Title, b.Title)
	c.text("company", a.Company, b.Company)
	c.text("requester", a.Requester, b.Requester)
	c.text("on_behalf_of", a.OnBehalfOf, b.OnBehalfOf)
	c.text("last_editor", a.LastEditor, b.LastEditor)
	c.text("payee.name", a.Payee.Name, b.Payee.Name)
	c.text("payee.tax_id", a.Payee.TaxID, b.Payee.TaxID)
	c.text("payee.account", a.Payee.Account, b.Payee.Account)
	c.text("payee.bank_id", a.Payee.BankID, b.Payee.BankID)
	c.text("payee.person", a.Payee.Person, b.Payee.Person)
	c.text("contract", a.Contract, b.Contract)
	c.text("cost_center", a.CostCenter, b.CostCenter)
	c.text("due_date", a.DueDate, b.DueDate)
	c.text("url", a.URL, b.URL)
}

func (c *comparison) amount(a, b money.Amount) {
	if a.Currency != b.Currency {
		c.found = append(c.found, Difference{"currency", a.Currency, b.Currency, Material})
	}
	if a.Minor == b.Minor && a.Currency == b.Currency {
		return
	}
	class := Material
	if a.Currency == b.Currency && c.policy.Drift != (money.Tolerance{}) {
		class = Tolerant
	}
	c.found = append(c.found, Difference{"amount", a.String(), b.String(), class})
}

func (c *comparison) fields(a, b map[string]string) {
	names := map[string]bool{}
	for k := range a {
		names[k] = true
	}
	for k := range b {
		names[k] = true
	}
	for _, k := range slices.Sorted(maps.Keys(names)) {
		_, before := a[k]
		_, after := b[k]
		if a[k] == b[k] && before != after { // an empty field that came or went is still a change of the hash
			c.found = append(c.found, Difference{"fields." + k, a[k], b[k], c.policy.class("fields." + k)})
			continue
		}
		c.text("fields."+k, a[k], b[k])
	}
}

func (c *comparison) lines(a, b []Line) {
	for i := range max(len(a), len(b)) {
		var before, after string
		if i < len(a) {
			before = a[i].describe()
		}
		if i < len(b) {
			after = b[i].describe()
		}
		// The descriptions of two different lines may read the same.
		if i >= len(a) || i >= len(b) || a[i] != b[i] {
			c.found = append(c.found, Difference{"lines", before, after, c.policy.class("lines")})
		}
	}
}

func (l Line) describe() string {
	s := strconv.Itoa(l.No) + ". " + l.Text + " — " + l.Amount.String() + " " + l.Amount.Currency
	if l.CostCenter != "" {
		s += " [" + l.CostCenter + "]"
	}
	return s
}

// files: an added file is tolerant, a removed or replaced one material.
func (c *comparison) files(a, b []File) {
	before, after := sortedFiles(a), sortedFiles(b)
	gone := missing(before, after)
	come := missing(after, before)
	for _, f := range gone {
		if i := slices.IndexFunc(come, func(n File) bool { return n.Name == f.Name }); i >= 0 {
			c.found = append(c.found, Difference{"files", f.label(), come[i].label(), Material})
			come = slices.Delete(come, i, i+1)
			continue
		}
		c.found = append(c.found, Difference{"files", f.label(), "", Material})
	}
	for _, f := range come {
		c.found = append(c.found, Difference{"files", "", f.label(), Tolerant})
	}
}

// missing lists the files of one list that the other lacks, counting copies.
func missing(of, in []File) []File {
	var out []File
	rest := slices.Clone(in)
	for _, f := range of {
		i := slices.IndexFunc(rest, func(o File) bool { return o.SHA256 == f.SHA256 && o.Name == f.Name })
		if i < 0 {
			out = append(out, f)
			continue
		}
		rest = slices.Delete(rest, i, i+1)
	}
	return out
}

func (f File) label() string { return f.Name + " (" + f.SHA256[:min(8, len(f.SHA256))] + ")" }
