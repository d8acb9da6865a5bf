package assure_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/assure"
)

// dies sends a form to a gateway that dies over it.
func (b *browser) dies(p page, act string, fields ...string) {
	b.tb.Helper()
	form := url.Values{}
	name, value := p.whose(b.tb)
	form.Set(name, value)
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	req, err := http.NewRequestWithContext(b.tb.Context(), http.MethodPost, b.town.web.URL+"/confirm/"+act, strings.NewReader(form.Encode()))
	must(b.tb, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	if resp, err := b.Client.Do(req); err == nil {
		_ = resp.Body.Close()
		b.tb.Fatalf("it lives: %d", resp.StatusCode)
	}
}

// later moves what was begun into the past.
func (t *town) later(tb testing.TB, d string) {
	tb.Helper()
	t.exec(tb, "update assure_attempt set used_at = used_at - $1::interval where ended_at is null", d)
}

// Killed after the proof was taken, before or after the vote: whoever confirmed goes on
// with the same proof, and votes for the same or not at all.
func TestKilledBetweenProofAndEnd(t *testing.T) {
	t.Parallel()
	for name, voted := range map[string]bool{"before the vote": false, "after the vote": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newTown(t)
			w.secure(t, assure.PIN)
			a := w.ask()
			record := map[assure.Ask]int{} // as the ledger: a slot takes one vote
			w.desk.Cast = func(_ context.Context, a assure.Ask, _ string) (string, error) {
				if voted {
					record[a] = 1
				}
				panic(http.ErrAbortHandler)
			}
			b := w.browser(t)
			p := b.get(w.begin(t, a))
			b.dies(p, "pin", "pin", goodPIN)
			w.desk.Cast = func(_ context.Context, a assure.Ask, method string) (string, error) {
				w.votes = append(w.votes, vote{a, method})
				record[a] = 1
				return "✅ Approved", nil
			}
			address := w.web.URL + "/confirm?of=" + w.id(t, "asr")
			for _, act := range []string{"again", "pin"} { // it may still be at it
				if out := b.send(p, act, "pin", goodPIN); out.Key() != "working" || len(w.votes) != 0 {
					t.Errorf("at once %s: %d %s", act, out.Status, out.Key())
				}
			}
			w.later(t, "31 s")
			if p = b.get(address); p.Key() != "again" || !strings.Contains(p.Body, "№ 4711") {
				t.Fatalf("half a minute later: %d %s", p.Status, p.Body)
			}
			if p = b.send(p, "again"); p.Key() != "done" || !w.heard(annasPhone, "✅ Approved") {
				t.Errorf("again: %d %s", p.Status, p.Body)
			}
			for range 2 {
				b.post(p.as(t, w.id(t, "asr")), "again")
			}
			if diff := cmp.Diff([]vote{{a, "pin"}}, w.votes, cmp.AllowUnexported(vote{})); diff != "" || len(record) != 1 {
				t.Errorf("%s\non record: %v", diff, record)
			}
		})
	}
}

// as is a page whose forms are of the attempt.
func (p page) as(tb testing.TB, id string) page {
	tb.Helper()
	p.Body = `name="of" value="` + id + `"`
	return p
}

// Whoever waited until the time of the proof was over begins anew.
func TestKilledAndTooLateBeginsAnew(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.secure(t, assure.PIN)
	cast := w.desk.Cast
	w.desk.Cast = func(context.Context, assure.Ask, string) (string, error) { panic(http.ErrAbortHandler) }
	b := w.browser(t)
	p := b.get(w.begin(t, w.ask()))
	b.dies(p, "pin", "pin", goodPIN)
	w.desk.Cast = cast
	w.expire(t)
	if out := b.send(p, "again"); out.Key() != "stale" {
		t.Errorf("too late: %s", out.Key())
	}
	if !w.confirms(t, "pin", goodPIN) || len(w.cast()) != 1 {
		t.Errorf("anew: %+v", w.cast())
	}
}

// expire lets the time of what is under way be over.
func (t *town) expire(tb testing.TB) {
	tb.Helper()
	t.exec(tb, "alter table assure_attempt disable trigger assure_attempt_goes_on")
	t.exec(tb, "update assure_attempt set expires_at = created_at + interval '1 microsecond' where ended_at is null")
	t.exec(tb, "alter table assure_attempt enable always trigger assure_attempt_goes_on")
}

// A vote that takes all of its time is given up, and that is noted in time of its own.
func TestVoteThatRunsOutOfTimeIsGivenBack(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.secure(t, assure.PIN)
	w.desk.Cast = func(ctx context.Context, _ assure.Ask, _ string) (string, error) {
		if end, ok := ctx.Deadline(); !ok || time.Until(end) > 20*time.Second {
			t.Errorf("it ends %v, %v", end, ok)
		}
		return "", errors.New("away")
	}
	b := w.browser(t)
	p := b.get(w.begin(t, w.ask()))
	p = b.send(p, "pin", "pin", goodPIN)
	assure.Hurry(w.desk, time.Nanosecond)
	w.desk.Cast = func(ctx context.Context, _ assure.Ask, _ string) (string, error) {
		<-ctx.Done()
		return "", ctx.Err()
	}
	for range 2 {
		if p = b.send(p, "again"); p.Key() != "again" {
			t.Fatalf("%d %s", p.Status, p.Body)
		}
	}
	if log := w.log.String(); !strings.Contains(log, "confirmed, and not cast") || !strings.Contains(log, context.DeadlineExceeded.Error()) || strings.Contains(log, "proof not given back") {
		t.Error(log)
	}
	assure.Hurry(w.desk, time.Minute)
	w.desk.Cast = func(context.Context, assure.Ask, string) (string, error) { return "✅ Approved", nil }
	if p = b.send(p, "again"); p.Key() != "done" {
		t.Errorf("then: %d %s", p.Status, p.Body)
	}
}
