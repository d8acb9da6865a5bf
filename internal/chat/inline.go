package chat

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"log/slog"
	"maps"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"countersign/internal/approval"
	"countersign/internal/card"
	"countersign/internal/document"
	"countersign/internal/inbox"
	"countersign/internal/ledger"
	"countersign/internal/link"
	"countersign/internal/locale"
	"countersign/internal/markup"
	"countersign/internal/pace"
	"countersign/internal/people"
	"countersign/internal/telegram"
)

const (
	inlineLife    = 10 * time.Second // nobody waits longer for what he types
	inlineTime    = 5 * time.Second  // for one search
	inlineResults = 20
	inlineCache   = time.Second
	inlineAtOnce  = 4      // searches of all people: taps go first
	inlineBurst   = 20     // queries of one person in one go
	inlineRate    = 4      // and then in a second
	mostTyping    = 10_000 // people who are remembered
	longestID     = 200    // of a posted card
	wayPrefix     = "f_"   // of a payload of /start: somebody comes from a search
	lostPrefix    = "n_"   // the same, and he found nothing
	wayBytes      = 46     // of what he looked for; 64 characters with the prefix
)

// inline answers what somebody types after the name of the bot, in any chat: with the
// documents that he may see. It is tried once, while he waits.
func (d *Door) inline(ctx context.Context, it *inbox.Item, q *telegram.InlineQuery) (string, error) {
	if !q.From.Person() {
		return "refused: sender is no person", nil
	}
	if why := d.Searches.queries.idle(it, q.From.ID, d.Now()); why != "" {
		return "dropped: " + why, nil
	}
	ctx, cancel := context.WithTimeout(ctx, inlineTime)
	defer cancel()
	a, err := d.results(ctx, q)
	if err == nil {
		err = d.Telegram.AnswerInline(ctx, a)
	}
	if err != nil {
		if telegram.KindOf(err) != telegram.QueryTooOld {
			d.Log.WarnContext(ctx, "inline query not answered", slog.Any("error", err))
		}
		return "inline query not answered", nil
	}
	return "inline query: " + strconv.Itoa(len(a.Results)) + " results", nil
}

func (d *Door) results(ctx context.Context, q *telegram.InlineQuery) (telegram.InlineAnswer, error) {
	a := telegram.InlineAnswer{QueryID: q.ID, Cache: inlineCache}
	p, err := d.person(ctx, q.From.ID)
	if err != nil {
		return a, err
	}
	lang := d.lang(p, q.From)
	if p.ID == "" {
		a.Cache = 0
		a.Prompt = telegram.Prompt{Text: lang.T("inline.link", nil), Parameter: wayTo(wayPrefix, q.Query)}
		return a, nil
	}
	offset, err := strconv.Atoi(q.Offset)
	if q.Offset != "" && (err != nil || offset < 0) {
		return a, nil // not one of ours
	}
	release, err := d.Searches.queries.enter(ctx)
	if err != nil {
		return a, err
	}
	defer release()
	found, err := d.Ledger.Find(ctx, ledger.Search{Person: p.ID, Text: q.Query, Offset: offset, Limit: inlineResults})
	if err != nil {
		return a, err
	}
	for _, st := range found.Hits {
		r, err := d.result(st, found.People, lang)
		if err != nil {
			return a, err
		}
		a.Results = append(a.Results, r)
	}
	switch {
	case found.More:
		a.NextOffset = strconv.Itoa(offset + inlineResults)
	case len(a.Results) == 0 && offset == 0:
		a.Prompt = telegram.Prompt{Text: lang.T(nothing(asked(q.Query)), map[string]any{"Least": document.LeastBegun}), Parameter: wayTo(lostPrefix, q.Query)}
	}
	return a, nil
}

// nothing is the key of what is said when nothing was found: an empty list alone looks as
// if the bot were away. It is a button and no row, which would end up in somebody's chat.
func nothing(query string) string {
	switch {
	case query == "":
		return "inline.empty"
	case tooShort(query):
		return "inline.short"
	default:
		return "inline.none"
	}
}

// result is a row that becomes a status card when it is chosen.
func (d *Door) result(st ledger.Status, dir people.Directory, lang locale.Lang) (telegram.InlineResult, error) {
	c := d.statusCard(st, dir, lang)
	rows := make([][]telegram.Button, len(c.Buttons))
	for i, row := range c.Buttons {
		for _, b := range row {
			rows[i] = append(rows[i], telegram.Button{Text: b.Text, Data: b.Data, URL: b.URL})
		}
	}
	k, err := telegram.NewKeyboard(rows...)
	return telegram.InlineResult{
		ID: string(st.Case.ID), Title: heading(st.Document, lang), HTML: c.HTML, Keyboard: k,
		Description: dotted(lang.Money(st.Document.Amount), matter(st.Document)) + "\n" + lang.T("state."+string(st.Case.State), nil),
	}, err
}

func (d *Door) statusCard(st ledger.Status, dir people.Directory, lang locale.Lang) card.Card {
	return card.Posted(card.View{Case: &st.Case, Doc: st.Document, People: dir, Bot: d.Username(), Zone: d.Zone}, d.Now(), lang)
}

// chosen learns where a status card was posted.
func (d *Door) chosen(ctx context.Context, c *telegram.Chosen) (string, error) {
	id, ok := card.ParseRefresh(card.Refresh(approval.ID(c.ResultID)))
	if !ok || c.InlineID == "" || !c.From.Person() {
		return "ignored: nothing to follow", nil
	}
	followed, err := d.follow(ctx, c.From, c.InlineID, id)
	switch {
	case errors.Is(err, ledger.ErrNotFound):
		return "refused: may not see it", nil
	case err != nil:
		return "", failed(err)
	case !followed:
		return "posted, and not followed", nil
	}
	return "posted", nil
}

// refresh is the button of a status card that nobody told us of. Who may see the document
// makes it known by that, and nobody else: a tap can be forged, and would show a document.
func (d *Door) refresh(ctx context.Context, cb *telegram.Callback) (string, error) {
	lang := d.tongue(ctx, cb.From)
	id, ok := card.ParseRefresh(cb.Data)
	if !ok {
		d.answer(ctx, cb.ID, lang.T("tap.button_invalid", nil), Window)
		return "refused: no message of ours", nil
	}
	followed, err := d.follow(ctx, cb.From, cb.InlineID, id)
	switch {
	case errors.Is(err, ledger.ErrNotFound):
		d.answer(ctx, cb.ID, lang.T("tap.refresh_not", nil), Window)
		return "refused: may not see it", nil
	case err != nil:
		return "", failed(err)
	case !followed:
		d.answer(ctx, cb.ID, lang.T("tap.button_invalid", nil), Line)
		return "refused: too many cards are followed", nil
	}
	d.answer(ctx, cb.ID, lang.T("tap.refresh_on", nil), Line)
	return "followed", nil
}

// follow has a posted card kept up to date for somebody who may see the document.
func (d *Door) follow(ctx context.Context, u telegram.User, inlineID string, id approval.ID) (bool, error) {
	p, err := d.person(ctx, u.ID)
	if err != nil {
		return false, err
	}
	if _, _, err := d.Ledger.Seen(ctx, p.ID, id); err != nil {
		return false, err
	}
	if d.Cards.Follow == nil || utf8.RuneCountInString(inlineID) > longestID {
		return false, nil
	}
	return d.Cards.Follow(ctx, card.Posting{InlineID: inlineID, Case: id, Person: p.ID, Account: u.ID, Language: d.lang(p, u).Tag()})
}

// wayTo is the payload by which somebody comes from a search to the private chat: to
// connect his account, or because he found nothing.
func wayTo(prefix, query string) string {
	query = asked(query)
	for len(query) > wayBytes {
		_, size := utf8.DecodeLastRuneInString(query)
		query = query[:len(query)-size]
	}
	return prefix + base64.RawURLEncoding.EncodeToString([]byte(query))
}

// way is where somebody comes from.
type way struct {
	query string
	lost  bool // nothing was found
}

// cameFrom reads such a payload.
func cameFrom(payload string) (w way, ok bool) {
	rest, ok := strings.CutPrefix(payload, wayPrefix)
	if !ok {
		rest, w.lost = strings.CutPrefix(payload, lostPrefix)
	}
	text, err := base64.RawURLEncoding.DecodeString(rest)
	w.query = asked(string(text))
	return w, (ok || w.lost) && err == nil && len(text) <= wayBytes
}

// cameHere leads whoever came from a search to connect his account, or tells him how to
// search, and back.
func (d *Door) cameHere(ctx context.Context, m *telegram.Message, r request, w way) error {
	if r.person.ID != "" {
		k, err := telegram.NewKeyboard(back(w.query, r.lang))
		if err != nil {
			return err
		}
		text := r.lang.T("inline.back_text", nil)
		if w.lost {
			text = caption(listing{query: w.query}, 0, r)
		}
		return d.reply(ctx, pace.Outcome, telegram.Outgoing{ChatID: m.Chat.ID, HTML: markup.Escape(text), Keyboard: k})
	}
	if err := d.Searches.Leave(ctx, m.From.ID, w.query); err != nil {
		return failed(err)
	}
	s, err := d.Link.Login(ctx, visitor(*m.From, r.person))
	if err != nil {
		return failed(err)
	}
	s.Text = r.lang.T("inline.link_first", nil) + "\n\n" + s.Text
	return d.screen(ctx, m.Chat.ID, s)
}

// back is the button that opens the chat in which somebody was searching.
func back(query string, lang locale.Lang) []telegram.Button {
	return []telegram.Button{{Text: lang.T("button.search_back", nil), Inline: &telegram.Inline{Query: query, Where: telegram.Back}}}
}

// wayBack is the keyboard of a screen of the desk for links; whoever is connected now and
// came from a search can go back to it.
func (d *Door) wayBack(ctx context.Context, u telegram.User, s link.Screen) (telegram.Keyboard, error) {
	k, err := keyboard(s)
	if err != nil || !s.Linked {
		return k, err
	}
	query, left, err := d.Searches.Left(ctx, u.ID)
	if err != nil || !left {
		if err != nil { // he is connected all the same
			d.Log.WarnContext(ctx, "way back to a search not known", slog.Any("error", err))
		}
		return k, nil
	}
	return telegram.NewKeyboard(append(k.Rows(), back(query, d.tongue(ctx, u)))...)
}

// queries is what people are typing, as far as this replica saw.
type queries struct {
	mu   sync.Mutex
	of   map[int64]*typing
	busy chan struct{}
}

type typing struct {
	newest int64 // the update that came last
	left   float64
	at     time.Time
}

// note sees an update come in: a query makes the older ones of its person useless.
func (s *Searches) note(body []byte) {
	if s == nil || !bytes.Contains(body, []byte(`"inline_query"`)) {
		return
	}
	head, err := telegram.Envelope(body)
	if err != nil || head.Name() != telegram.UpdateInline.String() {
		return
	}
	q := &s.queries
	q.mu.Lock()
	defer q.mu.Unlock()
	q.person(head.Actor).newest = head.ID
}

// idle says why a query need not be answered, or nothing.
func (q *queries) idle(it *inbox.Item, account int64, now time.Time) string {
	if it.Age() > inlineLife {
		return "too old"
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	t := q.person(account)
	if t.newest != 0 && t.newest != it.ID {
		return "a newer one is here"
	}
	t.left = min(inlineBurst, t.left+inlineRate*now.Sub(t.at).Seconds())
	t.at = now
	if t.left < 1 {
		return "too many"
	}
	t.left--
	return ""
}

// person is what is known of one who types. The lock is held.
func (q *queries) person(account int64) *typing {
	if len(q.of) >= mostTyping {
		last := time.Time{}
		for _, t := range q.of {
			if t.at.After(last) {
				last = t.at
			}
		}
		maps.DeleteFunc(q.of, func(_ int64, t *typing) bool { return last.Sub(t.at) > time.Minute })
	}
	if q.of == nil || len(q.of) >= mostTyping {
		q.of = map[int64]*typing{}
	}
	t := q.of[account]
	if t == nil {
		t = &typing{left: inlineBurst}
		q.of[account] = t
	}
	return t
}

// enter waits for a turn to search.
func (q *queries) enter(ctx context.Context) (release func(), err error) {
	q.mu.Lock()
	if q.busy == nil {
		q.busy = make(chan struct{}, inlineAtOnce)
	}
	busy := q.busy
	q.mu.Unlock()
	select {
	case busy <- struct{}{}:
		return func() { <-busy }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
