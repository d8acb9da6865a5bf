package chat_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/internal/approval"
	"countersign/internal/card"
	"countersign/internal/chat"
	"countersign/internal/directory"
	"countersign/internal/inbox"
	"countersign/internal/ledger"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/telegram/telegramtest"
)

// typed types a query and gives what is shown.
func (o *office) typed(t *testing.T, account int64, text string) telegramtest.InlineAnswered {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	a, err := o.tg.InlineQuery(ctx, account, text)
	must(t, err)
	return a
}

// posted waits for a posted card that has been edited and says all the words.
func (o *office) posted(t *testing.T, inline string, words ...string) telegramtest.Message {
	t.Helper()
	var m telegramtest.Message
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	err := o.tg.WaitFor(ctx, func() bool {
		m, _ = o.tg.InlineMessage(inline)
		return m.Edits > 0 && !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(m.Text, w) })
	})
	if err != nil {
		t.Fatalf("the posted card never says %q; it says\n%s", words, m.Text)
	}
	return m
}

func TestDocumentIsFoundInAnyChatAndItsCardFollowsToTheEnd(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.Post(t, "4711")
	o.Post(t, "4712")
	a := o.typed(t, ledgertest.Budget, "4711")
	if len(a.Results) != 1 || !a.Personal || a.Cache > time.Second || a.Prompt != "" || a.NextOffset != "" {
		t.Fatalf("shown %+v", a)
	}
	r := a.Results[0]
	if !strings.Contains(r.Title, "4711") || !strings.Contains(r.Description, "Landlord LLC") || !strings.Contains(r.Description, "125,000.00") ||
		!strings.Contains(r.Description, "Awaiting approval") || !strings.Contains(r.Text, "As of") {
		t.Errorf("row %+v", r)
	}
	inline, err := o.tg.Choose(ledgertest.Budget, -55, r, "4711") // a chat that nobody knows
	must(t, err)
	m := o.posted(t, inline, "4711", "Step 1 of 3")
	if _, there := m.Button("Refresh"); there || decides(m) || strings.Contains(m.Text, "As of") {
		t.Errorf("followed, it shows %+v\n%s", m.Keyboard, m.Text)
	}
	for _, account := range []int64{ledgertest.Budget, ledgertest.Finance, ledgertest.Treasurer} {
		o.Vote(t, "4711", account, approval.Accept, "")
	}
	if m := o.posted(t, inline, "4711", "✅ Approved"); len(m.Keyboard) > 0 {
		t.Errorf("at its end it has buttons: %+v", m.Keyboard)
	}
}

func decides(m telegramtest.Message) bool {
	return slices.ContainsFunc(slices.Concat(m.Keyboard...), func(b telegramtest.Button) bool {
		_, err := card.ParseTap(b.Data)
		return err == nil
	})
}

func TestWhoMayNotSeeADocumentFindsItInNoWay(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	st := o.Post(t, "4713")
	for text, prompt := range map[string]string{"4713": "Nothing found", "9999": "Nothing found", "": "No documents", "landlord": "Nothing found", "125 000,00": "Nothing found"} {
		if a := o.typed(t, ledgertest.Treasurer, text); len(a.Results) != 0 || !strings.HasPrefix(a.Prompt, prompt) {
			t.Errorf("by %q: %q, %+v", text, a.Prompt, a.Results)
		}
	}
	link := "/start " + strings.TrimPrefix(card.Link("b_bot", st.Case.ID), "https://t.me/b_bot?start=")
	for _, text := range []string{"/find 4713", link} {
		_, err := o.tg.Say(ledgertest.Treasurer, ledgertest.Treasurer, text, 0)
		must(t, err)
	}
	o.sees(t, ledgertest.Treasurer, "Nothing was found for “4713”")
	o.sees(t, ledgertest.Treasurer, "You are not asked")
	forged, err := o.tg.Forge(ledgertest.Treasurer, ledgertest.Treasurer, 1, "f:c:"+string(st.Case.ID))
	must(t, err)
	_, err = forged.Wait(t.Context())
	must(t, err)
	for i, account := range []int64{ledgertest.Treasurer, 6666, 777000} {
		body := fmt.Sprintf(`{"update_id":%d,"chosen_inline_result":{"result_id":%q,"from":{"id":%d,"is_bot":false,"first_name":"P"},"query":"","inline_message_id":"own-%d"}}`,
			8000+i, st.Case.ID, account, i)
		outcome, err := o.door.Handle(t.Context(), &inbox.Item{ID: int64(8000 + i), Body: []byte(body), Attempt: 1})
		if err != nil || strings.HasPrefix(outcome, "posted") {
			t.Errorf("chosen by %d: %q, %v", account, outcome, err)
		}
	}
	for _, m := range o.tg.Messages(ledgertest.Treasurer) {
		if strings.Contains(m.Text, "Landlord") {
			t.Errorf("he is told %s", m.Text)
		}
	}
	if n := o.stored(t, "inline_card"); n != 0 {
		t.Errorf("%d cards are followed", n)
	}
}

// pressPosted handles a tap on a message of inline mode.
func (o *office) pressPosted(t *testing.T, account int64, inline, data string) string {
	t.Helper()
	body := fmt.Sprintf(`{"update_id":%d,"callback_query":{"id":"%d","from":{"id":%d,"is_bot":false,"first_name":"P","language_code":"en"},"chat_instance":"1","inline_message_id":%q,"data":%q}}`,
		770000+account, 770000+account, account, inline, data)
	outcome, err := o.door.Handle(t.Context(), &inbox.Item{ID: 770000 + account, Body: []byte(body), Attempt: 1})
	must(t, err)
	return outcome
}

func TestWithoutFeedbackTheCardSaysItsTimeUntilWhoMaySeeItRefreshes(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	st := o.Post(t, "4714")
	inline, err := o.tg.Choose(ledgertest.Budget, -55, o.typed(t, ledgertest.Budget, "4714").Results[0], "")
	must(t, err)
	o.posted(t, inline, "4714")
	_, err = o.Pool.Exec(t.Context(), `delete from inline_card`) // as if we had never been told
	must(t, err)
	for what, outcome := range map[string]string{
		"somebody who may not see it": o.pressPosted(t, ledgertest.Treasurer, inline, card.Refresh(st.Case.ID)),
		"a stranger":                  o.pressPosted(t, 6666, inline, card.Refresh(st.Case.ID)),
		"a forged decision":           o.pressPosted(t, ledgertest.Budget, inline, card.Tap{Case: st.Case.ID, Round: 1, Revision: 1, Verdict: approval.Accept}.String()),
		"a list":                      o.pressPosted(t, ledgertest.Budget, inline, "f:c:"+string(st.Case.ID)),
		"a long name":                 o.pressPosted(t, ledgertest.Budget, strings.Repeat("x", 201), card.Refresh(st.Case.ID)),
	} {
		if !strings.HasPrefix(outcome, "refused") {
			t.Errorf("%s: %q", what, outcome)
		}
	}
	o.Vote(t, "4714", ledgertest.Budget, approval.Reject, "no")
	o.sees(t, ledgertest.Requester, "4714", "❌ Rejected")
	if m, _ := o.tg.InlineMessage(inline); strings.Contains(m.Text, "Rejected") {
		t.Fatalf("followed by whose leave?\n%s", m.Text)
	}
	if outcome := o.pressPosted(t, ledgertest.Requester, inline, card.Refresh(st.Case.ID)); outcome != "followed" {
		t.Errorf("who may see it: %q", outcome)
	}
	o.posted(t, inline, "4714", "❌ Rejected")
}

func TestButtonOfAPostedCardIsAnsweredInWords(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	st := o.Post(t, "4716")
	o.tg.User(6666, "Mallory", "en")
	r := o.typed(t, ledgertest.Budget, "4716").Results[0]
	end := o.tg.FailAlways("editMessageText", telegramtest.Refuse(403, "Forbidden: CHAT_WRITE_FORBIDDEN")) // so the button stays
	defer end()
	inline, err := o.tg.Choose(ledgertest.Budget, -55, r, "")
	must(t, err)
	for account, want := range map[int64]string{ledgertest.Budget: "now kept up to date", ledgertest.Treasurer: "Only people who may see", 6666: "Only people who may see"} {
		tap, err := o.tg.PressInline(account, inline, "Refresh")
		must(t, err)
		if a, err := tap.Wait(t.Context()); err != nil || !strings.Contains(a.Text, want) {
			t.Errorf("%d is told %q, %v", account, a.Text, err)
		}
	}
	if st, err := o.Case(t.Context(), st.Case.ID); err != nil || st.Case.Events != 2 {
		t.Errorf("the case has %d events, %v", st.Case.Events, err)
	}
}

// An empty list alone looks as if the bot were away.
func TestWhoFindsNothingIsToldSoAndHowToSearch(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.Post(t, "4711")
	for text, want := range map[string][]string{ // what is typed: on the button, in the chat, and what the way back brings
		"nothing like this":             {"Nothing found", "Nothing was found for “nothing like this”", "nothing like this"},
		"zq":                            {"at least 3", "for “zq”. Type at least 3 characters", "zq"},
		" - ":                           {"at least 3", "for “-”. Type at least 3 characters", "-"},
		"@":                             {"at least 3", "for “@”. Type at least 3 characters", "@"},
		strings.Repeat("ёж", 60) + " 1": {"Nothing found", "Nothing was found for “ёжёж", strings.Repeat("ёж", 11) + "ё"},
	} {
		a := o.typed(t, ledgertest.Budget, text)
		if len(a.Results) != 0 || !strings.Contains(a.Prompt, want[0]) || !a.Personal || a.NextOffset != "" {
			t.Fatalf("by %q: %+v", text, a)
		}
		_, err := o.tg.StartBot(ledgertest.Budget, a.Parameter)
		must(t, err)
		m := o.sees(t, ledgertest.Budget, want[1])
		if b, ok := m.Button("Back to the search"); !ok || !b.Switch || b.Query != want[2] {
			t.Errorf("by %q: buttons %+v", text, m.Keyboard)
		}
	}
	if a := o.typed(t, ledgertest.Budget, "4711"); len(a.Results) != 1 || a.Prompt != "" {
		t.Errorf("where something is found: %+v", a)
	}
	if a := o.typed(t, ledgertest.Treasurer, ""); !strings.Contains(a.Prompt, "No documents") {
		t.Errorf("who has none: %+v", a)
	}
	_, err := o.tg.Say(ledgertest.Budget, ledgertest.Budget, "/find zq", 0)
	must(t, err)
	o.sees(t, ledgertest.Budget, "at least 3 characters")
}

func TestManyResultsComeInPages(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for i := range 23 {
		o.Post(t, fmt.Sprintf("p%d", i))
	}
	a := o.typed(t, ledgertest.Budget, "rent")
	if len(a.Results) != 20 || a.NextOffset == "" {
		t.Fatalf("%d results, then %q", len(a.Results), a.NextOffset)
	}
	seen := map[string]bool{}
	for _, r := range a.Results {
		seen[r.ID] = true
	}
	for offset, want := range map[string]int{a.NextOffset: 3, "-1": 0, "x": 0, "99999999999999999999": 0, "9223372036854775807": 0, "500": 0} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		next, err := o.tg.InlineScroll(ctx, ledgertest.Budget, "rent", offset)
		cancel()
		must(t, err)
		if len(next.Results) != want || next.NextOffset != "" || next.Prompt != "" {
			t.Errorf("offset %q: %d results, then %q", offset, len(next.Results), next.NextOffset)
		}
		for _, r := range next.Results {
			if seen[r.ID] {
				t.Errorf("%s comes twice", r.Title)
			}
		}
	}
}

func TestHostileQueriesAreAnswered(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	d := ledgertest.Payment("4717")
	d.Number, d.Payee.Name, d.Title = "<b>4717</b>\u202e", strings.Repeat("é'&<", 90), "a\nb"
	_, err := o.Submit(t.Context(), ledger.Submission{Key: ledgertest.Key("4717"), Document: d})
	must(t, err)
	for _, text := range []string{strings.Repeat("4717 ", 13<<10), "\x00", "\u202e4717", "%_\\'\"", "a & b | !c:*", "<b>", "4717"} {
		a := o.typed(t, ledgertest.Budget, text)
		if text == "4717" && (len(a.Results) != 1 || strings.ContainsAny(a.Results[0].Title, "\u202e\n")) {
			t.Errorf("%q: %+v", text, a.Results)
		}
	}
	body := fmt.Sprintf(`{"update_id":8100,"inline_query":{"id":"q","from":{"id":%d,"is_bot":false,"first_name":"P"},"query":%q,"offset":""}}`,
		ledgertest.Budget, strings.Repeat("4717 ", 13<<10)) // more than Telegram lets through
	if outcome, err := o.door.Handle(t.Context(), &inbox.Item{ID: 8100, Body: []byte(body), Attempt: 1}); err != nil || outcome == "" {
		t.Errorf("64 KB: %q, %v", outcome, err)
	}
}

func TestQueriesThatAreNoUseAreNotSearchedFor(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	now, door := time.Now(), *o.door
	door.Now = func() time.Time { return now } // nobody waits here
	handle := func(id, account int64) string {
		t.Helper()
		body := fmt.Sprintf(`{"update_id":%d,"inline_query":{"id":"q%d","from":{"id":%d,"is_bot":false,"first_name":"P"},"query":"x","offset":""}}`, id, id, account)
		outcome, err := door.Handle(t.Context(), &inbox.Item{ID: id, Body: []byte(body), Attempt: 1})
		must(t, err)
		return outcome
	}
	for i := range int64(21) {
		want := "inline query not answered" // the messenger knows no such query
		if i == 20 {
			want = "dropped: too many"
		}
		if got := handle(5000+i, ledgertest.Finance); got != want {
			t.Errorf("query %d: %s, want %s", i, got, want)
		}
	}
	if got := handle(6000, ledgertest.Budget); got != "inline query not answered" {
		t.Errorf("somebody else's: %s", got)
	}
	if got := handle(6001, 777000); !strings.HasPrefix(got, "refused") {
		t.Errorf("nobody's: %s", got)
	}
	now = now.Add(time.Second)
	if got := handle(6002, ledgertest.Finance); got != "inline query not answered" {
		t.Errorf("a second later: %s", got)
	}
}

func TestWhoIsNotConnectedComesBackToWhereHeWas(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.tg.User(6667, "Nobody", "en")
	a := o.typed(t, 6667, "rent 4718 ёлка")
	if len(a.Results) != 0 || !strings.Contains(a.Prompt, "Connect") || a.Cache != 0 || !a.Personal {
		t.Fatalf("shown %+v", a)
	}
	_, err := o.tg.StartBot(6667, a.Parameter)
	must(t, err)
	o.sees(t, 6667, "connect your work account first", "6667") // no login service here: the administrator does it
	query, left, err := (&chat.Searches{Pool: o.Pool}).Left(t.Context(), 6667)
	if err != nil || !left || query != "rent 4718 ёлка" {
		t.Errorf("kept %q, %v, %v", query, left, err)
	}
	o.Import(t, ledgertest.User("nobody", "Nobody", "requester", 6667))
	_, err = o.tg.StartBot(6667, a.Parameter)
	must(t, err)
	m := o.sees(t, 6667, "go on searching")
	if b, ok := m.Button("Back to the search"); !ok || !b.Switch || b.Query != "rent 4718 ёлка" {
		t.Errorf("button %+v", m.Keyboard)
	}
	before := len(o.tg.Messages(6667))
	for _, payload := range []string{"f_", "f_%%%", "f_" + strings.Repeat("A", 62), "f_AAAA", "f_gICA"} {
		_, err = o.tg.StartBot(6667, payload)
		must(t, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := o.tg.WaitFor(ctx, func() bool { return len(o.tg.Messages(6667)) == before+10 }); err != nil {
		t.Errorf("not every payload was answered: %d messages", len(o.tg.Messages(6667))-before)
	}
}

func TestOldQueriesAndThoseWithANewerOneAreDropped(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	body := func(id int64) string {
		return fmt.Sprintf(`{"update_id":%d,"inline_query":{"id":"q%d","from":{"id":%d,"is_bot":false,"first_name":"P"},"query":"x","offset":""}}`, id, id, ledgertest.Budget)
	}
	for _, id := range []int64{7001, 7002} {
		if status, _ := o.post(t, "POST", body(id), nil); status != 200 {
			t.Fatalf("status %d", status)
		}
	}
	for id, want := range map[int64]string{7001: "dropped: a newer one is here", 7002: "inline query not answered"} {
		outcome, err := o.door.Handle(t.Context(), &inbox.Item{ID: id, Body: []byte(body(id)), Attempt: 1})
		must(t, err)
		if outcome != want {
			t.Errorf("query %d: %s, want %s", id, outcome, want)
		}
	}
	if status, _ := o.post(t, "POST", body(3), nil); status != 200 { // after a quiet week Telegram begins anywhere
		t.Fatalf("status %d", status)
	}
	if _, outcome := o.settled(t, 3); outcome != "inline query not answered" {
		t.Errorf("a query with a smaller number: %s", outcome)
	}
	_, err := o.Pool.Exec(t.Context(), `insert into telegram_update (bot_id, update_id, fast, actor, body, received_at, next_at)
		values ($1, 4, true, $2, $3, now() - interval '11 seconds', now())`, o.door.Bot, ledgertest.Budget, []byte(body(4)))
	must(t, err)
	must(t, o.inbox.Sweep(t.Context()))
	if _, outcome := o.settled(t, 4); outcome != "dropped: too old" {
		t.Errorf("a query of a while ago: %s", outcome)
	}
}

// TestWhoConnectsByALoginIsOfferedTheWayBack: the last tap of the login, which the desk for
// links tests whole.
func TestWhoConnectsByALoginIsOfferedTheWayBack(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.Import(t, directory.User{ExternalID: "new", Name: "New", Email: "new@example.org"})
	o.tg.User(6668, "New", "en")
	a := o.typed(t, 6668, "4711")
	_, err := o.tg.StartBot(6668, a.Parameter)
	must(t, err)
	asked := o.sees(t, 6668, "connect your work account first")
	const id = "lnk_00000000000000000000000000"
	_, err = o.Pool.Exec(t.Context(), `insert into link_attempt (id, account, seen_as, language, created_at, expires_at, token_hash, service, cookie_hash, state_hash,
			opened_at, exchanged_at, issuer, subject, email, person_id, proof_hash, code_hash, proved_at, brought_at)
		select $1, 6668, 'New', 'en', now(), now() + interval '5 minutes', sha256('t'), 'google', sha256('c'), sha256('s'),
			now(), now(), 'https://accounts.example.org', 'sub', 'new@example.org', p.id, sha256('p'), sha256('d'), now(), now() from person p where external_id = 'new'`, id)
	must(t, err)
	tap, err := o.tg.Forge(6668, 6668, asked.ID, "lk:y:"+id)
	must(t, err)
	_, err = tap.Wait(t.Context())
	must(t, err)
	m := o.sees(t, 6668, "Connected: New")
	if b, ok := m.Button("Back to the search"); !ok || !b.Switch || b.Query != "4711" {
		t.Fatalf("buttons %+v\n%s", m.Keyboard, m.Text)
	}
}
