package chat

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"time"

	"countersign/internal/ledger"
	"countersign/internal/locale"
	"countersign/internal/screen"
	"countersign/internal/telegram"
)

const (
	queueLines = 10 // documents at once
	queueRow   = 5  // buttons beside one another
)

// leaf is a part of a list as its buttons name it: short, whatever the documents are.
type leaf struct {
	pile   ledger.Pile
	order  ledger.Order
	late   bool
	kind   string // stands for a type of document; empty: all
	offset int
}

// pileLetters and orderLetters are how buttons name piles and orders.
func pileLetters() map[string]ledger.Pile {
	return map[string]ledger.Pile{"w": ledger.ForHim, "a": ledger.OfHis, "d": ledger.ByHim}
}

func orderLetters() map[string]ledger.Order {
	return map[string]ledger.Order{"o": ledger.Oldest, "n": ledger.Newest, "l": ledger.Largest}
}

func letterOf[V comparable](letters map[string]V, of V) string {
	for letter, v := range letters {
		if v == of {
			return letter
		}
	}
	return ""
}

// parts are the words of a button that leads to the leaf.
func (l leaf) parts(what string) []string {
	late := "-"
	if l.late {
		late = "!"
	}
	return []string{"q", what + letterOf(pileLetters(), l.pile) + letterOf(orderLetters(), l.order) + late, l.kind, strconv.Itoa(l.offset)}
}

// fresh is how a pile is first shown: what waits longest comes first.
func fresh(p ledger.Pile) leaf {
	if p == ledger.ForHim {
		return leaf{pile: p, order: ledger.Oldest}
	}
	return leaf{pile: p, order: ledger.Newest}
}

// parseLeaf reads what parts wrote; whatever else a button says leads to what waits.
func parseLeaf(args []string) (l leaf, types bool) {
	if len(args) != 3 || len(args[0]) != 4 {
		return fresh(ledger.ForHim), false
	}
	code := args[0]
	pile, known := pileLetters()[code[1:2]]
	order, also := orderLetters()[code[2:3]]
	offset, err := strconv.Atoi(args[2])
	if !known || !also || err != nil || offset < 0 {
		return fresh(ledger.ForHim), false
	}
	return leaf{pile: pile, order: order, late: code[3:] == "!", kind: args[1], offset: offset}, code[:1] == "t"
}

// kindOf stands for a name that would be too long for a button.
func kindOf(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:4])
}

// queue answers /queue with what waits for the person.
func (d *Door) queue(ctx context.Context, v visit) (screen.Screen, error) {
	return d.queueLeaf(ctx, v, fresh(ledger.ForHim))
}

// queueTap leafs through it.
func (d *Door) queueTap(ctx context.Context, v visit) (screen.Screen, error) {
	l, types := parseLeaf(v.Args)
	if types {
		return d.queueTypes(ctx, v, l)
	}
	return d.queueLeaf(ctx, v, l)
}

func (d *Door) listOf(ctx context.Context, v visit, l leaf) (ledger.Listed, error) {
	q := ledger.List{Person: v.Person.ID, Pile: l.pile, Order: l.order, Offset: l.offset, Limit: queueLines}
	if l.late {
		q.DueTill = d.today(v)
	}
	if l.kind != "" {
		all, err := d.Ledger.List(ctx, ledger.List{Person: v.Person.ID, Pile: l.pile, Order: l.order, Limit: 1})
		if err != nil {
			return all, err
		}
		if i := slices.IndexFunc(all.Types, func(name string) bool { return kindOf(name) == l.kind }); i >= 0 {
			q.Type = all.Types[i]
		}
	}
	return d.Ledger.List(ctx, q)
}

// today is the day by the person's clock.
func (d *Door) today(v visit) string { return d.Now().In(v.Zone).Format(time.DateOnly) }

// queueLeaf shows a part of a pile, with a button for each card.
func (d *Door) queueLeaf(ctx context.Context, v visit, l leaf) (screen.Screen, error) {
	found, err := d.listOf(ctx, v, l)
	if err != nil {
		return screen.Screen{}, err
	}
	l.offset = found.Offset
	out := screen.Screen{Lines: v.queueHead(l, found)}
	var row []telegram.Button
	for i, item := range found.Items {
		no := strconv.Itoa(l.offset + i + 1)
		out.Lines = append(out.Lines, screen.Plain(no+". "+d.queueLine(v, l, item)))
		if row = append(row, telegram.Button{Text: no, Data: findCase + string(item.Case.ID)}); len(row) == queueRow {
			out.Rows, row = append(out.Rows, row), nil
		}
	}
	if found.Cut {
		out.Lines = append(out.Lines, "", screen.Plain(v.t("queue.cut", map[string]any{"N": ledger.PileDepth})))
	}
	out.Rows = append(out.Rows, row)
	out.Rows = append(out.Rows, v.turns(l, found)...)
	return out, nil
}

// queueHead says which pile it is, and what of it is shown.
func (v visit) queueHead(l leaf, found ledger.Listed) []string {
	empty := map[ledger.Pile]string{ledger.ForHim: "queue.empty", ledger.OfHis: "queue.asked_empty", ledger.ByHim: "queue.decided_empty"}[l.pile]
	count := map[ledger.Pile]string{ledger.ForHim: "queue.header", ledger.OfHis: "queue.asked", ledger.ByHim: "queue.decided"}[l.pile]
	switch {
	case found.Total > 0 && !l.late && l.kind == "":
		return []string{screen.Bold(v.Lang.N(count, found.Total, nil)), ""}
	case found.Total > 0:
		return []string{screen.Bold(v.Lang.N("queue.fit", found.Total, nil)), ""}
	case len(found.Types) > 0:
		return []string{screen.Plain(v.t("queue.none_fit", nil))}
	default:
		return []string{screen.Plain(v.t(empty, nil))}
	}
}

// queueLine is one document: what, to whom, how much and for how long.
func (d *Door) queueLine(v visit, l leaf, i ledger.Item) string {
	what := heading(i.Document, v.Lang)
	if number := short(i.Document.Number); number != "" {
		what = v.t("queue.number", map[string]any{"Number": number})
	}
	age := v.t("queue.age", map[string]any{"Age": v.Lang.Duration(d.Now().Sub(i.Since))})
	out := dotted(what, matter(i.Document), v.Lang.Money(i.Document.Amount), age)
	if l.pile != ledger.ForHim {
		out = mark(i.Case.State, request{lang: v.Lang}) + " " + out
	} else if due := i.Document.DueDate; due != "" && due < d.today(v) {
		out += " · " + v.t("queue.late", map[string]any{"Date": dayOf(v, due)})
	}
	return out
}

// dayOf writes a day of a document as the language does.
func dayOf(v visit, due string) string {
	t, err := time.Parse(time.DateOnly, due)
	if err != nil {
		return short(due)
	}
	return v.Lang.Date(t)
}

// turns are the buttons under a list: to other parts, in another order, of other piles.
func (v visit) turns(l leaf, found ledger.Listed) [][]telegram.Button {
	to := func(text string, change func(*leaf)) telegram.Button {
		next := l
		change(&next)
		return v.button(text, next.parts("p")...)
	}
	var leafs, sorts, piles []telegram.Button
	tick := map[bool]string{true: "☑ ", false: "☐ "}
	if l.offset > 0 {
		leafs = append(leafs, to(v.t("button.newer", nil), func(n *leaf) { n.offset = max(0, l.offset-queueLines) }))
	}
	if end := l.offset + queueLines; end < found.Total {
		leafs = append(leafs, to(v.t("button.older", nil), func(n *leaf) { n.offset = end }))
	}
	cycle := []ledger.Order{ledger.Oldest, ledger.Newest, ledger.Largest}
	after := cycle[(slices.Index(cycle, l.order)+1)%len(cycle)]
	if found.Total > 1 {
		sorts = append(sorts, to("↕ "+v.t("queue.order."+string(l.order), nil), func(n *leaf) { n.order, n.offset = after, 0 }))
	}
	if found.Total > 0 || l.late {
		sorts = append(sorts, to(tick[l.late]+v.t("queue.overdue", nil), func(n *leaf) { n.late, n.offset = !l.late, 0 }))
	}
	if len(found.Types) > 1 || l.kind != "" {
		sorts = append(sorts, v.button(tick[l.kind != ""]+v.t("queue.type", nil), l.parts("t")...))
	}
	for _, p := range []ledger.Pile{ledger.ForHim, ledger.OfHis, ledger.ByHim} {
		if p != l.pile {
			piles = append(piles, v.button(v.t("queue.pile."+string(p), nil), fresh(p).parts("p")...))
		}
	}
	return [][]telegram.Button{leafs, sorts, piles}
}

// queueTypes lets a person choose of which type the documents are to be.
func (d *Door) queueTypes(ctx context.Context, v visit, l leaf) (screen.Screen, error) {
	const most = 20
	l.kind, l.offset = "", 0
	found, err := d.listOf(ctx, v, l)
	if err != nil {
		return screen.Screen{}, err
	}
	out := screen.Screen{Lines: []string{screen.Bold(v.t("queue.type", nil))}}
	out.Rows = append(out.Rows, []telegram.Button{v.button(v.t("queue.all_types", nil), l.parts("p")...)})
	for _, name := range found.Types[:min(len(found.Types), most)] {
		l.kind = kindOf(name)
		out.Rows = append(out.Rows, []telegram.Button{v.button(typeName(v.Lang, name), l.parts("p")...)})
	}
	return out, nil
}

// typeName is what people call a type of document.
func typeName(lang locale.Lang, name string) string {
	if key := "doc." + name; lang.Has(key) {
		return lang.T(key, nil)
	}
	return short(fmt.Sprintf("%s (%s)", lang.T("doc.other", nil), name))
}
