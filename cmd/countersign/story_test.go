package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/internal/telegram/telegramtest"
)

func TestPaymentIsVisaedInTelegramAndPaidAgainstTheDecision(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"webhook", "polling"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, mode, 2)
			acceptedByAll(w)
			rejectedWithAReason(w)
			changedAfterAVote(w)
			w.assertEventsAgree("accepted", "rejected", "changed")
		})
	}
}

// acceptedByAll: three accepts, every message follows, the decision is consumed once.
func acceptedByAll(w *world) {
	t := w.t
	t.Helper()
	content := []byte("%PDF-1.4 an invoice")
	sum := sha256.Sum256(content)
	body := payment("A-1", "125000.00")
	body["files"] = []any{map[string]any{
		"name": "Счёт 15.pdf", "sha256": hex.EncodeToString(sum[:]), "content_base64": base64.StdEncoding.EncodeToString(content),
	}}
	posted := w.post("accepted", body)
	if posted.Case.Status != "in_progress" || posted.Revision != 1 {
		t.Fatalf("posted: %+v", posted)
	}
	card := w.sees(office, "A-1")
	if hasButton(card, "✅") || hasButton(card, "❌") {
		t.Errorf("buttons in the group: %v", card.Keyboard)
	}
	for _, account := range []int64{pyotr, olga, ivan} {
		m := w.seesCard(account, "A-1")
		if first := m.Keyboard[0]; !strings.HasPrefix(first[0].Text, "✅") || !strings.HasPrefix(first[1].Text, "❌") {
			t.Errorf("first row %v", first)
		}
		if a := w.tap(account, m, "✅"); !strings.HasPrefix(a.Text, "✅") {
			t.Errorf("%d is told %q", account, a.Text)
		}
	}
	for _, chat := range []int64{pyotr, olga, ivan, anna, office} {
		w.settles(chat, "A-1", "✅")
	}
	w.assertFile(content)
	consume(w, posted)
	for _, chat := range []int64{pyotr, olga, ivan, anna, office} {
		w.sees(chat, "A-1", "💸")
	}
}

func consume(w *world, posted state) {
	t := w.t
	t.Helper()
	var decision struct {
		Outcome  string `json:"outcome"`
		Consumed bool   `json:"consumed"`
	}
	w.decode(w.call(http.MethodGet, documentPath("accepted")+"/decision?hash="+posted.ContentHash, nil, http.StatusOK), &decision)
	if decision.Outcome != "approved" || decision.Consumed {
		t.Errorf("decision: %+v", decision)
	}
	ask := func(hash, ref string, want int) string {
		return string(w.call(http.MethodPost, documentPath("accepted")+"/consume", map[string]any{"hash": hash, "consumer_ref": ref}, want))
	}
	if got := ask("sha256:"+strings.Repeat("0", 64), "PAY-1", http.StatusConflict); !strings.Contains(got, "revision_mismatch") {
		t.Errorf("another hash: %s", got)
	}
	first := ask(posted.ContentHash, "PAY-1", http.StatusOK)
	again := ask(posted.ContentHash, "PAY-1", http.StatusOK)
	if withoutRequestID(t, first) != withoutRequestID(t, again) {
		t.Errorf("the same reference is answered otherwise:\n%s\n%s", first, again)
	}
	if got := ask(posted.ContentHash, "PAY-2", http.StatusConflict); !strings.Contains(got, "already_consumed") {
		t.Errorf("another payment: %s", got)
	}
}

func withoutRequestID(tb testing.TB, body string) string {
	tb.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(body), &m); err != nil {
		tb.Fatal(err)
	}
	delete(m, "request_id")
	out, err := json.Marshal(m)
	if err != nil {
		tb.Fatal(err)
	}
	return string(out)
}

// rejectedWithAReason: nothing is recorded until the reason is there, then all is.
func rejectedWithAReason(w *world) {
	w.t.Helper()
	w.post("rejected", payment("R-1", "700.00"))
	w.tap(pyotr, w.seesCard(pyotr, "R-1"), "❌")
	question := w.sees(pyotr, "Why are you rejecting", "R-1")
	if got := w.document("rejected").Case.Status; got != "in_progress" {
		w.t.Errorf("before the reason: %s", got)
	}
	if _, err := w.tg.Say(pyotr, pyotr, "Договор закончился", question.ID); err != nil {
		w.t.Fatal(err)
	}
	for _, chat := range []int64{pyotr, anna, office} {
		w.settles(chat, "R-1", "❌")
		w.sees(chat, "R-1", "Договор закончился")
	}
}

// changedAfterAVote: the votes fall, old buttons vote for nothing, a new round ends it.
func changedAfterAVote(w *world) {
	t := w.t
	t.Helper()
	w.post("changed", payment("C-1", "1000.00"))
	w.tap(pyotr, w.seesCard(pyotr, "C-1"), "✅")
	old := w.seesCard(olga, "C-1")
	changed := w.post("changed", payment("C-1", "9000.00"))
	if changed.Change != "material" || changed.Case.Round != 2 {
		t.Errorf("changed: %+v", changed)
	}
	tap, err := w.tg.Forge(olga, olga, old.ID, old.Keyboard[0][0].Data)
	if err != nil {
		t.Fatal(err)
	}
	if a, err := tap.Wait(w.limited(30 * time.Second)); err != nil || !strings.Contains(a.Text, "изменён") {
		t.Errorf("old button: %q, %v", a.Text, err)
	}
	if err := w.tg.WaitFor(w.limited(30*time.Second), func() bool {
		m, _ := w.tg.Message(olga, old.ID)
		return len(m.Keyboard) == 0
	}); err != nil {
		t.Fatalf("the old card keeps its buttons:\n%s", w.transcript(olga))
	}
	for _, account := range []int64{pyotr, olga, ivan} {
		m := w.seesCard(account, "C-1")
		if account == pyotr && !strings.Contains(m.Text, "1,000.00") {
			t.Errorf("the new card does not say what changed:\n%s", m.Text)
		}
		w.tap(account, m, "✅")
	}
	for _, chat := range []int64{pyotr, olga, ivan, anna, office} {
		w.settles(chat, "C-1", "✅")
	}
}

// seesCard waits for the card that asks somebody about a document.
func (w *world) seesCard(account int64, number string) telegramtest.Message {
	w.t.Helper()
	var found telegramtest.Message
	err := w.tg.WaitFor(w.limited(30*time.Second), func() bool {
		for _, m := range slices.Backward(w.tg.Messages(account)) {
			if hasButton(m, "✅") && strings.Contains(m.Text, number) {
				found = m
				return true
			}
		}
		return false
	})
	if err != nil {
		w.t.Fatalf("%d is not asked about %s:\n%s\n%s", account, number, w.transcript(account), w.logs())
	}
	return found
}

// settles waits until every message about a document has lost its buttons and one shows
// the mark of the end.
func (w *world) settles(chat int64, number, mark string) {
	w.t.Helper()
	err := w.tg.WaitFor(w.limited(30*time.Second), func() bool {
		ended := false
		for _, m := range w.tg.Messages(chat) {
			if !strings.Contains(m.Text, number) || m.Deleted {
				continue
			}
			if len(m.Keyboard) > 0 {
				return false
			}
			ended = ended || strings.Contains(m.Text, mark)
		}
		return ended
	})
	if err != nil {
		w.t.Fatalf("chat %d does not settle on %s for %s:\n%s\n%s", chat, mark, number, w.transcript(chat), w.logs())
	}
}

// assertFile: the group and the approvers have the file, and it was uploaded once.
func (w *world) assertFile(content []byte) {
	w.t.Helper()
	for _, chat := range []int64{office, pyotr, olga, ivan} {
		err := w.tg.WaitFor(w.limited(30*time.Second), func() bool {
			for _, m := range w.tg.Messages(chat) {
				if m.Document == nil {
					continue
				}
				if got, _ := w.tg.FileBytes(m.Document.FileID); string(got) == string(content) && m.ReplyTo != 0 {
					return true
				}
			}
			return false
		})
		if err != nil {
			w.t.Errorf("chat %d never got the file", chat)
		}
	}
}

// assertEventsAgree: the receiver got every event of the feed, once each to its eyes, in
// the order of each document, signed. Either may be a moment ahead of the other.
func (w *world) assertEventsAgree(documents ...string) {
	w.t.Helper()
	for _, id := range documents {
		var want []string
		var got []event
		agree := func() bool {
			want, got = w.feed(id), w.erp.of(id)
			return len(want) > 0 && len(want) == len(got)
		}
		for end := time.Now().Add(30 * time.Second); !agree() && time.Now().Before(end); {
			pause(100 * time.Millisecond)
		}
		if len(want) == 0 || len(want) != len(got) {
			w.t.Fatalf("%s: %d events in the feed, %d received\n%s", id, len(want), len(got), w.logs())
		}
		for i, e := range got {
			if e.ID != want[i] || e.Seq != i+1 {
				w.t.Errorf("%s: event %d is %s (seq %d), want %s", id, i, e.ID, e.Seq, want[i])
			}
		}
	}
	if w.erp.forged > 0 {
		w.t.Errorf("%d webhooks had a wrong signature", w.erp.forged)
	}
}

// feed lists the ids of a document's events as the feed has them, page by page.
func (w *world) feed(id string) []string {
	w.t.Helper()
	var out []string
	for after := ""; ; {
		var page struct {
			Events []event `json:"events"`
			Next   string  `json:"next"`
			More   bool    `json:"more"`
		}
		w.decode(w.call(http.MethodGet, "/v1/events?limit=500&after="+after, nil, http.StatusOK), &page)
		for _, e := range page.Events {
			if e.ExternalID == id {
				out = append(out, e.ID)
			}
		}
		if after = page.Next; !page.More {
			return out
		}
	}
}
