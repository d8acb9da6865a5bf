package console

import (
	"net/http"
)

// finding is a line of the check-up.
type finding struct{ Level, Check, Text string }

// checkup shows what was found last; to look anew takes a button.
func (d *Desk) checkup(w http.ResponseWriter, r *http.Request, v visitor) {
	p := d.page(r, v, "doctor")
	found, at := d.Chart.Last()
	p.Looked = at
	for _, f := range found {
		text := f.Text(p.lang)
		if d.Mask != nil {
			text = d.Mask(text)
		}
		p.Findings = append(p.Findings, finding{string(f.Level), f.Check, text})
	}
	d.write(w, r, http.StatusOK, p)
}

// look looks anew, and shows what was found by an address that a reload does not repeat.
func (d *Desk) look(w http.ResponseWriter, r *http.Request, _ visitor) {
	d.Chart.Look(r.Context())
	http.Redirect(w, r, "/console/doctor", http.StatusSeeOther)
}
