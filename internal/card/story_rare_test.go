package card_test

import (
	"fmt"
	"strings"
	"testing"

	"countersign/internal/card"
	"countersign/internal/document"
	"countersign/internal/people"
	"countersign/internal/route"
)

// rarities are situations that few documents come into.
func rarities() map[string]func(tb testing.TB) *story {
	return map[string]func(tb testing.TB) *story{
		"files_awaited": func(tb testing.TB) *story { // all who are left have agreed, and a file is not there
			tb.Helper()
			s := begin(tb, request(), threeSteps(), staff()).accept("per_anna", "per_petr", "per_tanya").
				revise(func(d *document.Document) {
					d.Files = append(d.Files, document.File{Name: "Акт.pdf", SHA256: act})
				})
			s.staff[5].Active, s.ops = false, []card.Group{{ID: "ops", Title: "Operations"}}
			s.c.Recheck(s.doc(), s.dir(), s.tick())
			return s
		},
		"rewritten": func(tb testing.TB) *story { // into nearly another document
			tb.Helper()
			return begin(tb, request(), threeSteps(), staff()).accept("per_anna").revise(func(d *document.Document) {
				d.Type, d.URL, d.OnBehalfOf, d.LastEditor, d.Payee.Person = "advance_report", "https://erp.example.org/4711", "boris", "buchhaltung", "tanya"
				d.Amount.Currency, d.Number, d.Title, d.DueDate = "EUR", "4712", "Аванс", ""
				d.Files = append(d.Files, document.File{Name: "Авансовый отчёт.pdf", SHA256: act, Size: 2000})
				d.Fields["owner"] = "boris"
			})
		},
		"many_files": func(tb testing.TB) *story { // and the messenger takes none of them
			tb.Helper()
			d := request()
			for i := range 11 {
				d.Files = append(d.Files, document.File{Name: fmt.Sprintf("Приложение %d.pdf", i+1), SHA256: strings.Repeat(fmt.Sprintf("%02x", i), 32), Size: 60 << 20})
			}
			plan := threeSteps()
			plan.Steps = plan.Steps[1:2]
			s := begin(tb, d, plan, staff())
			s.most = 50 << 20
			return s
		},
		"nameless_bot": func(tb testing.TB) *story {
			tb.Helper()
			s := begin(tb, request(), threeSteps(), staff())
			s.mute = true
			return s
		},
		"conference": func(tb testing.TB) *story { // as a desk for video servers asks for its end
			tb.Helper()
			plan := threeSteps()
			plan.Steps = []route.Step{{Key: "owner", Mode: route.Any, Who: []route.Selector{{Field: "fields.owner"}, {Role: "duty_officer"}}}}
			all := staff()
			all[3].Roles = append(all[3].Roles, people.Role{Name: "duty_officer"})
			return begin(tb, document.Document{
				Type: "conference_stop", Number: "0f3a", Title: "Планёрка отдела продаж", Requester: "olga",
				Fields: map[string]string{
					"server": "Головной офис", "session": "0f3a@video.example.org#vcs", "conference": "84512", "owner": "anna", "people": "5", "recording": "⏺",
					"began": "2026-03-02 05:40 UTC",
				},
			}, plan, all)
		},
	}
}
