// Package journal keeps what was received from the messenger and what was sent to it, so
// that it can be looked up afterwards: when, which method, to whom, about what, how long it
// took and what became of it.
//
// It owns the entries, how they are found and when they go. It stores no body of an update,
// which package inbox has, and no secret: no token, no code, no payload of a link, no text of
// a message about which nobody said what it is about. Nothing rests on an entry: they are
// written in batches beside the work, which never waits for them; what has no room is
// dropped, counted, and the gap is an entry itself.
package journal

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"countersign/internal/secret"
)

// Times and sizes.
const (
	maxWaiting = 8192 // entries in memory
	maxBatch   = 500
	gather     = 200 * time.Millisecond // entries that come together are written together
	writeTime  = 10 * time.Second
	retryAfter = time.Second
	lastWrite  = 5 * time.Second // when the process is to end
	refusals   = time.Minute     // between two counts of the webhook
	gaps       = 5 * time.Second // between two words about what was dropped
)

// Journal takes entries. Set the fields before use; entries can be added before Run begins.
type Journal struct {
	Store *Store
	Texts Texts
	Mask  *secret.Masker // knows the secrets of the configuration
	// Case names the case that the data of a button are about; nil: none is known.
	Case func(data string) string
	// Dropped counts entries for which there was no room; nil: nobody counts.
	Dropped func(n int)
	Now     func() time.Time
	Log     *slog.Logger

	once    sync.Once
	waiting chan Entry

	mu      sync.Mutex
	lost    int            // since that was said
	said    time.Time      // when it was
	refused map[string]int // calls of the webhook, by reason
}

// Texts says what is kept of a text that was sent.
type Texts string

// What can be kept.
const (
	Digest Texts = "digest" // enough to prove that a text is the one that was sent
	Full   Texts = "full"
)

func (j *Journal) setUp() {
	j.once.Do(func() {
		j.waiting = make(chan Entry, maxWaiting)
		j.refused = map[string]int{}
	})
}

// Add takes an entry. It never waits.
func (j *Journal) Add(e Entry) {
	j.setUp()
	select {
	case j.waiting <- e:
	default:
		j.drop(1)
	}
}

func (j *Journal) drop(n int) {
	j.mu.Lock()
	j.lost += n
	j.mu.Unlock()
	if j.Dropped != nil {
		j.Dropped(n)
	}
}

// Refused counts a call of the webhook that was turned away. Anybody can make them, as many
// as he likes: they become one entry a minute for each reason.
func (j *Journal) Refused(why string) {
	j.setUp()
	j.mu.Lock()
	defer j.mu.Unlock()
	j.refused[why]++
}

// Run writes what is added until ctx ends, and then what is left.
func (j *Journal) Run(ctx context.Context) error {
	j.setUp()
	counted := time.NewTicker(refusals)
	defer counted.Stop()
	for {
		select {
		case <-ctx.Done():
			j.finish(ctx)
			return nil
		case <-counted.C:
			j.count()
		case first := <-j.waiting:
			j.pass(ctx, j.batch(ctx, first))
		}
	}
}

// batch is whatever comes within a moment.
func (j *Journal) batch(ctx context.Context, first Entry) []Entry {
	out := []Entry{first}
	end := time.NewTimer(gather)
	defer end.Stop()
	for len(out) < maxBatch {
		select {
		case e := <-j.waiting:
			out = append(out, e)
		case <-end.C:
			return out
		case <-ctx.Done():
			return out
		}
	}
	return out
}

// pass writes a batch, however long the database is away, unless the process must end.
// Meanwhile others wait or are dropped. A write that may have been done is done again: the
// entries know themselves.
func (j *Journal) pass(ctx context.Context, batch []Entry) {
	batch = append(batch, j.gap(gaps)...)
	for said := false; ; said = true {
		err := j.write(ctx, batch)
		if err == nil {
			return
		}
		if ctx.Err() != nil {
			j.finishWith(ctx, batch)
			return
		}
		if !said {
			j.Log.WarnContext(ctx, "journal not written yet", slog.Int("entries", len(batch)), slog.Any("error", err))
		}
		select {
		case <-ctx.Done():
		case <-time.After(retryAfter):
		}
	}
}

// gap tells of entries that were dropped, at most so often.
func (j *Journal) gap(every time.Duration) []Entry {
	j.mu.Lock()
	n, now := j.lost, j.Now()
	if n == 0 || now.Sub(j.said) < every {
		j.mu.Unlock()
		return nil
	}
	j.lost, j.said = 0, now
	j.mu.Unlock()
	j.Log.Warn("entries of the journal were dropped: more came than could be written", slog.Int("count", n))
	return []Entry{{At: now, Way: Gap, Method: "journal", Outcome: "dropped", Failed: true, Said: "more came than could be written", Times: n}}
}

// count makes entries of what the webhook refused.
func (j *Journal) count() {
	j.mu.Lock()
	counts := j.refused
	j.refused = map[string]int{}
	j.mu.Unlock()
	for why, n := range counts {
		j.Add(Entry{At: j.Now(), Way: In, Method: "webhook", What: why, Outcome: "refused", Failed: true, Times: n})
	}
}

// finish writes what is left when the process is to end.
func (j *Journal) finish(ctx context.Context) { j.finishWith(ctx, nil) }

func (j *Journal) finishWith(ctx context.Context, batch []Entry) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWrite)
	defer cancel()
	j.count()
	for {
		for len(batch) < maxBatch && len(j.waiting) > 0 {
			batch = append(batch, <-j.waiting)
		}
		batch = append(batch, j.gap(0)...)
		if len(batch) == 0 {
			return
		}
		if err := j.write(ctx, batch); err != nil {
			j.drop(len(batch) + len(j.waiting))
			j.Log.WarnContext(ctx, "journal not written to its end", slog.Int("lost", len(batch)+len(j.waiting)), slog.Any("error", err))
			return
		}
		batch = nil
	}
}
