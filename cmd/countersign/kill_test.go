package main

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"countersign/internal/approval"
	"countersign/internal/crash"
)

// passes says at which passing of a point a gateway dies, so that the flow is under way.
func passes() map[crash.Point]int {
	return map[crash.Point]int{
		crash.InboxRead: 2, crash.InboxStored: 2, crash.InboxAnswered: 2, crash.InboxClaimed: 2, crash.TapWritten: 2, crash.TapCommitted: 2,
		crash.SubmitWritten: 1, crash.SubmitDone: 1, crash.CardClaimed: 2, crash.CardSent: 3, crash.CardNoted: 2,
		crash.HookSequenced: 2, crash.HookClaimed: 3, crash.HookSent: 3,
	}
}

func TestEveryCrashPointHasAScenario(t *testing.T) {
	t.Parallel()
	for _, p := range crash.All() {
		if passes()[p] == 0 {
			t.Errorf("no scenario kills at %s", p)
		}
	}
}

// TestKilledAnywhereNothingIsLostOrDoubled kills a gateway at every named point, each
// replica in turn, in the middle of two documents. COUNTERSIGN_KILLS says how often
// for each point; 2 when empty.
func TestKilledAnywhereNothingIsLostOrDoubled(t *testing.T) {
	t.Parallel()
	runs := 2
	if n, err := strconv.Atoi(os.Getenv("COUNTERSIGN_KILLS")); err == nil {
		runs = n
	}
	w := newWorld(t, "webhook", 2)
	total := tally{}
	for _, point := range crash.All() {
		one := tally{}
		for n := range runs {
			one.add(killedAt(w, point, n))
		}
		t.Logf("%-15s kills %d, lost %d, doubled %d, events sent twice %d, extra cards %d, slowest recovery %.1f s",
			point, one.kills, one.lost, one.doubled, one.again, one.extra, one.slowest.Seconds())
		total.add(one)
	}
	t.Logf("all points: kills %d, lost %d, doubled %d, events sent twice %d, extra cards %d, slowest recovery %.1f s",
		total.kills, total.lost, total.doubled, total.again, total.extra, total.slowest.Seconds())
	if total.kills != runs*len(crash.All()) || total.lost+total.doubled > 0 {
		t.Errorf("kills %d of %d, lost %d, doubled %d", total.kills, runs*len(crash.All()), total.lost, total.doubled)
	}
}

type tally struct {
	kills, lost, doubled, again, extra int
	slowest                            time.Duration
}

func (a *tally) add(b tally) {
	a.kills += b.kills
	a.lost += b.lost
	a.doubled += b.doubled
	a.again += b.again
	a.extra += b.extra
	a.slowest = max(a.slowest, b.slowest)
}

// killedAt replaces one replica by one that dies at the point, lets two payments run
// their course, and counts what went wrong.
func killedAt(w *world, point crash.Point, run int) tally {
	w.t.Helper()
	w.replicas[run%2].stop(syscall.SIGTERM)
	victim := w.start(fmt.Sprintf("%s:%d", point, passes()[point]))
	w.forget(run % 2)
	w.replicas = slices.Insert(w.replicas[:len(w.replicas)-1], run%2, victim)
	before := w.erp.twice()
	var ids []string
	for i := range 2 {
		id := fmt.Sprintf("%s-%d-%d", strings.ReplaceAll(string(point), ".", "-"), run, i)
		ids = append(ids, id)
		w.post(id, payment(id, "100.00"))
	}
	var died time.Time
	go func() { <-victim.done; died = time.Now() }()
	for _, account := range []int64{pyotr, olga, ivan} {
		for _, id := range ids {
			w.insist(account, id)
		}
	}
	for _, id := range ids {
		for _, chat := range []int64{pyotr, olga, ivan, anna, office} {
			w.follows(chat, id)
		}
		w.assertEventsAgree(id)
	}
	out := tally{again: w.erp.twice() - before}
	select {
	case <-victim.done:
		out.kills++
		out.slowest = time.Since(died)
		w.forget(run % 2)
		next := w.start("")
		w.replicas = slices.Insert(w.replicas[:len(w.replicas)-1], run%2, next)
	default:
		w.t.Errorf("%s was never passed", point)
	}
	for _, id := range ids {
		out.add(w.audit(id))
	}
	return out
}

// forget drops a replica from the list; its process has ended.
func (w *world) forget(i int) { w.replicas = slices.Delete(w.replicas, i, i+1) }

// insist accepts as a person would: when the answer does not come and the buttons stay,
// he presses again.
func (w *world) insist(account int64, number string) {
	w.t.Helper()
	for range 20 {
		m := w.seesCard(account, number)
		tap, err := w.tg.Press(account, account, m.ID, "✅")
		if err != nil {
			continue // the button went away meanwhile
		}
		if _, err := tap.Wait(w.limited(4 * time.Second)); err == nil {
			return
		}
		if !w.stillAsked(account, number) {
			return
		}
	}
	w.t.Fatalf("%d cannot decide on %s\n%s", account, number, w.logs())
}

func (w *world) stillAsked(account int64, number string) bool {
	for _, m := range w.tg.Messages(account) {
		if strings.Contains(m.Text, number) && hasButton(m, "✅") {
			return true
		}
	}
	return false
}

// follows waits until a message shows the end. A copy that nobody noted keeps its
// buttons until somebody taps it: then it follows too.
func (w *world) follows(chat int64, number string) {
	w.t.Helper()
	w.sees(chat, number, "✅")
	for range 5 {
		if !w.stillAsked(chat, number) {
			return
		}
		pauseUntil(func() bool { return !w.stillAsked(chat, number) }, 2*time.Second)
		for _, m := range w.tg.Messages(chat) {
			if strings.Contains(m.Text, number) && hasButton(m, "✅") {
				if tap, err := w.tg.Press(chat, chat, m.ID, "✅"); err == nil {
					_, _ = tap.Wait(w.limited(5 * time.Second))
				}
			}
		}
	}
	w.t.Errorf("chat %d keeps buttons for %s:\n%s", chat, number, w.transcript(chat))
}

func pauseUntil(holds func() bool, most time.Duration) {
	for end := time.Now().Add(most); !holds() && time.Now().Before(end); {
		pause(20 * time.Millisecond)
	}
}

// audit looks at the rows: three votes, one decision, events that rebuild the case.
func (w *world) audit(id string) tally {
	w.t.Helper()
	var out tally
	var cases, votes, decided, cards int
	err := w.pool.QueryRow(w.t.Context(), `select
		(select count(*) from approval_case c join document d on d.id = c.document_id where d.external_id = $1),
		(select count(*) from vote v join approval_case c on c.id = v.case_id join document d on d.id = c.document_id where d.external_id = $1),
		(select count(*) from event e join document d on d.id = e.document_id where d.external_id = $1 and e.kind = 'case.decided'),
		(select count(*) from card_message m join approval_case c on c.id = m.case_id join document d on d.id = c.document_id
			where d.external_id = $1 and m.spot like 'approver/%' and m.message_id > 0)`, id).Scan(&cases, &votes, &decided, &cards)
	if err != nil {
		w.t.Fatal(err)
	}
	if votes < 3 || decided < 1 || cases < 1 {
		out.lost++
	}
	if votes > 3 || decided > 1 || cases > 1 {
		out.doubled++
	}
	out.extra = max(0, cards-3)
	if got := w.document(id).Case.Status; got != string(approval.Approved) {
		w.t.Errorf("%s is %s", id, got)
		out.lost++
	}
	return out
}

func (r *receiver) twice() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.doubles
}
