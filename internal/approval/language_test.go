package approval_test

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"countersign/internal/approval"
	"countersign/internal/document"
	"countersign/internal/money"
	"countersign/internal/people"
	"countersign/internal/route"
)

// line is one line of a story: words, options key=value, and a text in quotes.
type line struct {
	words []string
	opts  map[string]string
	quote string
}

func scan(text string) line {
	l := line{opts: map[string]string{}}
	for _, part := range regexp.MustCompile(`"[^"]*"|[^\s"=]+="[^"]*"|\S+`).FindAllString(text, -1) {
		key, value, isOption := strings.Cut(part, "=")
		switch {
		case part[0] == '"':
			l.quote = strings.Trim(part, `"`)
		case isOption:
			l.opts[key] = strings.Trim(value, `"`)
		default:
			l.words = append(l.words, part)
		}
	}
	return l
}

func (l line) list(key string) []string {
	return strings.FieldsFunc(l.opts[key], func(r rune) bool { return r == ',' })
}

// describe takes a line that says who there is and what the route is.
func (s *story) describe(t *testing.T, l line) {
	t.Helper()
	name := ""
	if len(l.words) > 1 {
		name = l.words[1]
	}
	switch l.words[0] {
	case "person":
		p := people.Person{
			ID: people.ID(name), Active: true,
			ExternalID: cmp.Or(l.opts["id"], name), Email: cmp.Or(l.opts["mail"], name+"@example.com"),
		}
		for _, word := range l.words[2:] {
			if p.Active = p.Active && word != "left"; word != "left" {
				p.Roles = append(p.Roles, people.ParseRole(word))
			}
		}
		s.people[name] = p
	case "delegate":
		s.delegate(t, l)
	case "revoke":
		s.delegations = slices.DeleteFunc(s.delegations, func(d people.Delegation) bool { return fmt.Sprint(d.ID) == name })
	case "wait":
		s.now = s.now.Add(minutes(name))
	case "route":
		s.route = route.Route{
			Key: "payment", Document: "payment", Version: 3,
			Repeat: route.Repeat(cmp.Or(l.opts["repeat"], "carry_adjacent")), Reason: route.ReasonRule(cmp.Or(l.opts["reason"], "on_reject")),
			Change: document.Policy{Cosmetic: l.list("cosmetic"), Tolerant: l.list("tolerant"), Drift: drift(t, l.opts["drift"])},
		}
	case "rule":
		rule := route.Rule{Name: name, When: route.Condition{Companies: l.list("companies")}}
		if limit := l.opts["up_to"]; limit != "" {
			rule.When.UpTo = new(rubles(t, limit))
		}
		s.route.Rules = append(s.route.Rules, rule)
	case "step_up":
		u := route.StepUp{NewPayee: slices.Contains(l.words, "new_payee"), Steps: l.list("steps"), Least: route.Assurance(name)}
		if limit := l.opts["over"]; limit != "" {
			a, err := money.Parse(limit, cmp.Or(l.opts["currency"], "RUB"))
			if err != nil {
				t.Fatal(err)
			}
			u.Over = &a
		}
		s.route.StepUps = append(s.route.StepUps, u)
	case "step":
		if len(s.route.Rules) == 0 {
			s.route.Rules = []route.Rule{{Name: "all"}}
		}
		rule := &s.route.Rules[len(s.route.Rules)-1]
		rule.Steps = append(rule.Steps, step(l))
	}
}

// delegate reads "delegate 17 ann bob in=10 for=60 hands=2 role=holder company=A up_to=100.00".
func (s *story) delegate(t *testing.T, l line) {
	t.Helper()
	id, _ := strconv.Atoi(l.words[1])
	hands, _ := strconv.Atoi(cmp.Or(l.opts["hands"], "1"))
	d := people.Delegation{
		ID: people.DelegationID(id), Principal: people.ID(l.words[2]), Deputy: people.ID(l.words[3]), Hands: hands,
		Scope: people.Scope{Role: l.opts["role"], Type: l.opts["type"], Company: l.opts["company"]}, From: s.now.Add(minutes(l.opts["in"])),
	}
	if limit := l.opts["up_to"]; limit != "" {
		d.Scope.UpTo = new(rubles(t, limit))
	}
	d.Until = d.From.Add(minutes(cmp.Or(l.opts["for"], "1000")))
	s.delegations = append(s.delegations, d)
}

func minutes(text string) time.Duration {
	n, _ := strconv.Atoi(text)
	return time.Duration(n) * time.Minute
}

// step reads "step money n_of_m n=2 deny=2 role:treasurer/company person:ann field:fields.owner".
func step(l line) route.Step {
	out := route.Step{Key: l.words[1], Mode: route.Mode(l.words[2])}
	out.N, _ = strconv.Atoi(l.opts["n"])
	out.Deny, _ = strconv.Atoi(l.opts["deny"])
	for _, who := range l.words[3:] {
		kind, name, _ := strings.Cut(who, ":")
		switch kind {
		case "role":
			role, of, _ := strings.Cut(name, "/")
			out.Who = append(out.Who, route.Selector{Role: role, Of: of})
		case "person":
			out.Who = append(out.Who, route.Selector{Person: name})
		case "field":
			out.Who = append(out.Who, route.Selector{Field: name})
		}
	}
	return out
}

func drift(t *testing.T, text string) money.Tolerance {
	t.Helper()
	percent, isShare := strings.CutSuffix(text, "%")
	switch {
	case text == "":
		return money.Tolerance{}
	case isShare:
		points, err := money.ParsePercent(percent)
		if err != nil {
			t.Fatal(err)
		}
		return money.Tolerance{BasisPoints: points}
	default:
		return money.Tolerance{Minor: rubles(t, text).Minor}
	}
}

func rubles(t *testing.T, text string) money.Amount {
	t.Helper()
	a, err := money.Parse(text, "RUB")
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// edited is the newest document (or the first one there is) with the options of the
// line written into it.
func (s *story) edited(t *testing.T, l line) document.Document {
	t.Helper()
	d := document.Document{Type: "payment", Requester: "eve", Company: "A", Amount: rubles(t, "100.00")}
	if len(s.docs) > 0 {
		d = s.docs[len(s.docs)-1]
	}
	texts := map[string]*string{
		"title": &d.Title, "company": &d.Company, "requester": &d.Requester, "on_behalf_of": &d.OnBehalfOf,
		"last_editor": &d.LastEditor, "due_date": &d.DueDate, "contract": &d.Contract, "cost_center": &d.CostCenter,
		"payee": &d.Payee.Name, "account": &d.Payee.Account, "payee.person": &d.Payee.Person, "currency": &d.Amount.Currency,
	}
	for key, value := range l.opts {
		field, isFree := strings.CutPrefix(key, "fields.")
		switch text, isText := texts[key]; {
		case isText:
			*text = value
		case key == "amount":
			d.Amount.Minor = rubles(t, value).Minor
		case isFree:
			free := maps.Clone(d.Fields)
			if free == nil {
				free = map[string]string{}
			}
			free[field] = value
			d.Fields = free
		case key == "files":
			d.Files = nil
			for _, file := range l.list(key) {
				name, content, _ := strings.Cut(file, ":")
				d.Files = append(d.Files, document.File{Name: name, SHA256: cmp.Or(content, name)})
			}
		case key != "missing":
			t.Fatalf("no such field: %s", key)
		}
	}
	return d
}

// submit posts the first revision of a case, or the next one.
func (s *story) submit(t *testing.T, l line, dir people.Directory) ([]approval.Event, string, error) {
	t.Helper()
	next := s.edited(t, l)
	plan, ok := s.route.Match(next)
	if err := s.route.Check(); err != nil || !ok {
		t.Fatalf("the route: %v, matched: %t", err, ok)
	}
	s.docs = append(s.docs, next)
	no, fresh := len(s.docs), slices.Contains(l.words, "new")
	if l.words[0] == "post" {
		o := approval.Opening{ID: "cas_1", Revision: no, Document: next, Missing: l.list("missing"), Plan: plan, NewPayee: fresh}
		o.Key, s.events = document.Key{Source: "erp", ExternalID: "1"}, nil
		var events []approval.Event
		s.c, events = approval.Open(o, dir, s.now)
		return events, "", nil
	}
	r := approval.Revision{No: no, Previous: s.docs[no-2], Next: next, Missing: l.list("missing"), Plan: plan, NewPayee: fresh}
	events, class, err := s.c.Revise(r, dir, s.now)
	if err != nil || class == document.Unchanged {
		s.docs = s.docs[:no-1]
	}
	return events, string(class) + ": ", err
}

// ballot is what a tap on a card says: the newest card of the person, or another.
func (s *story) ballot(l line) approval.Ballot {
	card := strings.TrimSpace(cmp.Or(l.opts["card"], l.words[1]) + " " + l.opts["on"])
	b, ok := s.cards[card]
	if !ok {
		b = approval.Ballot{Round: s.c.Round, Step: s.c.Step, No: 99, Revision: s.c.Revision}
	}
	b.Person, b.Verdict, b.Reason, b.Via = people.ID(l.words[1]), approval.Verdict(l.words[0]), l.quote, approval.ViaChat
	b.Assurance = approval.Assurance(l.opts["by"])
	return b
}

// outcome writes what happened and how the case stands:
// "cast closed:approved step_opened; in_progress 1/money: bob cat".
func outcome(c *approval.Case, events []approval.Event) string {
	var words []string
	for _, e := range events {
		_, word, _ := strings.Cut(string(e.Kind), ".")
		switch {
		case e.Vote != nil && e.Vote.Via == approval.ViaCarried:
			word = "carried"
		case e.Outcome != "" && string(e.Outcome) != word:
			word = strings.TrimPrefix(word, "step_") + ":" + string(e.Outcome)
		}
		words = append(words, word)
	}
	out := fmt.Sprintf("%s; %s %d", cmp.Or(strings.Join(words, " "), "nothing"), c.State, c.Round)
	if c.State == approval.InProgress || c.State == approval.Blocked {
		out += "/" + c.Plan.Steps[c.Step].Key
	}
	for i, id := range c.Awaiting() {
		out += map[bool]string{true: ": ", false: " "}[i == 0] + string(id)
	}
	return out
}

// show tells a part of the case in words.
func (s *story) show(what string) string {
	switch d := s.c.Decision; {
	case what == "slots":
		var out []string
		for _, sl := range s.c.Slots {
			text := fmt.Sprintf("%d/%s %s %s", sl.Round, sl.Because, sl.Person, sl.State)
			if sl.For != "" {
				text = fmt.Sprintf("%d/%s %s for %s by %v %s", sl.Round, sl.Because, sl.Person, sl.For, sl.By, sl.State)
			}
			if v := sl.Vote; v != nil {
				text += fmt.Sprintf(" %s@%d", v.Verdict, v.Revision)
				if v.Assurance != approval.ByChat {
					text += "/" + string(v.Assurance)
				}
			}
			out = append(out, text)
		}
		return strings.Join(out, ", ")
	case what == "questions":
		var out []string
		for _, q := range s.c.Questions {
			text := fmt.Sprintf("%s %s>%s", q.ID, q.By, cmp.Or(q.To, "erp"))
			switch {
			case q.Answer != nil:
				text += " answered by " + string(cmp.Or(q.Answer.By, "erp"))
			case s.c.Awaits(q):
				text += " open"
			default:
				text += " closed"
			}
			out = append(out, text)
		}
		return cmp.Or(strings.Join(out, ", "), "none")
	case what == "note":
		return cmp.Or(s.c.Note, "none")
	case what == "asks":
		var out []string
		for i, step := range s.c.Plan.Steps {
			out = append(out, step.Key+":"+string(s.c.Least(i)))
		}
		return strings.Join(out, " ")
	case what == "missing":
		return cmp.Or(strings.Join(s.c.Missing, " "), "none")
	case what == "judged":
		var out []string
		for _, sl := range s.c.Slots {
			if sl.Round == s.c.Round {
				out = append(out, fmt.Sprintf("%s %d", sl.Person, s.c.Judged(sl.Person)))
			}
		}
		return strings.Join(out, ", ")
	case what == "plan":
		return fmt.Sprintf("%s %d %s", s.c.Plan.Route, s.c.Plan.Version, s.c.Plan.Rule)
	case d == nil:
		return "none"
	case d.Reason != "":
		return fmt.Sprintf("%s by %s on %d: %s", d.Outcome, d.By, d.Revision, d.Reason)
	default:
		return fmt.Sprintf("%s by %s on %d", d.Outcome, d.By, d.Revision)
	}
}
