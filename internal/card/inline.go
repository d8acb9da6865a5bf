package card

import (
	"strings"
	"time"

	"countersign/internal/approval"
	"countersign/internal/locale"
	"countersign/internal/money"
	"countersign/internal/people"
)

const refreshPrefix = "i:"

// Posting is a status card that a person posted through inline mode, in a chat that
// nobody knows.
type Posting struct {
	InlineID string // the messenger's name for the message
	Case     approval.ID
	Person   people.ID // who posted it, and may see the document
	Account  int64     // from which he did
	Language string
}

// Posted gives the status card as it is posted: it says as of when it is, since nobody may
// tell us where it stands, and has a button that does.
func Posted(v View, at time.Time, lang locale.Lang) Card {
	p := page{View: v, lang: lang}
	c := compose(append(p.status(), line{}, words(p.t("inline.as_of", map[string]any{"Time": p.time(at)}))))
	c.Buttons = append([][]Button{{{Text: p.t("button.refresh", nil), Data: Refresh(v.Case.ID)}}}, p.linkButton()...)
	return c
}

// Followed gives the status card once it is known where it stands: it follows the case to
// its end. Nobody decides on it.
func Followed(v View, lang locale.Lang) Card {
	p := page{View: v, lang: lang}
	c := compose(p.status())
	if p.Case.State == approval.InProgress {
		c.Buttons = p.linkButton()
	}
	return c
}

// status is what may be read by whoever is there: which document, how much, for whom, and
// how it fares. It names nobody who decides, and no account.
func (p page) status() []line {
	out := []line{p.headline(), p.stateLine()}
	if c := p.Case; c.State == approval.InProgress && c.Step < len(c.Plan.Steps) {
		out = append(out, words(p.t("card.step", map[string]any{
			"N": c.Step + 1, "Total": len(c.Plan.Steps), "Title": p.stepTitle(c.Plan.Steps[c.Step]),
		})))
	}
	if p.Doc.Amount != (money.Amount{}) {
		out = append(out, words(p.money(p.Doc.Amount)).bold())
	}
	if name := tidy(p.Doc.Payee.Name, wholePayee); name != "" {
		out = append(out, p.label("field.payee.name").then(words(name).bold()))
	}
	return out
}

// Refresh gives the data of the button that asks for a posted card to be kept up to date.
func Refresh(id approval.ID) string { return refreshPrefix + string(id) }

// ParseRefresh reads what Refresh wrote, and nothing else.
func ParseRefresh(data string) (approval.ID, bool) {
	id, ours := strings.CutPrefix(data, refreshPrefix)
	return approval.ID(id), ours && isCase(id)
}
