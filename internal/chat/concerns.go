package chat

import "countersign/internal/card"

// CaseOf is the case that a button is about, by its data; empty: of none, or of what only its
// own dialogue knows.
func CaseOf(data string) string {
	if t, err := card.ParseTap(data); err == nil {
		return string(t.Case)
	}
	if id, ok := card.ParseRefresh(data); ok {
		return string(id)
	}
	return ""
}

// refuse tells whoever counts that a call of the webhook was turned away.
func (d *Door) refuse(why string) {
	if d.Refused != nil {
		d.Refused(why)
	}
}
