package inbox_test

import (
	"context"
	"testing"
	"time"

	"countersign/internal/inbox"
)

func TestStandingTellsWhatWaitsAndWhoAsks(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	r := p.asleep(t, func(_ context.Context, it *inbox.Item) (string, error) {
		if it.ID == 2 {
			return "", inbox.ErrPark
		}
		return map[int64]string{3: "inline query: 4 results", 4: "posted", 5: "posted, and not followed"}[it.ID], nil
	})
	standing := func() inbox.Standing {
		s, err := r.Standing(t.Context())
		must(t, err)
		return s
	}
	if s := standing(); s != (inbox.Standing{Conflict: -time.Second}) {
		t.Errorf("before anything came: %+v", s)
	}
	if kept, err := r.KeptSecret(t.Context()); err != nil || kept != "" {
		t.Errorf("a secret was made: %v", err)
	}
	made, err := r.Secret(t.Context(), "a-proposal-that-is-as-long-as-a-secret-must-be")
	must(t, err)
	if kept, err := r.KeptSecret(t.Context()); err != nil || kept.Reveal() != made {
		t.Errorf("another secret is kept: %v", err)
	}
	mine, err := r.Poller(t.Context(), "me", time.Minute)
	must(t, err)
	must(t, r.Contested(t.Context()))
	if s := standing(); !mine || !s.Polled || s.Conflict < 0 || s.Conflict > time.Minute {
		t.Errorf("with a poller and a conflict: %+v", s)
	}
	must(t, r.LetGo(t.Context(), "me"))
	r.start(t)
	for id := range int64(5) {
		must(t, r.Receive(t.Context(), tap(id+1, 7)))
	}
	for id := range int64(5) {
		p.settled(t, id+1)
	}
	must(t, r.Receive(t.Context(), []byte(`{"no":"update"}`)))
	if s := standing(); s.Polled || s.Waiting != 0 || s.Parked != 1 || s.Unreadable != 1 || s.Searches != 1 || s.Chosen != 2 {
		t.Errorf("after five updates: %+v", s)
	}
	r.end()
	_, err = p.pool.Exec(t.Context(), `insert into telegram_update (bot_id, update_id, fast, actor, body, received_at, next_at)
		values ($1, 9, true, 7, '{}', now() - interval '10 minutes', now())`, r.Bot)
	must(t, err)
	if s := standing(); s.Waiting != 1 || s.Oldest < 9*time.Minute || s.Oldest > 20*time.Minute {
		t.Errorf("with an update that waits: %+v", s)
	}
}
