package journal_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"countersign/internal/journal"
)

func entry(at time.Time, chat int64) journal.Entry {
	return journal.Entry{At: at, Way: journal.Out, Method: "sendMessage", Outcome: "ok", Chat: chat}
}

func TestWhatIsAddedIsWrittenAlsoAtTheEnd(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	j := d.journal(t)
	end := run(t, j)
	j.Add(entry(time.Now(), 1))
	until(t, func() bool { return d.count(t, "chat = 1") == 1 })
	const more = 1234 // than one batch
	for range more {
		j.Add(entry(time.Now(), 2))
	}
	j.Refused("secret")
	j.Refused("secret")
	end()
	if n := d.count(t, "chat = 2"); n != more {
		t.Errorf("%d of %d are there after the end", n, more)
	}
	if n := d.count(t, "method = 'webhook' and what = 'secret' and times = 2 and failed"); n != 1 {
		t.Errorf("%d counts of what the webhook refused", n)
	}
}

func TestFloodOfRefusalsIsOneEntryForEachReason(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	j := d.journal(t)
	var all sync.WaitGroup
	for _, why := range []string{"secret", "too large"} {
		for range 20 {
			all.Go(func() {
				for range 1000 {
					j.Refused(why)
				}
			})
		}
	}
	all.Wait()
	run(t, j)()
	if rows, n := d.count(t, "true"), d.count(t, "times = 20000"); rows != 2 || n != 2 {
		t.Errorf("%d rows, %d with the right count", rows, n)
	}
}

// Nobody writes: whoever adds goes on all the same, and the gap is told everywhere.
func TestWhatHasNoRoomIsDroppedAndSaid(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	j := d.journal(t)
	dropped := 0
	j.Dropped = func(n int) { dropped += n }
	const many = 10_000
	for range many {
		j.Add(entry(time.Now(), 1))
	}
	run(t, j)()
	written := d.count(t, "chat = 1")
	if written == 0 || dropped == 0 || written+dropped != many {
		t.Errorf("%d written and %d dropped of %d", written, dropped, many)
	}
	if n := d.count(t, "way = 'gap' and failed and times = $1", dropped); n != 1 {
		t.Errorf("%d entries tell of the gap of %d", n, dropped)
	}
	if !d.log.has("entries of the journal were dropped") || !d.log.has(fmt.Sprintf("count=%d", dropped)) {
		t.Error("the log does not say so")
	}
}

func TestDatabaseThatWasAwayGetsEverythingOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	j := d.journal(t)
	d.exec(t, "alter table journal_entry rename to away")
	run(t, j)
	for range 700 {
		j.Add(entry(time.Now(), 1))
	}
	until(t, func() bool { return d.log.has("journal not written yet") })
	d.exec(t, "alter table away rename to journal_entry")
	until(t, func() bool { return d.count(t, "chat = 1") == 700 })
}

// Whoever is killed after the commit and before he knows of it writes the batch again when
// the connection is back; so does one whose connection broke then.
func TestBatchThatIsWrittenAgainIsNotDoubled(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	j := d.journal(t)
	batch := []journal.Entry{entry(time.Now(), 1), entry(time.Now(), 2)}
	must(t, j.Write(t.Context(), batch))
	batch = append(batch, entry(time.Now(), 3))
	must(t, j.Write(t.Context(), batch))
	if n := d.count(t, "true"); n != 3 {
		t.Errorf("%d entries of 3", n)
	}
}

func TestEntryThatCannotBeStoredTakesNoOtherAlong(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	j := d.journal(t)
	dropped := 0
	j.Dropped = func(n int) { dropped += n }
	odd := entry(time.Now(), 2)
	odd.Outcome = ""
	nul := entry(time.Now(), 3)
	nul.Said = "a\x00b\xff" + string(make([]byte, 5000))
	must(t, j.Write(t.Context(), []journal.Entry{entry(time.Now(), 1), odd, nul}))
	if n := d.count(t, "chat in (1, 3)"); n != 2 || dropped != 1 || d.count(t, "true") != 2 {
		t.Errorf("%d of 2 are there, %d were dropped", n, dropped)
	}
}

func TestTwoReplicasWriteAndForgetAtOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	day := 24 * time.Hour
	keep := journal.Keep{Entries: 30 * day, Failed: 90 * day}
	replicas := []*journal.Journal{d.journal(t), d.journal(t)}
	var all sync.WaitGroup
	for _, j := range replicas {
		end := run(t, j)
		all.Go(func() {
			defer end()
			for i := range 2000 {
				e := entry(time.Now().Add(-time.Duration(i%4)*40*day), int64(1+i%4))
				e.Failed = i%2 == 1
				j.Add(e)
			}
		})
	}
	all.Wait()
	var gone [2]int64
	for i, j := range replicas {
		all.Go(func() {
			n, err := j.Store.Purge(t.Context(), keep)
			must(t, err)
			gone[i] = n
		})
	}
	all.Wait()
	// 1: now; 2: 40 days, failed; 3: 80 days; 4: 120 days, failed
	for chat, want := range map[int64]int{1: 1000, 2: 1000, 3: 0, 4: 0} {
		if n := d.count(t, "chat = $1", chat); n != want {
			t.Errorf("chat %d: %d entries, want %d", chat, n, want)
		}
	}
	if gone[0]+gone[1] != 2000 {
		t.Errorf("%v were removed", gone)
	}
}

func TestSearchNarrowsByEachFieldAndLeafsThrough(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	j := d.journal(t)
	now := time.Now().Truncate(time.Second)
	e := journal.Entry{
		At: now.Add(-time.Hour), Way: journal.Out, Method: "editMessageText", Outcome: "gone", Failed: true, Said: "Bad Request: Message to edit not found",
		Chat: 77, Account: 78, Case: "cas_1", Update: 5, Request: "req_1",
	}
	batch := []journal.Entry{e}
	for range 25 { // all of one moment
		batch = append(batch, entry(now, 1))
	}
	must(t, j.Write(t.Context(), batch))
	for name, q := range map[string]journal.Query{
		"until": {Until: now}, "chat": {Chat: 77}, "person": {Accounts: []int64{1, 78}}, "case": {Cases: []string{"cas_0", "cas_1"}}, "method": {Method: "editMessageText"},
		"outcome": {Outcome: "gone"}, "failed": {Failed: true}, "text": {Said: "message TO edit"}, "update": {Update: 5}, "request": {Request: "req_1"},
		"all": {Since: now.Add(-2 * time.Hour), Until: now, Chat: 77, Accounts: []int64{78}, Failed: true, Said: "%"[:0]},
	} {
		q.Limit = 10
		found, next, err := j.Store.Find(t.Context(), q)
		if err != nil || next != "" || len(found) != 1 || found[0].Chat != 77 || !found[0].At.Equal(e.At) || found[0].Said != e.Said {
			t.Errorf("%s: %+v, %q, %v", name, found, next, err)
		}
	}
	for name, q := range map[string]journal.Query{
		"nobody": {Accounts: []int64{}}, "no case": {Cases: []string{}}, "a wild card": {Said: "%"}, "a zero": {Said: "edit\x00or"}, "since": {Since: now.Add(time.Second)},
	} {
		q.Limit = 10
		if found, _, err := j.Store.Find(t.Context(), q); err != nil || len(found) != 0 {
			t.Errorf("%s: %+v, %v", name, found, err)
		}
	}
	var ids []string
	q := journal.Query{Limit: 7}
	for pages := 1; ; pages++ {
		found, next, err := j.Store.Find(t.Context(), q)
		must(t, err)
		for _, e := range found {
			ids = append(ids, e.ID)
		}
		if next == "" {
			break
		}
		if q.After = next; pages > 4 {
			t.Fatal("it never ends")
		}
	}
	if all := len(ids); all != 26 || len(slices.Compact(slices.Sorted(slices.Values(ids)))) != 26 {
		t.Errorf("%d entries on all pages", all)
	}
	for _, odd := range []string{"x", ".", "1.jrn_", "'; drop table journal_entry; --", "zzzzzzzzzzzzzzzzzzzzz.jrn_00000000000000000000000000"} {
		if _, _, err := j.Store.Find(t.Context(), journal.Query{After: odd, Limit: 1}); err == nil {
			t.Errorf("%q is a page", odd)
		}
	}
}
