package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"
)

// journal gives the entries that a search finds, once there are as many as wanted.
func (w *world) journal(want int, args ...string) []journalLine {
	w.t.Helper()
	var out []journalLine
	enough := func() bool {
		out = nil
		for line := range strings.Lines(w.command(append([]string{"journal", "--json", "--limit", "1000"}, args...)...)) {
			var l journalLine
			w.decode([]byte(line), &l)
			if l.ID != "" {
				out = append(out, l)
			}
		}
		return len(out) >= want
	}
	pauseUntil(enough, patience)
	if len(out) < want {
		w.t.Fatalf("%v: %d entries of %d\n%s", args, len(out), want, w.logs())
	}
	return out
}

// A payment is followed in the journal: its cards by the document, the tap by the person, the
// answer by the update, a stranger at the webhook by a count.
func TestJournalTellsWhatWasSentToWhomAndWhatCame(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "webhook", 2)
	posted := w.post("j", payment("J-1", "125000.00"))
	m := w.seesCard(pyotr, "J-1")
	w.tap(pyotr, m, "✅")
	w.seesCard(olga, "J-1")
	resp, err := http.Post(w.replicas[0].url+webhookPath, "application/json", strings.NewReader("{}"))
	if err != nil || resp.Body.Close() != nil || resp.StatusCode != http.StatusUnauthorized {
		t.Fatalf("a stranger at the webhook: %v", err)
	}

	for _, l := range w.journal(3, "--document", "erp1c/j", "--method", "sendMessage") {
		if l.Case != posted.Case.ID || l.Message == 0 || l.Digest == "" || l.Text != "" || l.Outcome != "ok" || l.Attempts != 1 {
			t.Errorf("a card: %+v", l)
		}
	}
	if l := w.journal(1, "--chat", fmt.Sprint(pyotr), "--method", "sendMessage", "--document", "erp1c/j")[0]; l.Message != m.ID {
		t.Errorf("the card of one person: %+v", l)
	}
	tap := w.journal(1, "--person", "petrov", "--method", "callback_query")[0]
	if tap.What != "tap" || tap.Outcome != "handled" || tap.Account != pyotr || tap.Case != posted.Case.ID || !strings.HasPrefix(tap.Request, "req_") {
		t.Errorf("the tap: %+v", tap)
	}
	answered := w.journal(2, "--update", fmt.Sprint(tap.Update))
	if len(answered) != 2 || answered[0].Method != "answerCallbackQuery" && answered[1].Method != "answerCallbackQuery" {
		t.Errorf("the tap with its answer: %+v", answered)
	}
	if n := len(w.journal(2, "--request", tap.Request)); n != 2 {
		t.Errorf("%d entries of the request", n)
	}
	if got := w.journal(0, "--document", "erp1c/none"); len(got) != 0 {
		t.Errorf("of no document: %+v", got)
	}
	for _, r := range w.replicas {
		r.stop(syscall.SIGTERM)
	}
	if l := w.journal(1, "--method", "webhook", "--failed")[0]; l.What != "wrong secret" || l.Times != 1 || l.Outcome != "refused" {
		t.Errorf("the stranger: %+v", l)
	}
	if out := w.command("journal", "--failed", "--method", "webhook"); !strings.Contains(out, "wrong secret") {
		t.Errorf("as a table: %s", out)
	}
	var looked int
	if err := w.pool.QueryRow(t.Context(), "select count(*) from console_journal where what = 'looked' and person like 'command%' and detail like 'person petrov, method callback_query%'").Scan(&looked); err != nil || looked == 0 {
		t.Errorf("who looked is not written down: %d, %v", looked, err)
	}
}

// Whoever is killed while he writes loses what was not written yet, and nothing is there
// twice; what the other replica did is there.
func TestKilledWhileTheJournalIsWrittenNothingIsDoubled(t *testing.T) {
	t.Parallel()
	for _, point := range []string{"journal.gathered:2", "journal.written:2"} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "webhook", 1)
			victim := w.start(point)
			for i := 0; ; i++ { // the other replica may be quicker: then there is more to do
				if i == 40 {
					t.Fatal("nobody died")
				}
				w.post(fmt.Sprint("k", i), payment(fmt.Sprint("K-", i), "10.00"))
				w.seesCard(pyotr, fmt.Sprint("K-", i))
				select {
				case <-victim.done:
				default:
					continue
				}
				break
			}
			w.post("after", payment("K-after", "10.00"))
			w.seesCard(pyotr, "K-after")
			w.replicas[0].stop(syscall.SIGTERM)
			times := map[string]int{}
			for _, l := range w.journal(1, "--method", "sendMessage") {
				times[fmt.Sprint(l.Chat, "/", l.Message)]++
			}
			sent := 0
			for _, chat := range []int64{anna, pyotr, office} {
				for _, m := range w.tg.Messages(chat) {
					n := times[fmt.Sprint(chat, "/", m.ID)]
					if n > 1 || n == 0 && strings.Contains(m.Text, "K-after") {
						t.Errorf("message %d in %d is noted %d times", m.ID, chat, n)
					}
					sent++
				}
			}
			if len(times) == 0 || len(times) > sent {
				t.Errorf("%d messages noted, %d sent", len(times), sent)
			}
		})
	}
}

func TestJournalRefusesWhatCannotBeLookedFor(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"--since", "yesterday"}, exitUsage, "how long ago"},
		{[]string{"--chat", "x", "--update", "y"}, exitUsage, "update"},
		{[]string{"--document", "4711"}, exitUsage, "SOURCE/EXTERNAL_ID"},
		{[]string{"--after", "x"}, exitUsage, "no such page"},
		{[]string{"--limit", "0"}, exitUsage, "--limit"},
		{[]string{"--person", "nobody"}, exitFailed, "nobody"},
		{[]string{"--person", "petrov", "--error", "a'b\x00%", "--since", ""}, exitOK, ""},
	} {
		if _, errs, code := d.run(append([]string{"journal"}, c.args...)...); code != c.code || !strings.Contains(errs, c.says) {
			t.Errorf("%q: exit %d, %s", c.args, code, errs)
		}
	}
	d.exec(`insert into journal_entry values ('jrn_00000000000000000000000001', now(), 'out', 'sendMessage', '', 'bug', true, 400, E'a\u001b[2Jb\u202ec', 1, 2, 1, '', '', 0, '', 1, 1, 1, 1, '', '', '{"a":')`)
	if out := d.must("journal"); strings.Contains(out, "\x1b") || strings.Contains(out, "\u202e") || !strings.Contains(out, "sendMessage") {
		t.Errorf("what others wrote moves about: %q", out)
	}
	var l journalLine
	if err := json.Unmarshal([]byte(d.must("journal", "--json")), &l); err != nil || string(l.Params) != `"{\"a\":"` {
		t.Errorf("%+v, %v", l, err)
	}
}
