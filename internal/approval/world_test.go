package approval_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"countersign/internal/approval"
	"countersign/internal/document"
	"countersign/internal/money"
	"countersign/internal/people"
	"countersign/internal/route"
)

// choose picks one of n, from 0: by chance, or by the bytes of a fuzzer.
type choose func(what string, n int) int

// world is a case with everything around it that may move, in any order.
type world struct {
	choose choose
	staff  []people.Person
	dir    people.Directory
	route  route.Route
	docs   []document.Document // the revision n is docs[n-1]
	c      approval.Case
	events []approval.Event
	cards  []approval.Ballot // every button ever shown
	paid   bool              // something was paid to the payee
	now    time.Time

	delegations []people.Delegation
	given       int               // delegations so far
	meant       map[string]string // whom each slot asks, for whom
}

func pick[T any](w *world, what string, of ...T) T { return of[w.choose(what, len(of))] } //nolint:ireturn // the caller names the type

func newWorld(by choose) *world {
	w := &world{choose: by, meant: map[string]string{}, now: time.Date(2026, 1, 5, 9, 0, 0, 123, time.UTC)}
	for i := range 7 {
		p := people.Person{
			ID: people.ID(fmt.Sprintf("per_%d", i)), ExternalID: fmt.Sprintf("x%d", i), Email: fmt.Sprintf("m%d@example.com", i),
			Active: w.choose("active", 8) < 7,
		}
		if i == 4 && w.choose("shared mail", 4) == 0 {
			p.Email = "m3@example.com"
		}
		if i < 5 { // the others can only be deputies
			p.Roles = w.roles()
		}
		w.staff = append(w.staff, p)
	}
	w.dir = w.know()
	for range w.choose("delegations", 5) {
		w.delegating()
	}
	w.route = route.Route{
		Key: "r", Version: 7, Document: "d",
		Repeat: pick(w, "repeat", route.CarryAdjacent, route.AskEach, route.Distinct),
		Reason: pick(w, "reason", route.ReasonOnReject, route.ReasonNever, route.ReasonAlways),
		Change: document.Policy{
			Cosmetic: []string{"title", "last_editor"}, Tolerant: []string{"due_date", "cost_center"},
			Drift: pick(w, "drift", money.Tolerance{BasisPoints: 500}, money.Tolerance{}, money.Tolerance{Minor: 10_00}),
		},
	}
	limit := rub(150)
	w.route.Rules = []route.Rule{{Name: "small", When: route.Condition{UpTo: &limit}, Steps: w.steps()}, {Name: "large", Steps: w.steps()}}
	for range w.choose("step-ups", 3) {
		w.route.StepUps = append(w.route.StepUps, w.stepUp())
	}
	first := document.Document{
		Type: "d", Requester: w.ref(), LastEditor: w.ref(), Amount: rub(100), CostCenter: pick(w, "center", "h", "", "k"),
		Fields: map[string]string{"owner": w.ref()}, Files: []document.File{{Name: "a", SHA256: "a"}},
	}
	plan, _ := w.route.Match(first)
	w.docs = append(w.docs, first)
	w.c, w.events = approval.Open(approval.Opening{
		ID: "cas_1", Key: document.Key{Source: "s", ExternalID: "e"}, Revision: 1, Document: first, Missing: w.missing(first), Plan: plan,
		NewPayee: !w.paid,
	}, w.dir, w.now)
	w.deal()
	return w
}

func rub(whole int64) money.Amount { return money.Amount{Minor: whole * 100, Currency: "RUB"} }

func (w *world) roles() []people.Role {
	var out []people.Role
	for _, text := range []string{"r0", "r1", "r1@h"} {
		if w.choose("role", 4) > 0 {
			out = append(out, people.ParseRole(text))
		}
	}
	return out
}

// steps may be ones that no check would let through: also they must not approve wrongly.
func (w *world) steps() []route.Step {
	out := make([]route.Step, pick(w, "steps", 2, 1, 3, 2, 1, 3, 2, 1, 3, 0))
	for i := range out {
		out[i] = route.Step{
			Key: fmt.Sprintf("s%d", i), Mode: pick(w, "mode", route.Any, route.All, route.NOfM, route.Any, route.All, route.NOfM, route.Any, route.All, route.NOfM, "odd"),
			N: pick(w, "n", 1, 2, 2, 3, 0), Deny: w.choose("deny", 4),
			Who: []route.Selector{pick(w, "who", route.Selector{Role: "r0"}, route.Selector{Role: "r1", Of: "cost_center"},
				route.Selector{Person: "x1"}, route.Selector{Field: "fields.owner"})},
		}
		if w.choose("more", 3) > 0 {
			out[i].Who = append(out[i].Who, route.Selector{Role: "r1"}, route.Selector{Person: "m2@example.com"})
		}
	}
	return out
}

func (w *world) stepUp() route.StepUp {
	u := route.StepUp{
		NewPayee: w.choose("new payee", 3) == 0,
		Least:    pick(w, "least", approval.ByPIN, approval.ByLogin, approval.ByTOTP, approval.ByPasskey),
	}
	if w.choose("over", 4) > 0 {
		u.Over = new(rub(pick[int64](w, "limit", 99, 103, 107, 150)))
		if w.choose("dollars", 8) == 0 {
			u.Over.Currency = "USD"
		}
	}
	if w.choose("steps", 2) == 0 {
		u.Steps = []string{fmt.Sprintf("s%d", w.choose("step", 3))}
	}
	return u
}

// ref is a word by which a document may name a person.
func (w *world) ref() string {
	i := w.choose("party", 7)
	return pick(w, "by", "", "", "nobody", fmt.Sprintf("x%d", i), fmt.Sprintf(" x%d ", i), fmt.Sprintf("M%d@Example.com", i))
}

func (w *world) missing(d document.Document) []string {
	var out []string
	for _, f := range d.Files {
		if w.choose("missing", 12) == 11 {
			out = append(out, f.SHA256)
		}
	}
	return out
}

func (w *world) doc() document.Document { return w.docs[len(w.docs)-1] }

// deal notes the buttons that people see now.
func (w *world) deal() {
	for _, s := range w.c.Slots {
		if s.State == approval.SlotOpen {
			w.cards = append(w.cards, approval.Ballot{Person: s.Person, Round: s.Round, Step: s.Step, No: s.No, Revision: w.c.Revision})
		}
	}
}

// done is what an act came to.
type done struct {
	name   string
	events []approval.Event
	class  document.Class
	ballot approval.Ballot
	next   document.Document
	ref    string
	fresh  bool // the payee of the next document is new
	raised bool // a step asks for more than it did
	err    error
}

// act does anything that may happen, and keeps what came of it.
func (w *world) act() done {
	w.now = w.now.Add(time.Duration(w.choose("pause", 2)) * time.Second)
	var d done
	switch w.choose("act", 24) {
	default:
		d = w.vote()
	case 16, 17:
		d = w.ask()
	case 18, 19:
		d = w.answer()
	case 9, 10, 11:
		d = w.revise()
	case 12:
		d.name = "withdraw"
		if w.choose("really", 6) > 0 {
			d = w.vote()
			break
		}
		d.events, d.err = w.c.Withdraw(pick(w, "why", "", "no longer"), w.now)
	case 13:
		d.name = "consume"
		hash := w.docs[w.choose("revision", len(w.docs))].Hash()
		d.ref = pick(w, "ref", "pay-1", "pay-2")
		d.events, d.err = w.c.Consume(pick(w, "hash", w.doc().Hash(), hash, "sha256:0"), d.ref, w.now)
	case 14, 20, 21, 22, 23:
		if w.choose("who", 2) == 0 {
			w.staffing()
		} else {
			w.delegating()
		}
		d.name = "recheck"
		if w.choose("looked at", 2) > 0 { // the change of people is noticed later only
			d.events = w.c.Recheck(w.doc(), w.dir, w.now)
		}
	case 15:
		d.name = "file"
		if w.choose("expire", 9) == 8 {
			d.name = "expire"
			d.events, d.err = w.c.Expire("late", w.now)
			break
		}
		d.events = w.c.StoreFile(pick(w, "file", "a", "b", "c"), w.doc(), w.dir, w.now)
	}
	w.events = append(w.events, d.events...)
	w.deal()
	return d
}

// vote is a tap: mostly one that counts, else any button ever shown in any hand.
func (w *world) vote() done {
	b := approval.Ballot{Person: "per_0", Round: 1, Revision: 1}
	switch asked := w.c.Awaiting(); {
	case len(asked) > 0 && w.choose("well", 4) > 0:
		who := asked[len(asked)-1-w.choose("asked", len(asked))]
		i := slices.IndexFunc(w.c.Slots, func(s approval.Slot) bool {
			return s.Person == who && s.State == approval.SlotOpen
		})
		b = approval.Ballot{Person: who, Round: w.c.Round, Step: w.c.Step, No: w.c.Slots[i].No, Revision: w.c.Revision}
	case len(w.cards) > 0:
		b = w.cards[w.choose("card", len(w.cards))]
		if w.choose("stolen", 4) == 0 {
			b.Person = w.staff[w.choose("thief", len(w.staff))].ID
		}
	}
	b.Verdict = pick(w, "verdict", approval.Accept, approval.Accept, approval.Accept, approval.Accept, approval.Accept, approval.Accept,
		approval.Accept, approval.Accept, approval.Accept, approval.Accept, approval.Reject, approval.Reject, approval.Return, "maybe")
	b.Assurance = pick(w, "by", approval.ByPasskey, approval.ByPasskey, approval.ByTOTP, approval.ByLogin, approval.ByPIN, approval.ByChat, "", "face")
	b.Reason, b.Via = pick(w, "reason", "because", "because", "because", "because", " "), approval.ViaChat
	d := done{name: "vote", ballot: b}
	d.events, d.err = w.c.Vote(b, w.doc(), w.dir, w.now)
	return d
}

// ask is a question from any card ever shown, mostly of somebody who is asked now.
func (w *world) ask() done {
	a := approval.Asking{ID: fmt.Sprintf("q%d", len(w.c.Questions)+1), Person: "per_0", Round: 1, Text: pick(w, "words", "how much?", "how much?", "how much?", " ")}
	from := w.cards
	if asked := w.c.Awaiting(); len(asked) > 0 && w.choose("well", 4) > 0 {
		from = slices.DeleteFunc(slices.Clone(w.cards), func(b approval.Ballot) bool {
			return b.Round != w.c.Round || b.Step != w.c.Step || !slices.Contains(asked, b.Person)
		})
	}
	if len(from) > 0 {
		b := from[w.choose("card", len(from))]
		a.Person, a.Round, a.Step, a.No = b.Person, b.Round, b.Step, b.No
	}
	if w.choose("stolen", 6) == 0 {
		a.Person = w.staff[w.choose("thief", len(w.staff))].ID
	}
	d := done{name: "ask"}
	for range 1 + 5*(w.choose("often", 8)/7) { // some ask and ask
		var events []approval.Event
		if events, d.err = w.c.Ask(a, w.doc(), w.dir, w.now); d.err != nil {
			break
		}
		d.events = append(d.events, events...)
		a.ID = fmt.Sprintf("q%d", len(w.c.Questions)+1)
	}
	if len(d.events) > 0 {
		d.err = nil
	}
	return d
}

func (w *world) answer() done {
	r := approval.Reply{Question: "q0", ID: "a", Author: "eve", Text: pick(w, "words", "so much", "so much", "so much", "")}
	if n := len(w.c.Questions); n > 0 && w.choose("known", 8) > 0 {
		q := w.c.Questions[n-1-w.choose("question", min(n, 4))]
		r.Question, r.Person = q.ID, pick(w, "who", q.To, q.To, q.To, "", q.By, "per_3")
	}
	d := done{name: "answer"}
	d.events, d.err = w.c.Answer(r, w.now)
	return d
}

func (w *world) revise() done {
	d := w.doc()
	switch w.choose("field", 9) {
	case 0:
		d.Title += "!"
	case 1, 2, 3:
		d.Amount = rub(pick[int64](w, "amount", 100, 102, 104, 106, 108, 110, 112, 200))
	case 4:
		d.LastEditor = w.ref()
	case 5:
		d.Payee.Account += "1"
		w.paid = w.choose("paid", 2) == 0
	case 6:
		d.CostCenter = pick(w, "center", "h", "", "k")
	case 7:
		d.Files = []document.File{{Name: "a", SHA256: "a"}, {Name: "b", SHA256: pick(w, "digest", "b", "c")}}
	case 8:
		d.Fields = maps.Clone(d.Fields)
		d.Fields["owner"] = w.ref()
	}
	plan, _ := w.route.Match(d)
	out := done{name: "revise", next: d, fresh: !w.paid}
	r := approval.Revision{No: len(w.docs) + 1, Previous: w.doc(), Next: d, Missing: w.missing(d), Plan: plan, NewPayee: out.fresh}
	w.paid = w.paid || w.choose("paid meanwhile", 6) == 0
	out.events, out.class, out.err = w.c.Revise(r, w.dir, w.now)
	if len(out.events) > 0 {
		w.docs = append(w.docs, d)
	}
	return out
}

// staffing: people come and go between the acts.
func (w *world) staffing() {
	w.staff = slices.Clone(w.staff)
	p := &w.staff[w.choose("person", len(w.staff))]
	switch w.choose("how", 4) {
	case 0:
		p.Active = !p.Active
	case 1:
		p.ExternalID = pick(w, "name", "x0", "x1", "x2", "nobody")
	default:
		p.Roles = w.roles()
	}
	w.dir = w.know()
}

// party tells by the words alone, not by the code under test, whether a document
// names the person.
func (w *world) party(d document.Document, id people.ID) bool {
	for _, p := range w.staff {
		for _, ref := range []string{d.Requester, d.OnBehalfOf, d.LastEditor, d.Payee.Person} {
			ref = strings.TrimSpace(ref)
			if p.ID == id && (ref == p.ExternalID || strings.ToLower(ref) == p.Email) {
				return true
			}
		}
	}
	return false
}
