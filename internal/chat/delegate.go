package chat

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"countersign/internal/directory"
	"countersign/internal/people"
	"countersign/internal/screen"
	"countersign/internal/telegram"
)

const (
	delegatePage = "dl"
	draftLife    = time.Hour // a delegation that is not put together by then is begun anew
	mostGiven    = 20        // shown at once
)

// delegate answers /delegate, and /delegate with the name of a deputy.
func (d *Door) delegate(ctx context.Context, v visit) (screen.Screen, error) {
	if len(v.Args) == 0 {
		return d.delegations(ctx, v, "")
	}
	f, err := d.Dialogs.openDraft(ctx, v.Account, d.Now().Add(draftLife))
	if err != nil {
		return screen.Screen{}, err
	}
	return d.draftDeputies(ctx, v, f, strings.TrimPrefix(strings.Join(v.Args, " "), "@"))
}

// delegateTap is a button of the panel: what it is about, and which field or number.
func (d *Door) delegateTap(ctx context.Context, v visit) (screen.Screen, error) {
	arg := func(i int) string {
		if i < len(v.Args) {
			return v.Args[i]
		}
		return ""
	}
	switch arg(0) {
	case "new":
		f, err := d.Dialogs.openDraft(ctx, v.Account, d.Now().Add(draftLife))
		if err != nil {
			return screen.Screen{}, err
		}
		return d.form(ctx, v, f, "")
	case "end":
		return d.takeBack(ctx, v, arg(1), arg(2))
	case "x":
		if _, err := d.Dialogs.dropDraft(ctx, v.Account, d.Now()); err != nil {
			return screen.Screen{}, err
		}
	case "f", "s", "go":
		return d.draftTap(ctx, v, arg)
	}
	return d.delegations(ctx, v, "")
}

// delegations lists what somebody gave away and got.
func (d *Door) delegations(ctx context.Context, v visit, first string) (screen.Screen, error) {
	all, err := d.Directory.Delegations(ctx, v.Person.ID)
	if err != nil {
		return screen.Screen{}, err
	}
	dir, err := d.Directory.Snapshot(ctx)
	if err != nil {
		return screen.Screen{}, err
	}
	out := screen.Screen{Lines: []string{screen.Bold(v.t("delegate.title", nil))}}
	if first != "" {
		out.Lines = append([]string{screen.Plain(first), ""}, out.Lines...)
	}
	if len(all) == 0 {
		out.Lines = append(out.Lines, screen.Plain(v.t("delegate.none", nil)))
	}
	for _, g := range all[:min(len(all), mostGiven)] {
		out.Lines = append(out.Lines, "", screen.Plain(v.given(g, dir)))
		if g.Principal == v.Person.ID {
			no := strconv.FormatInt(int64(g.ID), 10)
			out.Rows = append(out.Rows, []telegram.Button{v.button(v.t("delegate.end", map[string]any{"Delegation": no}), delegatePage, "end", no)})
		}
	}
	if more := len(all) - mostGiven; more > 0 {
		out.Lines = append(out.Lines, "", screen.Plain(v.Lang.N("queue.more", more, nil)))
	}
	out.Rows = append(out.Rows, []telegram.Button{v.button(v.t("delegate.new", nil), delegatePage, "new")})
	return out, nil
}

// given says who decides for whom, from when until when, and within which bounds.
func (v visit) given(g directory.Given, dir people.Directory) string {
	key, other := "delegate.given", g.Deputy
	if g.Principal != v.Person.ID {
		key, other = "delegate.got", g.Principal
	}
	p, _ := dir.Person(other)
	out := v.t(key, map[string]any{
		"Delegation": int64(g.ID), "Name": called(p, dir), "From": v.Lang.DateTime(g.From, v.Zone), "Until": v.Lang.Until(g.Until, v.Zone),
	})
	if bounds := v.bounds(g.Scope); bounds != "" {
		out += "\n" + bounds
	}
	if g.Absence != 0 {
		out += "\n" + v.t("delegate.of_absence", nil)
	}
	return out
}

// bounds are those of a scope, in a line; empty where there are none.
func (v visit) bounds(s people.Scope) string {
	var out []string
	if s.Role != "" {
		out = append(out, v.roleName(s.Role))
	}
	if s.Type != "" {
		out = append(out, typeName(v.Lang, s.Type))
	}
	if s.Company != "" {
		out = append(out, short(s.Company))
	}
	if s.UpTo != nil {
		out = append(out, v.t("card.through_limit", map[string]any{"Limit": v.Lang.Money(*s.UpTo)}))
	}
	return strings.Join(out, " · ")
}

func (v visit) roleName(name string) string {
	if key := "role." + name; v.Lang.Has(key) {
		return v.t(key, nil)
	}
	return short(strings.ReplaceAll(name, "_", " "))
}

// takeBack ends a delegation, after a question. It must be the person's own.
func (d *Door) takeBack(ctx context.Context, v visit, number, answer string) (screen.Screen, error) {
	no, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return d.delegations(ctx, v, "")
	}
	all, err := d.Directory.Delegations(ctx, v.Person.ID)
	if err != nil {
		return screen.Screen{}, err
	}
	i := slices.IndexFunc(all, func(g directory.Given) bool {
		return int64(g.ID) == no && g.Principal == v.Person.ID
	})
	if i < 0 {
		return d.delegations(ctx, v, v.t("delegate.gone", nil))
	}
	if answer != "yes" {
		dir, err := d.Directory.Snapshot(ctx)
		if err != nil {
			return screen.Screen{}, err
		}
		return screen.Screen{Lines: []string{screen.Bold(v.t("delegate.sure", nil)), screen.Plain(v.given(all[i], dir))}, Rows: [][]telegram.Button{
			{v.button(v.t("delegate.end", map[string]any{"Delegation": number}), delegatePage, "end", number, "yes")},
			{v.button(v.t("button.cancel", nil), delegatePage)},
		}}, nil
	}
	ended, err := d.Directory.TakeBack(ctx, chatActor+v.Person.ExternalID, v.Person.ID, people.DelegationID(no))
	if err != nil {
		return screen.Screen{}, err
	}
	key := "delegate.gone"
	if ended {
		d.standIn(ctx)
		key = "delegate.ended"
	}
	return d.delegations(ctx, v, v.t(key, nil))
}

// What a form can come to while somebody confirms it.
var (
	errFormOver    = errors.New("no such form")
	errFormChanged = errors.New("the form says something else now")
)

// conclude makes a delegation of a draft, once: the note that it was made is of one commit with
// the delegation.
func (d *Door) conclude(ctx context.Context, v visit, f draft) (screen.Screen, error) {
	again := false
	err := d.Directory.Edit(ctx, chatActor+v.Person.ExternalID, directory.Apply, func(e *directory.Edit) error {
		kept, err := settleDraft(ctx, e, f, d.Now())
		if again = err == nil && kept.Made != 0; err != nil || again {
			return err
		}
		if kept.print() != f.print() { // changed in this very moment
			return errFormChanged
		}
		n := directory.NewDelegation{Delegation: kept.Delegation, Ask: d.asking(v)}
		n.Principal, n.Hands = v.Person.ID, 1
		g, err := e.Delegate(ctx, n)
		if err != nil {
			return err
		}
		return madeOf(ctx, e, f, g.ID)
	})
	switch key := delegateRefusal(err); {
	case errors.Is(err, errFormOver):
		return d.delegations(ctx, v, v.t("delegate.over", nil))
	case errors.Is(err, errFormChanged):
		return d.form(ctx, v, f, v.t("delegate.changed", nil))
	case key != "":
		return d.form(ctx, v, f, v.t(key, nil))
	case err != nil:
		return screen.Screen{}, err
	}
	if !again {
		d.standIn(ctx)
	}
	return d.delegations(ctx, v, v.t("delegate.made", nil))
}

// delegateRefusal is how a refusal is said.
func delegateRefusal(err error) string {
	if errors.Is(err, directory.ErrInvalid) {
		return "delegate.invalid"
	}
	return standingRefusal(err)
}

// drafted takes a text as what was to be written for a delegation. It reports whether it was.
func (d *Door) drafted(ctx context.Context, m *telegram.Message, p people.Person) (bool, error) {
	if p.ID == "" || m.ReplyTo != nil || m.Text == "" {
		return false, nil
	}
	f, ok, err := d.Dialogs.awaitingDraft(ctx, m.From.ID, m.ID, d.Now())
	if err != nil {
		return true, failed(err)
	}
	if !ok {
		return false, nil
	}
	v := d.visit(p, *m.From)
	var out screen.Screen
	if f.Said == m.ID && f.Awaits == "" { // it was taken, and the answer may not have come
		out, err = d.form(ctx, v, f, "")
	} else {
		out, err = d.fill(ctx, v, f, m)
	}
	if err != nil {
		return true, failed(err)
	}
	return true, d.panel(ctx, m.Chat.ID, out)
}

// cancelDraft lets go of a delegation in the making.
func (d *Door) cancelDraft(ctx context.Context, account int64, r request) (string, error) {
	dropped, err := d.Dialogs.dropDraft(ctx, account, d.Now())
	if err != nil {
		return "", failed(err)
	}
	if dropped {
		return r.lang.T("delegate.cancelled", nil), nil
	}
	return r.lang.T("talk.nothing_open", nil), nil
}
