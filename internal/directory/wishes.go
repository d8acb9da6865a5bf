package directory

import (
	"fmt"
	"slices"
)

// Rule narrows what a chat is told of one type of document.
type Rule struct {
	Type      string   `json:"type"`
	Companies []string `json:"companies,omitempty"` // none: all
	Amounts   []Band   `json:"amounts,omitempty"`   // none: whatever the sum; else only in these currencies
}

// Band is a range of sums in the smallest units of a currency. Both ends belong to it.
type Band struct {
	Currency string `json:"currency"`
	From     *int64 `json:"from,omitempty"`
	To       *int64 `json:"to,omitempty"`
}

// Matter is what rules look at in a document.
type Matter struct {
	Type     string
	Company  string
	Currency string
	Minor    int64
}

// Wants reports whether the chat is to be told of a document: of a type that it has rules
// for, only where one of them fits.
func (c Chat) Wants(m Matter) bool {
	ruled := false
	for _, r := range c.Rules {
		if r.Type == m.Type {
			ruled = true
			if r.fits(m) {
				return true
			}
		}
	}
	return !ruled && slices.Contains(c.Notices, m.Type)
}

func (r Rule) fits(m Matter) bool {
	if len(r.Companies) > 0 && !slices.Contains(r.Companies, m.Company) {
		return false
	}
	within := func(b Band) bool {
		return b.Currency == m.Currency && (b.From == nil || *b.From <= m.Minor) && (b.To == nil || m.Minor <= *b.To)
	}
	return len(r.Amounts) == 0 || slices.ContainsFunc(r.Amounts, within)
}

const (
	mostRules     = 100
	mostCompanies = 100
	mostBands     = 50
)

func (c Chat) checkRules() (faults []string) {
	if len(c.Rules) > mostRules {
		faults = append(faults, fmt.Sprintf("notices has %d rules, at most %d fit", len(c.Rules), mostRules))
	}
	for _, r := range c.Rules {
		if !slices.Contains(c.Notices, r.Type) {
			faults = append(faults, fmt.Sprintf("a rule is about %s, which is not in notices", shown(r.Type)))
		}
		if len(r.Companies) > mostCompanies || len(r.Amounts) > mostBands {
			faults = append(faults, fmt.Sprintf("a rule about %s has more than %d companies or %d ranges of amounts", shown(r.Type), mostCompanies, mostBands))
		}
		for _, name := range r.Companies {
			faults = append(faults, plain("company in notices", name, 1, 100))
		}
		for _, b := range r.Amounts {
			faults = append(faults, b.check())
		}
	}
	return faults
}

func (b Band) check() string {
	switch {
	case len(b.Currency) != 3 || b.Currency[0] < 'A' || b.Currency[0] > 'Z' || b.Currency[1] < 'A' || b.Currency[1] > 'Z' || b.Currency[2] < 'A' || b.Currency[2] > 'Z':
		return "currency " + shown(b.Currency) + " of a range of amounts is not three capital letters"
	case b.From != nil && b.To != nil && *b.From > *b.To:
		return fmt.Sprintf("a range of amounts in %s begins above its end", b.Currency)
	default:
		return ""
	}
}

// Hideable lists what a chat can be kept from being told. "payee" is all that is known of
// the payee, "fields" what only the ERP knows the meaning of, "reasons" what people wrote.
func Hideable() []string {
	return []string{
		"amount", "company", "contract", "cost_center", "due_date", "fields", "lines", "number", "on_behalf_of", "payee",
		"payee.account", "payee.bank_id", "payee.name", "payee.person", "payee.tax_id", "reasons", "requester", "title",
	}
}

func (c Chat) checkHidden() (faults []string) {
	for _, name := range c.Hidden {
		if !slices.Contains(Hideable(), name) {
			faults = append(faults, "no field "+shown(name)+" can be hidden")
		}
	}
	return faults
}

func sameRules(a, b []Rule) bool {
	same := func(a, b *int64) bool { return a == nil && b == nil || a != nil && b != nil && *a == *b }
	return slices.EqualFunc(a, b, func(a, b Rule) bool {
		return a.Type == b.Type && slices.Equal(a.Companies, b.Companies) && slices.EqualFunc(a.Amounts, b.Amounts, func(a, b Band) bool {
			return a.Currency == b.Currency && same(a.From, b.From) && same(a.To, b.To)
		})
	})
}
