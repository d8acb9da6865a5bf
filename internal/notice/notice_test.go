package notice_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/ledger/ledgertest"
	"countersign/internal/notice"
	"countersign/internal/pace"
	"countersign/internal/people"
	"countersign/internal/telegram/telegramtest"
)

func TestNoticeReachesEachWhomItMeansOnce(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ivan, err := o.Directory.Snapshot(t.Context())
	must(t, err)
	p, _ := ivan.ByTelegram(ledgertest.Treasurer)
	o.add(t, line("Bank holiday tomorrow", notice.To{
		Administrators: true, Chats: []string{"Operations", "Sales"}, People: []people.ID{p.ID}, Roles: []people.Role{{Name: "treasurer"}},
		Accounts: []notice.Account{{ID: ledgertest.Treasurer}, {ID: ledgertest.Requester}},
	}))
	boards := []*notice.Board{o.board, o.replica(t), o.replica(t)}
	var wg sync.WaitGroup
	for _, b := range boards {
		wg.Go(func() {
			if _, err := b.RunOnce(context.WithoutCancel(t.Context())); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	o.once(t)
	for _, chat := range []int64{operations, sales, ledgertest.Treasurer, ledgertest.Second, ledgertest.Requester} {
		if got := o.said(chat); !reflect.DeepEqual(got, []string{"Bank holiday tomorrow"}) {
			t.Errorf("chat %d: %q", chat, got)
		}
	}
	if got := o.said(ledgertest.Budget); len(got) != 0 {
		t.Errorf("told, though not meant: %q", got)
	}
}

func TestNoticeOfWhatDidNotHappenIsNotTold(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	changed := errors.New("changed its mind")
	err := pgx.BeginFunc(t.Context(), o.Pool, func(tx pgx.Tx) error {
		if _, err := o.board.Store.Add(t.Context(), tx, line("linked", chats("Sales"))); err != nil {
			return err
		}
		return changed
	})
	if !errors.Is(err, changed) || o.once(t) != 0 || len(o.said(sales)) != 0 {
		t.Errorf("%v, said %q", err, o.said(sales))
	}
}

func TestNoticeThatCannotBeToldIsRefused(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for name, n := range map[string]notice.New{
		"nobody":           line("x", notice.To{}),
		"no text":          line("", chats("Sales")),
		"no class":         {To: chats("Sales"), Body: notice.Body{Text: "x"}},
		"long":             line(strings.Repeat("ы", 3501), chats("Sales")),
		"progress at once": {Class: notice.Progress, To: chats("Sales"), Body: notice.Body{Text: "x"}},
		"done of nothing":  {Class: notice.Progress, To: chats("Sales"), Body: notice.Body{Text: "x", State: notice.Running, Done: 2, Total: 1}},
	} {
		if _, err := o.board.Store.Add(t.Context(), o.Pool, n); !errors.Is(err, notice.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTextOfOursIsInTheReadersLanguage(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.add(t, notice.New{
		Class: notice.Alarm, To: notice.To{Administrators: true, Accounts: []notice.Account{{ID: ledgertest.Requester, Language: "ru"}}},
		Body: notice.Body{Key: "link.alarm.stranger", Data: notice.With(map[string]any{"Email": "a…a@example.org", "Account": int64(7_000_000_000), "Other": 5})},
	})
	o.once(t)
	en, ru := o.said(operations), o.said(ledgertest.Requester)
	if len(en) != 1 || len(ru) != 1 || en[0] == ru[0] || !strings.Contains(en[0], "7000000000") || !strings.Contains(ru[0], "7000000000") {
		t.Errorf("%q\n%q", en, ru)
	}
}

// How long something takes, and words of ours within a text, are the reader's, too.
func TestSpansAndWordsAreInTheReadersLanguage(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.add(t, notice.New{
		Class: notice.Alarm, To: notice.To{Accounts: []notice.Account{{ID: ledgertest.Requester, Language: "ru"}, {ID: ledgertest.Second, Language: "en"}}},
		Body: notice.Body{
			Key: "doctor.erp.failing", Data: notice.With(map[string]any{"ID": "whe_1", "Due": 5, "Title": "Lager"}),
			Spans: map[string]time.Duration{"Age": 65 * time.Minute}, Words: map[string]string{"Source": "doctor.group.out"},
		},
	})
	o.once(t)
	for account, want := range map[int64][]string{ledgertest.Second: {"1 h 5 min", "Lager: the bot is not a member"}, ledgertest.Requester: {"1 ч 5 мин", "Lager: бот"}} {
		said := o.said(account)
		if len(said) != 1 || !strings.Contains(said[0], want[0]) || !strings.Contains(said[0], want[1]) {
			t.Errorf("want %q in %q", want, said)
		}
	}
}

func progress(done int, state notice.State) notice.Body {
	return notice.Body{Title: "Statement", Text: "Loading the bank's statement", Done: done, Total: 10, State: state}
}

func TestProgressChangesInPlaceToItsEnd(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	id := o.add(t, notice.New{Class: notice.Progress, To: chats("Sales"), Body: progress(0, notice.Running)})
	o.once(t)
	for i := range 10 { // ten quick changes are one edit
		o.change(t, id, i+1, progress(i, notice.Running))
	}
	o.once(t)
	m := o.tg.Messages(sales)
	if len(m) != 1 || m[0].Edits != 1 || m[0].Text != "Statement\nLoading the bank's statement\n▓▓▓▓▓▓▓▓▓░ 9 of 10" {
		t.Fatalf("%+v", m)
	}
	o.change(t, id, 11, progress(10, notice.Finished))
	for _, c := range []struct {
		source, name string
		no           int64
		to           notice.Body
		want         error
	}{
		{"", "after its end", 12, progress(10, notice.Failed), notice.ErrOver},
		{"", "late", 4, progress(3, notice.Running), notice.ErrLate},
		{"", "the same number with something else", 11, progress(10, notice.Failed), notice.ErrLate},
		{"", "the same again", 11, progress(10, notice.Finished), nil},
		{"erp", "by another", 13, progress(10, notice.Running), notice.ErrUnknown},
	} {
		changed, err := o.board.Store.Change(t.Context(), c.source, id, c.no, func(b *notice.Body) { *b = c.to })
		if changed || !errors.Is(err, c.want) {
			t.Errorf("%s: changed %t, %v", c.name, changed, err)
		}
	}
	o.once(t)
	if got := o.said(sales); !reflect.DeepEqual(got, []string{"Statement\nLoading the bank's statement\n✅ Finished"}) {
		t.Errorf("%q", got)
	}
	if n := o.once(t); n != 0 {
		t.Errorf("%d messages still in hand", n)
	}
}

func TestChangeWhileAMessageIsOnItsWayIsShownInTheEnd(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"sendMessage", "editMessageText"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			id := o.add(t, notice.New{Class: notice.Progress, To: chats("Sales"), Body: progress(0, notice.Running)})
			if method != "sendMessage" {
				o.once(t)
				o.change(t, id, 1, progress(1, notice.Running))
			}
			hold := make(chan struct{})
			before := len(o.tg.CallsOf(method))
			o.tg.FailNext(method, telegramtest.Fault{Hold: hold, Effect: true})
			done := make(chan error, 1)
			go func() {
				_, err := o.board.RunOnce(context.WithoutCancel(t.Context()))
				done <- err
			}()
			must(t, o.tg.WaitFor(t.Context(), func() bool { return len(o.tg.CallsOf(method)) > before }))
			o.change(t, id, 7, progress(7, notice.Running))
			if n, err := o.replica(t).RunOnce(t.Context()); n != 0 || err != nil {
				t.Errorf("another had %d in hand, %v", n, err)
			}
			close(hold)
			must(t, <-done)
			o.once(t)
			if got := o.said(sales); len(got) != 1 || !strings.HasSuffix(got[0], "7 of 10") {
				t.Errorf("%q", got)
			}
		})
	}
}

func TestNewsThatHadToWaitForAGroupGoInOneMessage(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.board.Pace.Limits = pace.Limits{PerBot: 1_000_000, PerChat: 1_000_000, PerGroupMinute: 2}
	for i := range 6 {
		o.add(t, line(fmt.Sprintf("Payment %d went out", i), chats("Sales")))
	}
	alarm := notice.New{Class: notice.Alarm, To: chats("Sales"), Body: notice.Body{Text: "The bank is away"}}
	o.add(t, alarm)
	o.once(t)
	if got := o.said(sales); len(got) != 2 {
		t.Fatalf("at first: %q", got)
	}
	o.board.Pace.Limits.PerGroupMinute = 1000
	o.soon(t)
	o.once(t)
	got := o.said(sales)
	want := []string{
		"Payment 0 went out", "Payment 1 went out", "The bank is away",
		"4 messages\n• Payment 2 went out\n• Payment 3 went out\n• Payment 4 went out\n• Payment 5 went out",
	}
	if !reflect.DeepEqual(got, want) || o.once(t) != 0 {
		t.Errorf("%q", got)
	}
}

func TestChatThatRefusesKeepsNobodyElseFromHearing(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	must(t, o.tg.Block(ledgertest.Treasurer))
	o.Import(t, ledgertest.User("nina", "Nina", "treasurer", 0))
	id := o.add(t, line("Hello", notice.To{Roles: []people.Role{{Name: "treasurer"}}, Chats: []string{"Sales", "nowhere"}}))
	o.once(t)
	faults := o.faults(t, id)
	if len(faults) != 3 || faults["person:nina"] != "not connected to Telegram" || faults["chat:nowhere"] != "no such chat" {
		t.Errorf("%q", faults)
	}
	if !slices.Equal(o.said(ledgertest.Second), []string{"Hello"}) || !slices.Equal(o.said(sales), []string{"Hello"}) || o.once(t) != 0 {
		t.Errorf("%q %q", o.said(ledgertest.Second), o.said(sales))
	}
}

func TestNoticeOutlivesWhatPasses(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]telegramtest.Fault{
		"flood":       {Code: 429, Text: "Too Many Requests: retry after 3", RetryAfter: 3},
		"away":        {Status: 502, Body: "<html>"},
		"not reached": {Drop: true},
		"wrong token": {Code: 401, Text: "Unauthorized"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			id := o.add(t, line("Hello", chats("Sales")))
			o.tg.FailNext("sendMessage", f)
			_, _ = o.board.RunOnce(t.Context()) // says what went wrong, or nothing
			if got := o.said(sales); len(got) != 0 {
				t.Fatalf("%q", got)
			}
			_, err := o.Pool.Exec(t.Context(), "update pace set held_until = now()")
			must(t, err)
			o.soon(t)
			o.once(t)
			if got := o.said(sales); !slices.Equal(got, []string{"Hello"}) || len(o.faults(t, id)) > 0 {
				t.Errorf("%q, %q", got, o.faults(t, id))
			}
		})
	}
}

func TestNoticeFollowsAGroupThatMoved(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	const small, big = -4711, -1009999999999
	must(t, o.tg.AddChat(telegramtest.Chat{ID: small, Type: "group", Title: "Small"}))
	_, err := o.Pool.Exec(t.Context(), "update chat set telegram_chat_id = $1, kind = 'group' where external_id = 'Sales'", int64(small))
	must(t, err)
	id := o.add(t, notice.New{Class: notice.Progress, To: chats("Sales"), Body: progress(1, notice.Running)})
	o.once(t)
	must(t, o.tg.Migrate(small, big))
	o.change(t, id, 2, progress(2, notice.Running))
	for range 3 {
		_, _ = o.board.RunOnce(t.Context())
		o.soon(t)
	}
	if got := o.said(big); len(got) != 1 || !strings.HasSuffix(got[0], "2 of 10") {
		t.Errorf("%q", got)
	}
}

func TestNewsAreSilentWhenNobodyWorks(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	night := o.Clock.Now()
	for o.board.Office.Next(night).Equal(night) {
		night = night.Add(time.Hour)
	}
	o.Clock.Advance(night.Sub(o.Clock.Now()))
	o.add(t, line("News", chats("Sales")))
	o.add(t, notice.New{Class: notice.Alarm, To: chats("Sales"), Body: notice.Body{Text: "Alarm"}})
	o.once(t)
	o.Clock.Advance(o.board.Office.Next(night).Sub(night))
	o.add(t, line("Morning", chats("Sales")))
	o.once(t)
	silent := map[string]bool{}
	for _, m := range o.tg.Messages(sales) {
		silent[m.Text] = m.Silent
	}
	if want := map[string]bool{"News": true, "Alarm": false, "Morning": false}; !reflect.DeepEqual(silent, want) {
		t.Errorf("silent: %v", silent)
	}
}

func TestFilesHangUnderTheirText(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	content := []byte("%PDF-1.4 statement")
	meta, err := o.Files.Put(t.Context(), "erp", "", bytes.NewReader(content))
	must(t, err)
	n := line("Statement", chats("Sales", "Operations"))
	for _, name := range []string{"Выписка.pdf", "a\u202ecod.pdf"} {
		n.Body.Files = append(n.Body.Files, notice.File{SHA256: meta.SHA256, Name: name, Size: meta.Size})
	}
	o.add(t, n)
	o.once(t)
	o.once(t)
	for _, chat := range []int64{sales, operations} {
		m := o.tg.Messages(chat)
		if len(m) != 3 || m[1].ReplyTo != m[0].ID || m[2].ReplyTo != m[0].ID || m[1].Document == nil || m[1].Document.Name != "Выписка.pdf" || !m[1].Silent ||
			strings.Contains(m[2].Text, "\u202e") {
			t.Fatalf("%+v", m)
		}
		if got, _ := o.tg.FileBytes(m[1].Document.FileID); !bytes.Equal(got, content) {
			t.Errorf("%q", got)
		}
	}
}

func TestOldNewsAreNotTold(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	n := line("Old", chats("Sales"))
	n.Life = time.Microsecond
	id := o.add(t, n)
	o.once(t)
	if got := o.faults(t, id); got["chat:Sales"] != "expired" || len(o.said(sales)) != 0 {
		t.Errorf("%q, said %q", got, o.said(sales))
	}
	if n, err := o.board.Store.Purge(t.Context(), 0); n != 1 || err != nil {
		t.Errorf("%d purged, %v", n, err)
	}
}

func TestTextIsShownAsItIs(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.add(t, notice.New{Class: notice.Info, To: chats("Sales"), Body: notice.Body{Title: "<b>1 & 2</b>", Text: "<a href=\"x\">\nabc\u202edef\x00"}})
	o.once(t)
	if got := o.said(sales); !slices.Equal(got, []string{"<b>1 & 2</b>\n<a href=\"x\">\nabcdef"}) {
		t.Errorf("%q", got)
	}
}

func TestButtonsOfANoticeStandUnderIt(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	dir, err := o.Directory.Snapshot(t.Context())
	must(t, err)
	p, _ := dir.ByTelegram(ledgertest.Budget)
	n := line("Two things wait", notice.To{People: []people.ID{p.ID}})
	n.Body.Buttons = [][]notice.Button{{{Text: "1", Data: "f:c:1"}, {Text: "2", Data: "f:c:2"}}, {{Text: "All", Data: "m:q"}}}
	o.add(t, n)
	o.once(t)
	all := o.tg.Messages(ledgertest.Budget)
	if m := all[len(all)-1]; m.Text != "Two things wait" || len(m.Keyboard) != 2 || m.Keyboard[0][1].Data != "f:c:2" {
		t.Errorf("%+v", m)
	}
	n.Body.Buttons[1][0].Data = strings.Repeat("x", 65)
	if _, err := o.board.Store.Add(t.Context(), o.Pool, n); !errors.Is(err, notice.ErrInvalid) {
		t.Errorf("a button too long: %v", err)
	}
}
