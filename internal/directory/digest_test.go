package directory_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"countersign/internal/directory"
)

func TestADigestIsNotedWithWhatIsToldOrNotAtAll(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.mustPut(t, anna())[0]
	choose := func(d directory.Digest) {
		t.Helper()
		if _, err := h.Set(t.Context(), "chat anna", p.ID, func(s *directory.Setting) { s.Digest = d }); err != nil {
			t.Fatal(err)
		}
	}
	subscriber := func() directory.Subscriber {
		t.Helper()
		all, err := h.Subscribers(t.Context())
		if err != nil || len(all) != 1 || all[0].Person != p.ID {
			t.Fatalf("%+v, %v", all, err)
		}
		return all[0]
	}
	choose(directory.Digest{On: true, Hour: 9})
	first := subscriber()
	at := first.Since.Add(time.Hour)
	failing := errors.New("the outbox is away")
	if _, err := h.Digested(t.Context(), first, at, func(directory.Tx) error { return failing }); !errors.Is(err, failing) {
		t.Errorf("%v", err)
	}
	if got := subscriber(); got != first {
		t.Errorf("after a failure: %+v, want %+v", got, first)
	}
	version := h.version(t)
	var times []bool
	for range 2 { // the second is another replica, which read before
		mine, err := h.Digested(t.Context(), first, at, func(directory.Tx) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		times = append(times, mine)
	}
	if got := subscriber(); !slices.Equal(times, []bool{true, false}) || !got.Done.Equal(at) || h.version(t) != version {
		t.Errorf("noted %v, %+v", times, got)
	}
	if _, err := h.Set(t.Context(), "chat anna", p.ID, func(s *directory.Setting) { s.Zone = "Europe/Berlin" }); err != nil {
		t.Fatal(err)
	}
	if got := subscriber(); !got.Since.Equal(first.Since) || !got.Done.Equal(at) {
		t.Errorf("another setting touched it: %+v", got)
	}
	choose(directory.Digest{On: true, Hour: 10})
	if mine, err := h.Digested(t.Context(), subscriber(), at.Add(time.Hour), func(directory.Tx) error { return nil }); !mine || err != nil {
		t.Errorf("%t, %v", mine, err)
	}
	choose(directory.Digest{})
	if all, err := h.Subscribers(t.Context()); err != nil || len(all) > 0 {
		t.Errorf("%+v, %v", all, err)
	}
	for _, wrong := range []directory.Digest{{On: true, Hour: 24}, {On: true, Hour: -1}, {Hour: 5}} {
		if _, err := h.Set(t.Context(), "chat anna", p.ID, func(s *directory.Setting) { s.Digest = wrong }); !errors.Is(err, directory.ErrInvalid) {
			t.Errorf("%+v: %v", wrong, err)
		}
	}
}
