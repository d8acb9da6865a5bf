package main

import (
	"bytes"
	"strings"
	"testing"

	"countersign/internal/deed"
	"countersign/internal/telegram/telegramtest"
)

func TestCommandTellsWhoDidWhatToConferencesAndMeetings(t *testing.T) {
	t.Parallel()
	w := outside(t, "webhook", telegramtest.Options{})
	w.furnish(usersCSV)
	var petrov deed.By
	if err := w.pool.QueryRow(t.Context(), `select id from person where external_id = 'petrov'`).Scan(&petrov.Person); err != nil {
		t.Fatal(err)
	}
	for _, d := range []deed.Deed{
		{By: petrov, What: deed.Stop, Server: "Lab", Session: "33@srv#vcs", Topic: "Daily\x1b[2J", People: 4, Outcome: deed.Done},
		{What: deed.Stop, Server: "Lab", Session: "34@srv#vcs", Topic: "Left", People: -1},
		{By: deed.By{Source: "erp1c", Key: "key_7"}, What: deed.Revoke, Server: "Clinic", Meeting: "mtg_06f1z2k3m4n5p6q7r8s9t0v1w2", People: -1, Outcome: deed.Done},
	} {
		if err := deed.Note(t.Context(), w.pool, d); err != nil {
			t.Fatal(err)
		}
	}
	all := w.command("journal", "video")
	for _, want := range []string{"key erp1c key_7  revoke  Clinic", "rule", "petrov", `Daily\x1b[2J`, "33@srv#vcs", "mtg_06f1z2k3m4n5p6q7r8s9t0v1w2"} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is not in\n%s", want, all)
		}
	}
	if got := w.command("journal", "video", "--person", "petrov", "--server", "Lab", "--since", "1h", "--json"); strings.Count(got, "\n") != 1 ||
		!strings.Contains(got, `"by":"petrov","person":"petrov","what":"stop","server":"Lab","session":"33@srv#vcs"`) || !strings.Contains(got, `"people":4`) {
		t.Errorf("of one person: %s", got)
	}
	first := w.command("journal", "video", "--limit", "2")
	_, next, more := strings.Cut(strings.TrimSpace(first), "more: --after ")
	if rest := w.command("journal", "video", "--limit", "2", "--after", next); !more || strings.Contains(rest, "more:") || !strings.Contains(rest, "33@srv#vcs") {
		t.Errorf("page by page:\n%s\n%s", first, rest)
	}
	for _, odd := range [][]string{{"--since", "yesterday"}, {"--after", "x"}, {"--limit", "0"}} {
		var out, errs bytes.Buffer
		if code := run(t.Context(), process{Args: append([]string{"journal", "video"}, odd...), Env: w.env(), Out: &out, Err: &errs}); code != exitUsage {
			t.Errorf("%q: exit %d, %s", odd, code, errs.String())
		}
	}
}
