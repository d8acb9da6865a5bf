package notice

import (
	"context"
	"errors"

	"countersign/internal/approval"
	"countersign/internal/card"
	"countersign/internal/directory"
	"countersign/internal/document"
	"countersign/internal/ledger"
	"countersign/internal/locale"
)

// sight is what a reader may see of a notice.
type sight struct {
	card.Brief

	files   bool
	protect bool // he may not pass it on
}

// sight finds what a reader may see. Of the document that a notice is about a group learns
// what its rules let through, also from the words of the notice itself; a person learns of
// it who may see it anyway.
func (b *Board) sight(ctx context.Context, p piece, r reader, lang locale.Lang) (sight, error) {
	out := sight{files: true, protect: r.group != nil && r.group.Protect}
	if p.Body.About == "" {
		return out, nil
	}
	st, err := b.Ledger.Document(ctx, document.Key{Source: p.Source, ExternalID: p.Body.About})
	if errors.Is(err, ledger.ErrNotFound) {
		out.files = r.group == nil
		return out, nil
	}
	if err != nil {
		return out, err
	}
	view := card.View{Case: &st.Case, Doc: st.Document, People: r.dir, Zone: b.Office.Location}
	if r.group == nil {
		if approval.Sees(r.who, st.Document, st.Case.Asked(), r.dir) {
			out.Brief = card.BriefOf(view, nil, lang)
		}
		return out, nil
	}
	out.Brief, out.files = card.BriefOf(view, r.group.Hidden, lang), !r.group.NoFiles
	if !r.group.Fallback && !r.group.Wants(matter(st.Document)) {
		out.Line = ""
	}
	return out, nil
}

func matter(d document.Document) directory.Matter {
	return directory.Matter{Type: d.Type, Company: d.Company, Currency: d.Amount.Currency, Minor: d.Amount.Minor}
}
