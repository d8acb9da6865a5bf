package ledger_test

import (
	"testing"
	"time"

	"countersign/internal/approval"
	"countersign/internal/ledger"
	"countersign/internal/ledger/ledgertest"
)

// behind leases what is behind.
func behind(t *testing.T, b *ledgertest.Bench, lease time.Duration) []ledger.Drawing {
	t.Helper()
	due, err := b.Behind(t.Context(), 100, lease)
	if err != nil {
		t.Fatal(err)
	}
	return due
}

// draw notes of everything that it is shown.
func draw(t *testing.T, b *ledgertest.Bench) {
	t.Helper()
	for _, d := range behind(t, b, time.Minute) {
		if err := b.Drawn(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
}

// later makes every lease so much older.
func later(t *testing.T, b *ledgertest.Bench, d time.Duration) {
	t.Helper()
	if _, err := b.Pool.Exec(t.Context(), `update approval_case set cards_next = cards_next - $1::interval`, d); err != nil {
		t.Fatal(err)
	}
}

func TestChangeOfAPersonRedrawsTheOpenCasesThatItConcerns(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		user   string
		want   []approval.ID
		change func(t *testing.T, b *ledgertest.Bench, user string) error
	}{
		"asked, unlinked":        {"petrov", []approval.ID{"asks"}, unlink},
		"requester, unlinked":    {"ivanova", []approval.ID{"asks"}, unlink},
		"requester who left":     {"ivanova", []approval.ID{"asks"}, leave},
		"somebody else":          {"orlova", nil, unlink},
		"somebody nobody knows":  {"nobody", nil, nil},
		"asked, still reachable": {"petrov", []approval.ID{"asks"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := ledgertest.New(t)
			b.Post(t, "over")
			b.Approve(t, "over")
			names := map[approval.ID]approval.ID{b.Post(t, "asks").Case.ID: "asks"}
			draw(t, b)
			if c.change != nil {
				if err := c.change(t, b, c.user); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := b.PeopleChanged(t.Context(), c.user); err != nil {
				t.Fatal(err)
			}
			due := behind(t, b, time.Minute)
			if len(due) != len(c.want) {
				t.Fatalf("%d cases are drawn anew, want %q", len(due), c.want)
			}
			for i, d := range due {
				if names[d.Case.ID] != c.want[i] {
					t.Errorf("case %s is drawn anew, want %q", d.Case.ID, c.want)
				}
			}
		})
	}
}

func unlink(t *testing.T, b *ledgertest.Bench, user string) error {
	t.Helper()
	dir, err := b.Directory.Snapshot(t.Context())
	if err != nil {
		return err
	}
	p, ok := dir.Find(user)
	if !ok || !p.Linked() {
		t.Fatalf("%s has no account", user)
	}
	return b.Directory.Unlink(t.Context(), "test", p.ID, "test")
}

func leave(t *testing.T, b *ledgertest.Bench, user string) error {
	t.Helper()
	return b.Directory.Deactivate(t.Context(), "test", user, "left")
}

func TestLeaseEndsByTheClockOfTheDatabase(t *testing.T) {
	t.Parallel()
	b := ledgertest.New(t)
	b.Post(t, "4711")
	if got := len(behind(t, b, 8*time.Second)); got != 1 {
		t.Fatalf("%d cases behind, want 1", got)
	}
	b.Clock.Advance(time.Hour) // whose clock is ahead takes nothing from the others
	if got := len(behind(t, b, 8*time.Second)); got != 0 {
		t.Errorf("%d cases leased twice", got)
	}
	b.Clock.Advance(-48 * time.Hour) // and whose clock is late waits no longer
	later(t, b, 8*time.Second)
	due := behind(t, b, 8*time.Second)
	if len(due) != 1 {
		t.Fatalf("%d cases behind after the lease, want 1", len(due))
	}
	if err := b.Postpone(t.Context(), due[0], time.Hour); err != nil {
		t.Fatal(err)
	}
	later(t, b, 59*time.Minute)
	if got := len(behind(t, b, time.Minute)); got != 0 {
		t.Errorf("%d cases behind before the wait is over", got)
	}
	later(t, b, time.Minute)
	after := behind(t, b, time.Minute)
	if len(after) != 1 {
		t.Fatalf("%d cases behind after the wait, want 1", len(after))
	}
	if err := b.Postpone(t.Context(), due[0], -time.Hour); err != nil {
		t.Fatal(err)
	}
	if got := len(behind(t, b, time.Minute)); got != 0 {
		t.Errorf("who had the lease before gave it away")
	}
}

// TestRedrawAskedForInTheMidstOfADrawingIsDone: whoever draws read what is shown before
// the change.
func TestRedrawAskedForInTheMidstOfADrawingIsDone(t *testing.T) {
	t.Parallel()
	b := ledgertest.New(t)
	id := b.Post(t, "1").Case.ID
	p, err := b.Directory.User(t.Context(), "petrov")
	if err != nil {
		t.Fatal(err)
	}
	for name, ask := range map[string]func() error{
		"the case":   func() error { return b.Redraw(t.Context(), id) },
		"the person": func() error { return b.RedrawOf(t.Context(), p.ID) },
		"concerning": func() error { return b.RedrawConcerning(t.Context(), p.ID) },
	} {
		held := behind(t, b, time.Minute)
		if len(held) != 1 {
			t.Fatalf("%s: %d cases are behind, want the one", name, len(held))
		}
		if err := ask(); err != nil {
			t.Fatal(err)
		}
		if err := b.Drawn(t.Context(), held[0]); err != nil {
			t.Fatal(err)
		}
		if err := b.Postpone(t.Context(), held[0], time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	if due := behind(t, b, time.Minute); len(due) != 1 {
		t.Errorf("%d cases are behind, want the one", len(due))
	}
}
