package inbox_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"countersign/internal/inbox"
	"countersign/internal/telegram"
)

type requestKey struct{}

// ends collects what an inbox tells of its updates.
type ends struct {
	mu  sync.Mutex
	all []inbox.Ending
}

func (e *ends) add(one inbox.Ending) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, one)
}

func (e *ends) of(id int64) (out []inbox.Ending) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, one := range e.all {
		if one.ID == id {
			out = append(out, one)
		}
	}
	return out
}

func (e *ends) listen(r *replica) {
	r.Ended = e.add
	r.Request = func(ctx context.Context) string {
		id, _ := ctx.Value(requestKey{}).(string)
		return id
	}
}

// Each attempt at an update is told with the request that brought it, also where another
// replica makes it.
func TestHowEachAttemptEndedIsTold(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	var calls []telegram.About
	var mu sync.Mutex
	act := func(ctx context.Context, it *inbox.Item) (string, error) {
		mu.Lock()
		calls = append(calls, telegram.Concerns(ctx))
		mu.Unlock()
		switch {
		case it.ID == 2:
			return "", errors.Join(inbox.ErrPark, errors.New("nonsense"))
		case it.ID == 3 && it.Attempt == 1:
			return "", errors.New("a hiccup")
		}
		return "fine", nil
	}
	first, told := p.asleep(t, act), &ends{}
	told.listen(first)
	first.start(t)
	ctx := context.WithValue(t.Context(), requestKey{}, "req_abcdefgh")
	for id := range int64(3) {
		must(t, first.Receive(ctx, tap(id+1, 7)))
	}
	must(t, first.Receive(t.Context(), tap(1, 7)))
	must(t, first.Receive(t.Context(), []byte(`{"update_id":9`)))
	until(t, func() bool { return len(told.of(3)) == 1 })
	first.end()
	second := p.asleep(t, act)
	told.listen(second)
	second.start(t)
	p.push(t, second, 3)
	until(t, func() bool { return len(told.of(3)) == 2 && len(told.of(1)) == 2 && len(told.of(2)) == 1 })
	for id, want := range map[int64][]inbox.End{
		1: {inbox.EndedHandled, inbox.EndedRepeated}, 2: {inbox.EndedParked}, 3: {inbox.EndedFailed, inbox.EndedHandled}, 0: {inbox.EndedUnreadable},
	} {
		got := told.of(id)
		if len(got) != len(want) {
			t.Errorf("update %d: %+v", id, got)
			continue
		}
		seen := map[inbox.End]bool{}
		for _, e := range got {
			seen[e.End] = true
			if brought := e.End != inbox.EndedRepeated && id != 0; brought && (e.Request != "req_abcdefgh" || len(e.Body) == 0 || e.Attempt == 0) {
				t.Errorf("update %d: %+v", id, e)
			}
		}
		for _, w := range want {
			if !seen[w] {
				t.Errorf("update %d: no %s in %+v", id, w, got)
			}
		}
	}
	mu.Lock()
	defer mu.Unlock()
	for _, a := range calls {
		if a.Update == 0 || a.Request != "req_abcdefgh" {
			t.Errorf("calls are about %+v", a)
		}
	}
}
