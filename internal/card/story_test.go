package card_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/internal/approval"
	"countersign/internal/card"
	"countersign/internal/document"
	"countersign/internal/money"
	"countersign/internal/people"
	"countersign/internal/route"
)

const caseID = approval.ID("cas_01jq7m0e8d5v2x9k3b6n4t1wyz")

var (
	invoice  = strings.Repeat("1a", 32)
	contract = strings.Repeat("2b", 32)
	act      = strings.Repeat("3c", 32)
)

// staff is everybody in the stories.
func staff() []people.Person {
	role := func(texts ...string) []people.Role {
		var out []people.Role
		for _, s := range texts {
			out = append(out, people.ParseRole(s))
		}
		return out
	}
	return []people.Person{
		{ID: "per_olga", ExternalID: "olga", Name: "Ольга Смирнова", Active: true, Telegram: 1001},
		{ID: "per_anna", ExternalID: "anna", Name: "Анна Иванова", Active: true, Telegram: 1002, Roles: role("budget_holder@sales")},
		{ID: "per_boris", ExternalID: "boris", Name: "Boris Keller", Active: true, Telegram: 1003, Roles: role("budget_holder@sales")},
		{ID: "per_petr", ExternalID: "petr", Name: "Пётр Сидоров", Active: true, Telegram: 1004, Roles: role("finance_manager")},
		{ID: "per_tanya", ExternalID: "tanya", Name: "Татьяна Кузнецова", Active: true, Telegram: 1005, Roles: role("treasurer@ООО «Альфа»")},
		{ID: "per_lucia", ExternalID: "lucia", Name: "Lucía Gómez", Active: true, Telegram: 1006, Roles: role("treasurer@ООО «Альфа»", "auditor")},
	}
}

func request() document.Document {
	return document.Document{
		Type: "payment_request", Number: "4711", Title: "Бумага и картриджи, март",
		Company: "ООО «Альфа»", Requester: "olga", Amount: rub(12500000), DueDate: "2026-03-05",
		Payee:    document.Payee{Name: "ООО «Ромашка»", TaxID: "7701234567", Account: "40702810900000012345", BankID: "044525225"},
		Contract: "17/2026", CostCenter: "sales",
		Fields: map[string]string{"Статья расходов": "Канцелярские товары"},
		Lines: []document.Line{
			{No: 1, Text: "Бумага А4, 200 пачек", Amount: rub(8000000)},
			{No: 2, Text: "Картриджи", Amount: rub(4500000), CostCenter: "it"},
		},
		Files: []document.File{
			{Name: "Счёт 17 от 01.03.pdf", SHA256: invoice, Size: 123_456},
			{Name: "Договор.pdf", SHA256: contract, Size: 3_500_000},
		},
	}
}

func rub(minor int64) money.Amount { return money.Amount{Minor: minor, Currency: "RUB"} }

func threeSteps() route.Plan {
	return route.Plan{
		Route: "payment_request", Version: 3, Rule: "three_steps", Repeat: route.CarryAdjacent, Reason: route.ReasonOnReject,
		Change: document.Policy{
			Cosmetic: []string{"title"}, Tolerant: []string{"due_date"}, Drift: money.Tolerance{BasisPoints: 500},
		},
		Steps: []route.Step{
			{Key: "budget_holder", Title: "Budget holder", Mode: route.Any, Who: []route.Selector{{Role: "budget_holder", Of: "cost_center"}}},
			{Key: "finance_manager", Mode: route.Any, Who: []route.Selector{{Role: "finance_manager"}}},
			{Key: "treasury", Title: "Казначейство", Mode: route.All, Who: []route.Selector{{Role: "treasurer", Of: "company"}}},
		},
	}
}

// story drives a case, an hour between two acts.
type story struct {
	t     testing.TB
	c     approval.Case
	docs  []document.Document // by revision, from 1
	staff []people.Person
	now   time.Time
	ops   []card.Group // told when nobody can be asked
	lost  map[int64]bool
	talk  []approval.Remark
	veil  []string // hidden from the groups
	bare  bool     // the groups get no files
	meet  bool     // there are video meetings
	phone bool     // and talks by telephone
	mute  bool     // nobody knows the bot's name
	most  int64    // bytes of a file that the messenger takes
	away  map[people.ID]time.Time

	standIns []people.Delegation
}

// begin opens a case over a document; files without a size are announced only.
func begin(tb testing.TB, d document.Document, plan route.Plan, staff []people.Person) *story {
	tb.Helper()
	s := &story{t: tb, docs: []document.Document{d}, staff: staff, now: time.Date(2026, 3, 2, 6, 5, 0, 0, time.UTC)}
	s.c, _ = approval.Open(approval.Opening{
		ID: caseID, Key: document.Key{Source: "erp", ExternalID: "4711"}, Revision: 1, Document: d, Missing: missing(d), Plan: plan,
	}, s.dir(), s.now)
	return s
}

func missing(d document.Document) []string {
	var out []string
	for _, f := range d.Files {
		if f.Size == 0 {
			out = append(out, f.SHA256)
		}
	}
	return out
}

func (s *story) dir() people.Directory { return people.NewDirectory(s.staff).With(s.standIns, nil) }

// standIn makes somebody a deputy for the rest of the story.
func (s *story) standIn(principal, deputy people.ID) *story {
	s.standIns = append(s.standIns, people.Delegation{ID: 17, Principal: principal, Deputy: deputy, Until: s.now.AddDate(0, 1, 0), Hands: 1})
	s.c.Recheck(s.doc(), s.dir(), s.tick())
	s.away = map[people.ID]time.Time{principal: time.Date(2026, 3, 15, 21, 0, 0, 0, time.UTC)}
	return s
}

func (s *story) tick() time.Time {
	s.now = s.now.Add(time.Hour)
	return s.now
}

func (s *story) doc() document.Document { return s.docs[len(s.docs)-1] }

// vote casts the vote of a person asked now.
func (s *story) vote(who people.ID, v approval.Verdict, reason string) *story {
	s.t.Helper()
	for _, sl := range s.c.InStep(s.c.Step) {
		if sl.Person != who || sl.State != approval.SlotOpen {
			continue
		}
		_, err := s.c.Vote(approval.Ballot{
			Person: who, Round: sl.Round, Step: sl.Step, No: sl.No, Revision: s.c.Revision,
			Verdict: v, Reason: reason, Via: approval.ViaChat,
		}, s.doc(), s.dir(), s.tick())
		if err != nil {
			s.t.Fatal(err)
		}
		return s
	}
	s.t.Fatalf("%s is not asked now", who)
	return s
}

func (s *story) accept(who ...people.ID) *story {
	s.t.Helper()
	for _, id := range who {
		s.vote(id, approval.Accept, "")
	}
	return s
}

// revise changes the document.
func (s *story) revise(change func(d *document.Document)) *story {
	s.t.Helper()
	next := s.doc()
	next.Lines, next.Files, next.Fields = slices.Clone(next.Lines), slices.Clone(next.Files), maps.Clone(next.Fields)
	change(&next)
	_, _, err := s.c.Revise(approval.Revision{
		No: len(s.docs) + 1, Previous: s.doc(), Next: next, Missing: missing(next), Plan: s.c.Plan,
	}, s.dir(), s.tick())
	if err != nil {
		s.t.Fatal(err)
	}
	s.docs = append(s.docs, next)
	return s
}

func (s *story) withdraw(reason string) *story {
	s.t.Helper()
	if _, err := s.c.Withdraw(reason, s.tick()); err != nil {
		s.t.Fatal(err)
	}
	return s
}

func (s *story) expire() *story {
	s.t.Helper()
	if _, err := s.c.Expire("deadline", s.tick()); err != nil {
		s.t.Fatal(err)
	}
	return s
}

// situations are the stories that the golden files show.
func situations() map[string]func(tb testing.TB) *story {
	usual := func(tb testing.TB) *story {
		tb.Helper()
		return begin(tb, request(), threeSteps(), staff())
	}
	all := map[string]func(tb testing.TB) *story{
		"opened": usual,
		"opened_file_pending": func(tb testing.TB) *story {
			tb.Helper()
			d := request()
			d.Files = append(d.Files, document.File{Name: "Акт.pdf", SHA256: act})
			return begin(tb, d, threeSteps(), staff())
		},
		"talk": func(tb testing.TB) *story {
			tb.Helper()
			return usual(tb).ask("per_anna", "По какому договору платим?").say("", "Booked.", nil).answer(1, "per_olga", "По договору 17/2026").
				say("per_boris", "</b> & \u202egood\n✅ Согласовано", nil).ask("per_boris", "А срок?").
				say("per_anna", "вот акт", &document.File{Name: "Акт <1>.pdf", SHA256: act, Size: 5000})
		},
		"talk_over": func(tb testing.TB) *story {
			tb.Helper()
			s := usual(tb).ask("per_anna", "Why?").ask("per_boris", "When?").answer(1, "", "Because.")
			for i := range 8 {
				s.say("per_petr", fmt.Sprintf("Remark %d ", i)+strings.Repeat("long ", 100), nil)
			}
			return s.accept("per_anna")
		},
		"deputy_asked": func(tb testing.TB) *story {
			tb.Helper()
			return usual(tb).standIn("per_anna", "per_petr")
		},
		"deputy_decided": func(tb testing.TB) *story {
			tb.Helper()
			return usual(tb).standIn("per_anna", "per_petr").accept("per_petr")
		},
		"second_step": func(tb testing.TB) *story {
			tb.Helper()
			return usual(tb).accept("per_anna")
		},
		"third_step_half": func(tb testing.TB) *story {
			tb.Helper()
			return usual(tb).accept("per_anna", "per_petr", "per_tanya")
		},
		"video": func(tb testing.TB) *story {
			tb.Helper()
			return usual(tb).accept("per_anna").onVideo()
		},
		"phone": func(tb testing.TB) *story {
			tb.Helper()
			return usual(tb).accept("per_anna").byPhone()
		},
		"video_and_phone": func(tb testing.TB) *story {
			tb.Helper()
			return usual(tb).accept("per_anna").onVideo().byPhone()
		},
		"video_over": func(tb testing.TB) *story { // what is decided is not discussed any more
			tb.Helper()
			return usual(tb).accept("per_anna").vote("per_petr", approval.Reject, "No").onVideo().byPhone()
		},
		"approved": func(tb testing.TB) *story {
			tb.Helper()
			return usual(tb).accept("per_anna", "per_petr", "per_tanya", "per_lucia")
		},
		"consumed": func(tb testing.TB) *story {
			tb.Helper()
			return usual(tb).accept("per_anna", "per_petr", "per_tanya", "per_lucia").consume()
		},
		"rejected": func(tb testing.TB) *story {
			tb.Helper()
			return usual(tb).accept("per_anna", "per_petr").vote("per_lucia", approval.Reject, "Нет в бюджете марта")
		},
		"returned": func(tb testing.TB) *story {
			tb.Helper()
			return usual(tb).accept("per_anna").vote("per_petr", approval.Return, "Почему другой счёт,\nчем в договоре?")
		},
		"second_round": func(tb testing.TB) *story {
			tb.Helper()
			return usual(tb).accept("per_anna").vote("per_petr", approval.Return, "Почему другой счёт?").
				revise(func(d *document.Document) {
					d.Payee.Account = "40702810900000099999"
					d.Files[0] = document.File{Name: d.Files[0].Name, SHA256: act, Size: 120_000}
				})
		},
		"votes_void": func(tb testing.TB) *story {
			tb.Helper()
			return usual(tb).accept("per_anna", "per_petr").revise(func(d *document.Document) {
				d.Amount, d.Title, d.DueDate = rub(18000000), "Бумага, картриджи и мебель", "2026-03-12"
				d.Lines = append(d.Lines, document.Line{No: 3, Text: "Мебель", Amount: rub(5500000)})
				d.Fields["Срочность"] = "высокая"
				d.Files = d.Files[:1]
			})
		},
		"third_round": func(tb testing.TB) *story {
			tb.Helper()
			return usual(tb).accept("per_anna", "per_petr").
				revise(func(d *document.Document) { d.Amount = rub(18000000) }).accept("per_anna").
				revise(func(d *document.Document) { d.Payee.Name = "ООО «Лютик»" }).accept("per_anna")
		},
		"tolerated": func(tb testing.TB) *story {
			tb.Helper()
			return usual(tb).accept("per_anna").revise(func(d *document.Document) { d.Amount = rub(12600000) })
		},
		"withdrawn": func(tb testing.TB) *story {
			tb.Helper()
			return usual(tb).accept("per_anna").withdraw("")
		},
		"withdrawn_after_approval": func(tb testing.TB) *story {
			tb.Helper()
			return usual(tb).accept("per_anna", "per_petr", "per_tanya", "per_lucia").withdraw("Поставщик отменил заказ")
		},
		"masked": func(tb testing.TB) *story {
			tb.Helper()
			s := usual(tb).accept("per_anna")
			s.veil, s.bare = []string{"amount", "payee.account", "payee.tax_id"}, true
			return s
		},
		"masked_whole": func(tb testing.TB) *story { // the reason quotes what must not be seen
			tb.Helper()
			s := usual(tb).vote("per_anna", approval.Reject, "ООО «Ромашка» уже получила 125 000,00 RUB по счёту 40702810900000012345")
			s.veil = []string{"amount", "payee", "contract", "cost_center", "due_date", "fields", "lines", "number", "requester"}
			return s
		},
		"expired": func(tb testing.TB) *story {
			tb.Helper()
			return usual(tb).accept("per_anna").expire()
		},
		"blocked": func(tb testing.TB) *story {
			tb.Helper()
			s := usual(tb)
			s.staff[3].Active, s.ops = false, []card.Group{{ID: "ops", Title: "Operations"}}
			return s.accept("per_anna")
		},
		"unblocked": func(tb testing.TB) *story {
			tb.Helper()
			s := usual(tb)
			s.staff[3].Active, s.ops = false, []card.Group{{ID: "ops", Title: "Operations"}}
			s.accept("per_anna").staff[3].Active = true
			s.c.Recheck(s.doc(), s.dir(), s.tick())
			return s
		},
		"carried": func(tb testing.TB) *story {
			tb.Helper()
			all := staff()
			all[3].Roles = append(all[3].Roles, people.Role{Name: "treasurer", Scope: "ООО «Альфа»"})
			return begin(tb, request(), threeSteps(), all).accept("per_anna", "per_petr")
		},
		"proof": func(tb testing.TB) *story { // each step asks for another one
			tb.Helper()
			plan := threeSteps()
			plan.StepUps = []route.StepUp{
				{Over: new(rub(10000000)), Steps: []string{"finance_manager"}, Least: approval.ByTOTP},
				{Over: new(rub(10000000)), Steps: []string{"treasury"}, Least: approval.ByPasskey},
			}
			return begin(tb, request(), plan, staff()).accept("per_anna")
		},
		"left": func(tb testing.TB) *story {
			tb.Helper()
			s := usual(tb)
			s.staff[2].Active = false
			return s
		},
		"not_linked": func(tb testing.TB) *story {
			tb.Helper()
			all := staff()
			all[2].Telegram = 0
			return begin(tb, request(), threeSteps(), all)
		},
		"unreachable": func(tb testing.TB) *story {
			tb.Helper()
			s := usual(tb)
			s.lost = map[int64]bool{1003: true, 1001: true} // nothing is asked of the latter
			return s
		},
		"crowd": func(tb testing.TB) *story {
			tb.Helper()
			plan := threeSteps()
			plan.Steps = []route.Step{{Key: "board", Title: "Совет", Mode: route.NOfM, N: 3, Deny: 3, Who: []route.Selector{{Role: "board"}}}}
			plan.Reason = route.ReasonAlways
			all := staff()
			for i, name := range []string{"Ada", "Bea", "Cem", "Dan", "Eva", "Fay", "Gus", "Hal", "Ivy"} {
				id := strings.ToLower(name)
				all = append(all, people.Person{
					ID: people.ID("per_" + id), ExternalID: id, Name: name, Active: true, Roles: []people.Role{{Name: "board"}}, Telegram: int64(2001 + i),
				})
			}
			return begin(tb, request(), plan, all).
				vote("per_ada", approval.Accept, "Проверено").vote("per_bea", approval.Reject, "Дорого")
		},
		"by_name": func(tb testing.TB) *story {
			tb.Helper()
			plan := threeSteps()
			plan.Steps = []route.Step{{Key: "owner", Mode: route.All, Who: []route.Selector{
				{Field: "fields.Владелец"}, {Person: "boris"}, {Role: "auditor"},
			}}}
			d := request()
			d.Fields["Владелец"] = "anna"
			return begin(tb, d, plan, staff())
		},
		"plain_document": func(tb testing.TB) *story {
			tb.Helper()
			plan := threeSteps()
			plan.Steps = plan.Steps[1:2]
			return begin(tb, document.Document{Type: "vacation", Title: "Отпуск 1-14 июля", Requester: "olga"}, plan, staff())
		},
		"hostile": func(tb testing.TB) *story {
			tb.Helper()
			d := request()
			d.Number = "47\u202e11</b>"
			d.Title = strings.Repeat("<a href=\"https://evil.example\">Одобрить & оплатить</a>\n", 200) + "1,00 RUB"
			d.Payee.Name = "ООО \u202e\u2066«Ромашка»\u2069\u200b<script>\n\n1,00 RUB"
			d.Contract = "عقد 17 שלום"
			d.Fields = map[string]string{"Сумма\n1": "1,00 RUB", "</code>": "&lt;b&gt;"}
			for i := range 500 {
				d.Lines = append(d.Lines, document.Line{No: i + 3, Text: strings.Repeat("текст ", 30), Amount: rub(1)})
				d.Fields[strings.Repeat("п", i%200+1)] = strings.Repeat("з", 500)
			}
			return begin(tb, d, threeSteps(), staff())
		},
		"unshown": func(tb testing.TB) *story {
			tb.Helper()
			d := request()
			d.Payee.Account = strings.Repeat("40702810", 30)
			return begin(tb, d, threeSteps(), staff())
		},
	}
	maps.Copy(all, rarities())
	return all
}
