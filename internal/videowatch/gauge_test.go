package videowatch_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"countersign/internal/videowatch"
)

func TestWhenAPartGetsWorseAndWellAgain(t *testing.T) {
	t.Parallel()
	usual := videowatch.Check{Needed: 2, Of: 3}
	for _, c := range []struct {
		check       videowatch.Check
		looks, want string // "-": not known yet
	}{
		{usual, "ww", "-w"},
		{usual, "dd", "-d"},
		{usual, "wwdw", "-www"},
		{usual, "wwdwd", "-wwwd"},
		{usual, "wwdwwd", "-wwwww"},
		{usual, "ddww", "-ddw"},
		{usual, "ddwdwdwdww", "-ddddddddw"},
		{usual, "wwdwdwdwdwd", "-wwwddddddd"},
		{usual, "wwssee", "-wwsse"},
		{usual, "ssww", "-ssw"},
		{usual, "eess", "-ees"},
		{videowatch.Check{Needed: 1, Of: 1}, "wdw", "wdw"},
		{videowatch.Check{Needed: 1, Of: 3}, "dww", "dww"},
		{videowatch.Check{Needed: 3, Of: 3}, "wwwddwddd", "--wwwwwwd"},
	} {
		got := ""
		for _, s := range c.check.See(c.looks) {
			got += (string(s) + "-")[:1]
		}
		if got != c.want {
			t.Errorf("%d of %d, %s: %s, want %s", c.check.Needed, c.check.Of, c.looks, got, c.want)
		}
	}
}

// A state changes only to what was seen often enough just now, and back to well only after
// so many in a row.
func TestAPartChangesOnlyForWhatWasSeenOftenEnough(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		of := rapid.IntRange(1, 6).Draw(t, "of")
		check := videowatch.Check{Of: of, Needed: rapid.IntRange(1, of).Draw(t, "needed")}
		looks := rapid.StringOfN(rapid.RuneFrom([]rune("wdse")), 1, 40, -1).Draw(t, "looks")
		before := videowatch.Unseen
		for i, s := range check.See(looks) {
			if s == before {
				continue
			}
			before = s
			last := looks[max(0, i+1-of) : i+1]
			if s == videowatch.Well && !strings.HasSuffix(last, strings.Repeat("w", check.Needed)) {
				t.Errorf("well after %q", last)
			}
			if strings.Count(last, string(s)[:1]) < check.Needed || !strings.HasSuffix(last, string(s)[:1]) {
				t.Errorf("%q after %q", s, last)
			}
		}
	})
}
