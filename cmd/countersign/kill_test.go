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
		crash.JournalGathered: 2, crash.JournalWritten: 2,
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

// TestKilledAnywhereNothingIsLostOrDoubled kills a gateway at every named point in the
// middle of two documents, once the first and once the second replica, each in a world
// of its own. COUNTERSIGN_KILLS says how often each; 1 when empty.
func TestKilledAnywhereNothingIsLostOrDoubled(t *testing.T) {
	t.Parallel()
	runs := 1
	if n, err := strconv.Atoi(os.Getenv("COUNTERSIGN_KILLS")); err == nil {
		runs = n
	}
	for victim, name := range []string{"first replica", "second replica"} {
		for points := range slices.Chunk(crash.All(), (len(crash.All())+1)/2) {
			t.Run(fmt.Sprintf("%s from %s on", name, points[0]), func(t *testing.T) {
				t.Parallel()
				killAt(t, points, victim, runs)
			})
		}
	}
}

func killAt(t *testing.T, points []crash.Point, victim, runs int) {
	t.Helper()
	w := newWorld(t, "webhook", 2)
	total := tally{}
	for _, point := range points {
		one := tally{}
		for n := range runs {
			one.add(killedAt(w, point, victim, n))
		}
		t.Logf("%-15s kills %d, lost %d, doubled %d, events sent twice %d, extra cards %d, slowest recovery %.1f s",
			point, one.kills, one.lost, one.doubled, one.again, one.extra, one.slowest.Seconds())
		total.add(one)
	}
	t.Logf("together: kills %d, lost %d, doubled %d, events sent twice %d, extra cards %d, slowest recovery %.1f s",
		total.kills, total.lost, total.doubled, total.again, total.extra, total.slowest.Seconds())
	// Whoever dies may have sent a message that he could not note any more, wherever he was
	// killed: the messenger has no idempotent send. Such a copy follows the case, too.
	if total.extra < 0 || total.extra > total.kills {
		t.Errorf("%d cards too many (below 0: too few) after %d kills", total.extra, total.kills)
	}
	if total.kills != runs*len(points) || total.lost+total.doubled > 0 {
		t.Errorf("kills %d of %d, lost %d, doubled %d", total.kills, runs*len(points), total.lost, total.doubled)
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
func killedAt(w *world, point crash.Point, place, run int) tally {
	w.t.Helper()
	w.replicas[place].stop(syscall.SIGTERM)
	victim := w.replace(place, fmt.Sprintf("%s:%d", point, passes()[point]))
	before := w.erp.twice()
	died := make(chan time.Time, 1)
	go func() { <-victim.done; died <- time.Now() }()
	var out tally
	for try := range 8 { // the other replica may be quicker: then there is more to do
		var ids []string
		for i := range 2 {
			id := fmt.Sprintf("%s-%d-%d-%d", strings.ReplaceAll(string(point), ".", "-"), run, try, i)
			ids = append(ids, id)
			w.post(id, payment(id, "100.00"))
		}
		w.runCourse(ids)
		over := time.Now()
		for _, id := range ids {
			out.add(w.audit(id))
		}
		select {
		case at := <-died:
			out.kills++
			out.slowest = over.Sub(at)
			out.again = w.erp.twice() - before
			w.replace(place, "")
			return out
		default:
		}
	}
	w.t.Errorf("%s was never passed", point)
	return out
}

// runCourse lets everybody accept and waits until everything shows the end.
func (w *world) runCourse(ids []string) {
	w.t.Helper()
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
}

// replace starts a gateway in the place of one that has ended.
func (w *world) replace(place int, point string) *replica {
	w.t.Helper()
	r := w.start(point)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.replicas = slices.Delete(w.replicas, place, place+1)
	w.replicas = slices.Insert(w.replicas[:len(w.replicas)-1], place, r)
	return r
}

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
	for range 15 {
		pauseUntil(func() bool { return !w.stillAsked(chat, number) }, 2*time.Second)
		if !w.stillAsked(chat, number) {
			return
		}
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
	var cases, votes, decided int
	err := w.pool.QueryRow(w.t.Context(), `select
		(select count(*) from approval_case c join document d on d.id = c.document_id where d.external_id = $1),
		(select count(*) from vote v join approval_case c on c.id = v.case_id join document d on d.id = c.document_id where d.external_id = $1),
		(select count(*) from event e join document d on d.id = e.document_id where d.external_id = $1 and e.kind = 'case.decided')`, id).Scan(&cases, &votes, &decided)
	if err != nil {
		w.t.Fatal(err)
	}
	if votes < 3 || decided < 1 || cases < 1 {
		out.lost++
	}
	if votes > 3 || decided > 1 || cases > 1 {
		out.doubled++
	}
	pauseUntil(func() bool { return w.drawn(id) && w.cards(id) >= 5 }, patience)
	out.extra = w.cards(id) - 5
	if got := w.document(id).Case.Status; got != string(approval.Approved) {
		w.t.Errorf("%s is %s", id, got)
		out.lost++
	}
	return out
}

// drawn reports whether the messages of a document show its case as it is.
func (w *world) drawn(id string) bool {
	w.t.Helper()
	var behind int
	err := w.pool.QueryRow(w.t.Context(), `select count(*) from approval_case c join document d on d.id = c.document_id
		where d.external_id = $1 and c.cards_at < c.events`, id).Scan(&behind)
	if err != nil {
		w.t.Fatal(err)
	}
	return behind == 0
}

// cards counts the messages about a document as people see them: each of the five chats
// should have one, and the requester another that tells the end.
func (w *world) cards(number string) int {
	n := -1
	for _, chat := range []int64{pyotr, olga, ivan, anna, office} {
		for _, m := range w.tg.Messages(chat) {
			if m.From != chat && m.Document == nil && strings.Contains(m.Text, number) {
				n++
			}
		}
	}
	return n
}

func (r *receiver) twice() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.doubles
}
