// Package document knows what an ERP posts: a document, its states, and how one
// state differs from the next.
//
// It owns the content hash that a decision is bound to, the classes of change, and by
// which words a document is found.
// It leaves reading JSON to the ERP door, and what a change does to votes to approval.
package document

import (
	"slices"
	"strings"

	"countersign/internal/money"
)

// Key is the ERP's own name for a document.
type Key struct {
	Source     string `json:"source"`
	ExternalID string `json:"external_id"`
}

// Document is one state of a document as the ERP posted it.
type Document struct {
	Type       string            `json:"type"`
	Number     string            `json:"number,omitempty"`
	Title      string            `json:"title,omitempty"`
	Company    string            `json:"company,omitempty"`
	Requester  string            `json:"requester"` // external id or mail address, as all persons here
	OnBehalfOf string            `json:"on_behalf_of,omitempty"`
	LastEditor string            `json:"last_editor,omitempty"`
	Amount     money.Amount      `json:"amount"`
	DueDate    string            `json:"due_date,omitempty"` // YYYY-MM-DD, or empty
	Payee      Payee             `json:"payee"`
	Contract   string            `json:"contract,omitempty"`
	CostCenter string            `json:"cost_center,omitempty"`
	URL        string            `json:"url,omitempty"`
	Fields     map[string]string `json:"fields,omitempty"` // whatever else the ERP wants seen and protected
	Lines      []Line            `json:"lines,omitempty"`
	Files      []File            `json:"files,omitempty"`
}

// Payee is who gets the money, and where.
type Payee struct {
	Name    string `json:"name,omitempty"`
	TaxID   string `json:"tax_id,omitempty"`
	Account string `json:"account,omitempty"`
	BankID  string `json:"bank_id,omitempty"`
	Person  string `json:"person,omitempty"` // the payee if an employee: external id or mail address
}

// Line is one row of a document.
type Line struct {
	No         int          `json:"no"`
	Text       string       `json:"text,omitempty"`
	Amount     money.Amount `json:"amount"`
	CostCenter string       `json:"cost_center,omitempty"`
}

// File is an attachment, known by its content.
type File struct {
	Name      string `json:"name"`
	SHA256    string `json:"sha256"`               // lower-case hex
	Size      int64  `json:"size,omitempty"`       // bytes; 0 while only announced. Not part of the hash: the digest names the content
	MediaType string `json:"media_type,omitempty"` // as sniffed at upload; not part of the hash
}

// Persons lists the words by which the document names people who stand to gain
// from it or wrote it: none of them may approve it.
func (d Document) Persons() []string {
	var out []string
	for _, ref := range []string{d.Requester, d.OnBehalfOf, d.LastEditor, d.Payee.Person} {
		if ref = strings.TrimSpace(ref); ref != "" && !slices.Contains(out, ref) {
			out = append(out, ref)
		}
	}
	return out
}

// Field gives a field by the name it has in the ERP's JSON, as routes speak of it.
// A field unknown is empty: a route that names one is refused when it is saved.
func (d Document) Field(name string) string {
	switch name {
	case "company":
		return d.Company
	case "cost_center":
		return d.CostCenter
	case "currency":
		return d.Amount.Currency
	case "type":
		return d.Type
	case "contract":
		return d.Contract
	case "requester":
		return d.Requester
	}
	if rest, ok := strings.CutPrefix(name, "fields."); ok {
		return d.Fields[rest]
	}
	return ""
}

// Known reports whether Field knows the name.
func Known(name string) bool {
	switch name {
	case "company", "cost_center", "currency", "type", "contract", "requester":
		return true
	}
	rest, ok := strings.CutPrefix(name, "fields.")
	return ok && rest != ""
}
