package erp

import (
	"slices"

	"countersign/internal/ledger"
)

// documentOf tells the content of a document.
func documentOf(st ledger.Status) Document {
	d := st.Document
	out := Document{
		Type: d.Type, Number: d.Number, Title: d.Title, Company: d.Company, Requester: d.Requester, OnBehalfOf: d.OnBehalfOf,
		LastEditor: d.LastEditor, Amount: d.Amount.String(), AmountMinor: d.Amount.Minor, Currency: d.Amount.Currency,
		Payee: Payee(d.Payee), Contract: d.Contract, CostCenter: d.CostCenter, URL: d.URL, Fields: d.Fields,
	}
	if d.DueDate != "" {
		out.DueDate = &d.DueDate
	}
	for _, l := range d.Lines {
		line := Line{No: l.No, Text: l.Text, CostCenter: l.CostCenter}
		if l.Amount.Currency != "" {
			text := l.Amount.String()
			line.Amount, line.AmountMinor = &text, &l.Amount.Minor
		}
		out.Lines = append(out.Lines, line)
	}
	for _, f := range d.Files {
		out.Files = append(out.Files, File{
			Name: f.Name, SHA256: f.SHA256, Size: f.Size, MediaType: f.MediaType,
			Missing: slices.Contains(st.Case.Missing, f.SHA256),
		})
	}
	return out
}
