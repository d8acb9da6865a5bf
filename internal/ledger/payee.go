package ledger

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"countersign/internal/approval"
	"countersign/internal/document"
	"countersign/internal/route"
)

// payee is where a company sends money to, however it is written.
type payee struct {
	company, account, bank string
}

// payeeOf tells whether the payee of a document can be known at all: one without an
// account cannot be told from another, and one beyond every bound is not kept.
func payeeOf(d document.Document) (payee, bool) {
	p := payee{company: d.Company, account: plain(d.Payee.Account), bank: plain(d.Payee.BankID)}
	within := func(s string, most int) bool { return utf8.RuneCountInString(s) <= most }
	return p, p.account != "" && within(p.company, 200) && within(p.account, 150) && within(p.bank, 100)
}

func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, s)
}

// newPayee reports whether the company has paid nothing to the payee of the document by
// a decision of ours. It is looked at only where the plan asks.
func newPayee(ctx context.Context, r *record, plan route.Plan) (bool, error) {
	if !plan.AsksNewness() {
		return false, nil
	}
	p, ok := payeeOf(r.Doc)
	if !ok {
		return true, nil
	}
	var known bool
	err := r.conn.QueryRow(ctx, `select exists (select from known_payee where source = $1 and company = $2 and account = $3 and bank = $4)`,
		r.Key.Source, p.company, p.account, p.bank).Scan(&known)
	if err != nil {
		return false, fmt.Errorf("payee of %s/%s: %w", r.Key.Source, r.Key.ExternalID, err)
	}
	return !known, nil
}

// writePayee: by a decision that is consumed its payee becomes known. It comes after the
// case, for the schema's guard.
func (r *record) writePayee(b *pgx.Batch, facts []fact) {
	consumed := slices.ContainsFunc(facts, func(f fact) bool { return f.kind == string(approval.Consumed) })
	if p, ok := payeeOf(r.Doc); ok && consumed {
		b.Queue(`insert into known_payee (source, company, account, bank, case_id) values ($1, $2, $3, $4, $5) on conflict do nothing`,
			r.Key.Source, p.company, p.account, p.bank, r.Case.ID)
	}
}
