package chat

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"unicode"

	"countersign/internal/approval"
	"countersign/internal/card"
	"countersign/internal/document"
	"countersign/internal/ident"
	"countersign/internal/ledger"
	"countersign/internal/markup"
	"countersign/internal/pace"
	"countersign/internal/people"
	"countersign/internal/telegram"
)

const (
	findPrefix = "f:" // of a button under a list of what was found
	findCase   = findPrefix + "c:"
	findPage   = findPrefix + "p:"
	findLines  = 8
)

// find lists what the person may see of what he looks for.
func (d *Door) find(ctx context.Context, m *telegram.Message, r request) error {
	if r.person.ID == "" {
		return d.reply(ctx, pace.Outcome, telegram.Outgoing{ChatID: m.Chat.ID, HTML: markup.Escape(r.lang.T("link.not_linked", nil))})
	}
	query := asked(r.args)
	id, err := d.Searches.Keep(ctx, m.From.ID, query)
	if err != nil {
		return failed(err)
	}
	html, k, err := d.list(ctx, listing{id: id, query: query}, r)
	if err != nil {
		return err
	}
	return d.reply(ctx, pace.Outcome, telegram.Outgoing{ChatID: m.Chat.ID, HTML: html, Keyboard: k})
}

// listing is a part of what was found.
type listing struct {
	id     string
	query  string
	offset int
}

func (d *Door) list(ctx context.Context, l listing, r request) (string, telegram.Keyboard, error) {
	release, err := d.Searches.queries.enter(ctx)
	if err != nil {
		return "", telegram.Keyboard{}, later(err)
	}
	found, err := d.Ledger.Find(ctx, ledger.Search{Person: r.person.ID, Text: l.query, Offset: l.offset, Limit: findLines})
	release()
	if err != nil {
		return "", telegram.Keyboard{}, failed(err)
	}
	var rows [][]telegram.Button
	for _, st := range found.Hits {
		rows = append(rows, []telegram.Button{{
			Text: markup.Truncate(mark(st.Case.State, r)+" "+dotted(
				cmp.Or(short(st.Document.Number), heading(st.Document, r.lang)), r.lang.Money(st.Document.Amount), matter(st.Document),
			), 100),
			Data: findCase + string(st.Case.ID),
		}})
	}
	var turn []telegram.Button
	leaf := func(key string, to int) {
		turn = append(turn, telegram.Button{Text: r.lang.T(key, nil), Data: findPage + l.id + ":" + strconv.Itoa(to)})
	}
	if l.offset > 0 {
		leaf("button.newer", max(0, l.offset-findLines))
	}
	if found.More {
		leaf("button.older", l.offset+findLines)
	}
	k, err := telegram.NewKeyboard(append(rows, turn)...)
	return markup.Escape(caption(l, len(found.Hits), r)), k, err
}

// mark is the sign that the state begins with.
func mark(state approval.State, r request) string {
	sign, _, _ := strings.Cut(r.lang.T("state."+string(state), nil), " ")
	return sign
}

func caption(l listing, hits int, r request) string {
	query := map[string]any{"Query": l.query}
	switch {
	case hits == 0 && l.query == "":
		return r.lang.T("find.empty", nil)
	case hits == 0 && tooShort(l.query):
		return r.lang.T("find.short", map[string]any{"Query": l.query, "Least": document.LeastBegun})
	case hits == 0:
		return r.lang.T("find.none", query)
	case l.query == "":
		return r.lang.T("find.all", nil)
	default:
		return r.lang.T("find.header", query)
	}
}

// tooShort: of so little whole words are found only.
func tooShort(query string) bool {
	letters := 0
	for _, c := range query {
		if unicode.IsLetter(c) || unicode.IsNumber(c) {
			letters++
		}
	}
	return letters < document.LeastBegun
}

// findTap shows a document of a list, or another part of the list in its place.
func (d *Door) findTap(ctx context.Context, cb *telegram.Callback) (string, error) {
	p, err := d.person(ctx, cb.From.ID)
	if err != nil {
		return "", err
	}
	r := request{person: p, lang: d.lang(p, cb.From)}
	if id, ok := strings.CutPrefix(cb.Data, findCase); ok {
		d.answer(ctx, cb.ID, "", Line)
		return "shown from a search", d.point(ctx, cb.Message.Chat.ID, approval.ID(id), r)
	}
	l, ok, err := d.listed(ctx, cb, p)
	if err != nil {
		return "", failed(err)
	}
	if !ok {
		d.answer(ctx, cb.ID, r.lang.T("find.over", nil), Window)
		return "refused: no such list", nil
	}
	html, k, err := d.list(ctx, l, r)
	if err != nil {
		return "", err
	}
	d.answer(ctx, cb.ID, "", Line)
	err = d.edit(ctx, telegram.Edit{ChatID: cb.Message.Chat.ID, MessageID: cb.Message.ID, HTML: html, Keyboard: k})
	if err != nil {
		d.Log.WarnContext(ctx, "list not leafed through", slog.Any("error", err))
	}
	return "leafed through a search", nil
}

// listed reads which part of which list a button asks for.
func (d *Door) listed(ctx context.Context, cb *telegram.Callback, p people.Person) (listing, bool, error) {
	id, text, _ := strings.Cut(strings.TrimPrefix(cb.Data, findPage), ":")
	offset, err := strconv.Atoi(text)
	if err != nil || offset < 0 || !ident.Valid("fnd", id) || p.ID == "" {
		return listing{}, false, nil //nolint:nilerr // whatever a button says, there is no such list
	}
	query, ok, err := d.Searches.Of(ctx, cb.From.ID, id)
	return listing{id: id, query: query, offset: offset}, ok, err
}

// point leads to the card that the person has of a case; who has none and may see it
// gets the state.
func (d *Door) point(ctx context.Context, chat int64, id approval.ID, r request) error {
	out := telegram.Outgoing{ChatID: chat, HTML: markup.Escape(r.lang.T("tap.not_asked", nil))}
	if _, ok := card.ParseRefresh(card.Refresh(id)); !ok {
		return d.reply(ctx, pace.Outcome, out)
	}
	st, dir, err := d.Ledger.Seen(ctx, r.person.ID, id)
	if errors.Is(err, ledger.ErrNotFound) {
		return d.reply(ctx, pace.Outcome, out)
	}
	if err != nil {
		return failed(err)
	}
	if d.Cards.Find != nil {
		if out.ReplyTo, err = d.Cards.Find(ctx, chat, ledger.Waiting{Case: id}); err != nil {
			return failed(fmt.Errorf("card of %s: %w", id, err))
		}
	}
	out.HTML = markup.Escape("⬆️ " + title(st.Document, r.lang))
	if out.ReplyTo == 0 {
		out.HTML = d.statusCard(st, dir, r.lang).HTML
	}
	return d.reply(ctx, pace.Outcome, out)
}
