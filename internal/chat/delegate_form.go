package chat

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"countersign/internal/markup"
	"countersign/internal/money"
	"countersign/internal/people"
	"countersign/internal/screen"
	"countersign/internal/telegram"
)

// The fields of a delegation as buttons name them.
const (
	toDeputy  = "d"
	ofRole    = "r"
	ofType    = "t"
	ofCompany = "c"
	upTo      = "l"
	since     = "f"
	till      = "u"
)

const (
	maxCompany = 100 // characters
	mostValues = 20  // offered at once
)

func (f draft) number() string { return strconv.FormatInt(f.No, 36) }

// print stands for what was chosen: whoever confirms an old form must not give a right to
// somebody whom it does not show.
func (f draft) print() string {
	var limit money.Amount
	if f.Scope.UpTo != nil {
		limit = *f.Scope.UpTo
	}
	return kindOf(fmt.Sprintf("%q %q %q %q %d %s %d %d", f.Deputy, f.Scope.Role, f.Scope.Type, f.Scope.Company, limit.Minor, limit.Currency,
		f.From.UnixMicro(), f.Until.UnixMicro()))
}

// form shows what was chosen so far, with a button for each field.
func (d *Door) form(ctx context.Context, v visit, f draft, first string) (screen.Screen, error) {
	dir, err := d.Directory.Snapshot(ctx)
	if err != nil {
		return screen.Screen{}, err
	}
	deputy, _ := dir.Person(f.Deputy)
	var out screen.Screen
	if first != "" {
		out.Lines = append(out.Lines, screen.Plain(first), "")
	}
	out.Lines = append(out.Lines, screen.Bold(v.t("delegate.new_title", nil)))
	var row []telegram.Button
	field := func(of, key, value, none string) {
		if value == "" {
			value = v.t(none, nil)
		}
		out.Lines = append(out.Lines, screen.Plain(v.t(key, nil)+": ")+screen.Bold(value))
		if row = append(row, v.button(v.t(key, nil), delegatePage, "f", f.number(), of)); len(row) == 2 {
			out.Rows, row = append(out.Rows, row), nil
		}
	}
	field(toDeputy, "delegate.deputy", called(deputy, dir), "delegate.choose")
	field(till, "delegate.until", v.lastMoment(f.Until), "delegate.choose")
	field(since, "delegate.from", v.moment(f.From), "delegate.at_once")
	field(upTo, "delegate.limit", v.bounds(people.Scope{UpTo: f.Scope.UpTo}), "delegate.any_amount")
	field(ofRole, "delegate.role", v.bounds(people.Scope{Role: f.Scope.Role}), "delegate.any")
	field(ofType, "delegate.type", v.bounds(people.Scope{Type: f.Scope.Type}), "delegate.any")
	field(ofCompany, "delegate.company", short(f.Scope.Company), "delegate.any")
	out.Rows = append(out.Rows, row)
	if f.Deputy != "" && !f.Until.IsZero() {
		out.Rows = append(out.Rows, []telegram.Button{v.button(v.t("delegate.go", nil), delegatePage, "go", f.number(), f.print())})
	}
	out.Rows = append(out.Rows, []telegram.Button{v.button(v.t("button.cancel", nil), delegatePage, "x")})
	return out, nil
}

func (v visit) moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return v.Lang.DateTime(t, v.Zone)
}

func (v visit) lastMoment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return v.Lang.Until(t, v.Zone)
}

// draftTap is a button of the form: "f" asks for a field, "s" sets it, "go" makes it.
func (d *Door) draftTap(ctx context.Context, v visit, arg func(int) string) (screen.Screen, error) {
	no, err := strconv.ParseInt(arg(1), 36, 64)
	if err != nil {
		return d.delegations(ctx, v, v.t("delegate.over", nil))
	}
	f, ok, err := d.Dialogs.draftOf(ctx, v.Account, no, d.Now())
	switch {
	case err != nil:
		return screen.Screen{}, err
	case !ok:
		return d.delegations(ctx, v, v.t("delegate.over", nil))
	case f.Made != 0:
		return d.delegations(ctx, v, v.t("delegate.made", nil))
	case arg(0) == "go" && arg(2) != f.print():
		return d.form(ctx, v, f, v.t("delegate.changed", nil))
	case arg(0) == "go":
		return d.conclude(ctx, v, f)
	case arg(0) == "f" && slices.Contains([]string{toDeputy, ofRole, ofType, ofCompany, upTo, since, till}, arg(2)):
		return d.askField(ctx, v, f, arg(2))
	}
	fault := ""
	if arg(0) == "s" {
		fault, err = d.setField(ctx, v, &f, arg(2), arg(3))
	}
	if err != nil {
		return screen.Screen{}, err
	}
	if f.Awaits = ""; fault == "" {
		err = d.Dialogs.saveDraft(ctx, f)
	}
	if err != nil {
		return screen.Screen{}, err
	}
	return d.form(ctx, v, f, fault)
}

// askField offers what a field can be, or asks to write it.
func (d *Door) askField(ctx context.Context, v visit, f draft, of string) (screen.Screen, error) {
	set := func(text, value string) telegram.Button {
		return v.button(text, delegatePage, "s", f.number(), of, value)
	}
	var out screen.Screen
	written := true
	switch of {
	case toDeputy:
		return d.draftDeputies(ctx, v, f, "")
	case till:
		out.Lines = []string{screen.Bold(v.t("delegate.until", nil)), screen.Plain(v.t("delegate.until_hint", nil))}
		out.Rows = [][]telegram.Button{
			{set(v.t("away.week", nil), "7"), set(v.t("away.weeks", nil), "14"), set(v.Lang.N("away.days", 30, nil), "30")},
		}
	case since:
		out.Lines = []string{screen.Bold(v.t("delegate.from", nil)), screen.Plain(v.t("delegate.from_hint", nil))}
		out.Rows = [][]telegram.Button{{set(v.t("delegate.at_once", nil), "")}}
	case upTo:
		out.Lines = []string{screen.Bold(v.t("delegate.limit", nil)), screen.Plain(v.t("delegate.limit_hint", nil))}
		out.Rows = [][]telegram.Button{{set(v.t("delegate.any_amount", nil), "")}}
	case ofCompany:
		out.Lines = []string{screen.Bold(v.t("delegate.company", nil)), screen.Plain(v.t("delegate.company_hint", nil))}
		out.Rows = [][]telegram.Button{{set(v.t("delegate.any", nil), "")}}
	default:
		written = false
		key, names, err := "delegate.role", roleNames(v.Person), error(nil)
		if of == ofType {
			key = "delegate.type"
			names, err = d.routedTypes(ctx)
		}
		if err != nil {
			return screen.Screen{}, err
		}
		out.Lines = []string{screen.Bold(v.t(key, nil))}
		out.Rows = [][]telegram.Button{{set(v.t("delegate.any", nil), "")}}
		for _, name := range names[:min(len(names), mostValues)] {
			label := typeName(v.Lang, name)
			if of != ofType {
				label = v.roleName(name)
			}
			out.Rows = append(out.Rows, []telegram.Button{set(label, kindOf(name))})
		}
	}
	out.Rows = append(out.Rows, []telegram.Button{v.button(v.t("delegate.back", nil), delegatePage, "f", f.number(), "")})
	if f.Awaits = ""; written {
		f.Awaits = of
	}
	return out, d.awaits(ctx, v, f)
}

// awaits keeps a form of which a field may be to be written next: then it is the newest question,
// and that for a reason and those of the desks step aside for it.
func (d *Door) awaits(ctx context.Context, v visit, f draft) error {
	if f.Awaits == "" {
		return d.Dialogs.saveDraft(ctx, f)
	}
	if err := d.Dialogs.aside(ctx, f.Account); err != nil {
		return err
	}
	for _, name := range d.desks() {
		aside := d.Desks[name].Aside
		if aside == nil {
			continue
		}
		if err := aside(ctx, v.Visitor); err != nil {
			return err
		}
	}
	return d.Dialogs.saveDraft(ctx, f)
}

// roleNames are the roles that somebody holds, each once.
func roleNames(p people.Person) []string {
	var out []string
	for _, r := range p.Roles {
		if !slices.Contains(out, r.Name) {
			out = append(out, r.Name)
		}
	}
	return out
}

// routedTypes are the types of document for which there is a route.
func (d *Door) routedTypes(ctx context.Context) ([]string, error) {
	all, err := d.Ledger.Routes(ctx)
	var out []string
	for _, r := range all {
		if r.Live && !slices.Contains(out, r.Type) {
			out = append(out, r.Type)
		}
	}
	return out, err
}

// draftDeputies offers who may decide: those of a name, or who holds a role that he holds.
func (d *Door) draftDeputies(ctx context.Context, v visit, f draft, name string) (screen.Screen, error) {
	dir, err := d.Directory.Snapshot(ctx)
	if err != nil {
		return screen.Screen{}, err
	}
	found := peers(dir, v.Person)
	out := screen.Screen{Lines: []string{screen.Bold(v.t("delegate.deputy", nil)), screen.Plain(v.t("delegate.deputy_hint", nil))}}
	if name != "" {
		found = dir.Named(name, mostDeputies+1)
	}
	found = slices.DeleteFunc(found, func(p people.Person) bool { return p.ID == v.Person.ID })
	if name != "" && len(found) == 0 {
		out.Lines = append(out.Lines, "", screen.Plain(v.t("away.nobody", map[string]any{"Name": short(name)})))
	}
	for _, p := range found[:min(len(found), mostDeputies)] {
		out.Rows = append(out.Rows, []telegram.Button{v.button("👤 "+called(p, dir), delegatePage, "s", f.number(), toDeputy, string(p.ID))})
	}
	out.Rows = append(out.Rows, []telegram.Button{v.button(v.t("delegate.back", nil), delegatePage, "f", f.number(), "")})
	f.Awaits = toDeputy
	return out, d.awaits(ctx, v, f)
}

// setField sets a field to what a button says. It gives what is wrong with it, in words.
func (d *Door) setField(ctx context.Context, v visit, f *draft, of, value string) (fault string, err error) {
	pick := func(names []string) string {
		if i := slices.IndexFunc(names, func(name string) bool { return kindOf(name) == value }); i >= 0 {
			return names[i]
		}
		return ""
	}
	var names []string
	switch of {
	case toDeputy:
		dir, err := d.Directory.Snapshot(ctx)
		if err != nil {
			return "", err
		}
		p, known := dir.Person(people.ID(value))
		if !known || !p.Active || p.ID == v.Person.ID {
			return v.t("away.deputy_gone", nil), nil
		}
		f.Deputy = p.ID
	case ofRole:
		f.Scope.Role = pick(roleNames(v.Person))
	case ofType:
		names, err = d.routedTypes(ctx)
		f.Scope.Type = pick(names)
	case ofCompany:
		f.Scope.Company = ""
	case upTo:
		f.Scope.UpTo = nil
	case since:
		f.From = time.Time{}
	case till:
		days, unread := strconv.Atoi(value)
		if unread != nil || days < 1 || days > 366 {
			return v.t("delegate.date_wrong", nil), nil //nolint:nilerr // what is wrong with it is said in words
		}
		begins := d.Now()
		if !f.From.IsZero() {
			begins = f.From
		}
		begins = begins.In(v.Zone)
		f.Until = time.Date(begins.Year(), begins.Month(), begins.Day()+days, 0, 0, 0, 0, v.Zone)
	}
	return "", err
}

// fill sets a field to what was written, and shows the form; or says what is wrong with it
// and goes on waiting.
func (d *Door) fill(ctx context.Context, v visit, f draft, m *telegram.Message) (screen.Screen, error) {
	text := strings.Join(strings.Fields(markup.Clean(m.Text)), " ")
	if f.Awaits == toDeputy {
		return d.draftDeputies(ctx, v, f, strings.TrimPrefix(text, "@"))
	}
	if key := d.write(v, &f, text); key != "" {
		return screen.Screen{Lines: []string{screen.Plain(v.t(key, nil))}, Rows: [][]telegram.Button{
			{v.button(v.t("delegate.back", nil), delegatePage, "f", f.number(), "")},
		}}, nil
	}
	f.Awaits, f.Said = "", m.ID
	if err := d.Dialogs.saveDraft(ctx, f); err != nil {
		return screen.Screen{}, err
	}
	return d.form(ctx, v, f, "")
}

// write reads a text as the field that is awaited. It gives the key of what is wrong.
func (d *Door) write(v visit, f *draft, text string) string {
	now := d.Now().In(v.Zone)
	switch f.Awaits {
	case ofCompany:
		if utf8.RuneCountInString(text) > maxCompany {
			return "delegate.company_wrong"
		}
		f.Scope.Company = text
	case upTo:
		limit, ok := limitOf(text)
		if !ok {
			return "delegate.limit_wrong"
		}
		f.Scope.UpTo = &limit
	case since, till:
		after, ok := lastDay(text, now)
		if !ok {
			return "delegate.date_wrong"
		}
		if f.Awaits == till {
			f.Until = after
		} else if f.From = after.AddDate(0, 0, -1); !f.From.After(now) { // today is now
			f.From = time.Time{}
		}
	}
	if !f.From.IsZero() && !f.Until.IsZero() && !f.Until.After(f.From) {
		return "delegate.backwards"
	}
	return ""
}

// limitOf reads an amount that was typed, such as 100 000,50 EUR. One that can be read in two
// ways, as 1,000, is none: it would be the difference of a thousand.
func limitOf(text string) (money.Amount, bool) {
	text = strings.ToUpper(strings.Join(strings.Fields(text), ""))
	if len(text) < 4 {
		return money.Amount{}, false
	}
	number, currency := text[:len(text)-3], text[len(text)-3:]
	if i := strings.IndexAny(number, ".,"); i >= 0 {
		if rest := len(number) - i - 1; rest < 1 || rest > 2 {
			return money.Amount{}, false
		}
	}
	limit, err := money.Parse(strings.Replace(number, ",", ".", 1), currency)
	return limit, err == nil
}
