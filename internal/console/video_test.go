package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"countersign/internal/deed"
)

// Whoever audits finds what was done to conferences and meetings, by whom and how it ended;
// others do not, and nothing of it is more than text.
func TestWhatWasDoneToConferencesAndMeetingsIsFoundByWhoAudits(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	anna := h.inside(t, "anna")
	dir, err := h.Directory.Snapshot(t.Context())
	must(t, err)
	dan, _ := dir.Find("dan")
	for _, d := range []deed.Deed{
		{By: deed.By{Person: dan.ID}, What: deed.Stop, Server: "Office", Session: "33@srv#vcs", Topic: "<script>alert(1)</script>", People: 4, Outcome: deed.Done},
		{What: deed.Stop, Server: "Lab", Session: "34@srv#vcs", Topic: "Left", People: 1, Outcome: deed.CalledOff},
		{By: deed.By{Source: "erp1c", Key: "key_7"}, What: deed.Revoke, Server: "Lab", Meeting: "mtg_06f1z2k3m4n5p6q7r8s9t0v1w2", People: -1, Outcome: deed.Done},
	} {
		must(t, deed.Note(t.Context(), h.Pool, d))
	}
	at := h.web.URL + "/console/video"
	p := anna.Get(at)
	for _, want := range []string{"dan", "erp1c key_7 (by its API key)", "the gateway itself", "not stopped: somebody came back", "mtg_06f1z2k3m4n5p6q7r8s9t0v1w2", "33@srv#vcs", "&lt;script&gt;"} {
		if p.Status != http.StatusOK || !strings.Contains(p.Body, want) {
			t.Errorf("%d, %q is not in %s", p.Status, want, p.Body)
		}
	}
	if strings.Contains(p.Body, "<script") {
		t.Error("a topic is more than text")
	}
	for query, want := range map[string]string{"server=Office": "33@", "person=dan": "33@", "about=key_7": "mtg_", "about=34@srv%23vcs": "34@", "since=2h&server=Office": "33@"} {
		p := anna.Get(at + "?" + query)
		if n := strings.Count(p.Body, "<tr><td>"); p.Status != http.StatusOK || n != 1 || !strings.Contains(p.Body, want) {
			t.Errorf("%s: %d, %d lines: %s", query, p.Status, n, p.Body)
		}
	}
	for _, odd := range []string{"since=yesterday", "person=nobody", "after=x"} {
		if p := anna.Get(at + "?" + odd); p.Status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", odd, p.Status)
		}
	}
	h.act(t, anna, "boris", "role", url.Values{"role": {"viewer"}})
	if p := h.inside(t, "boris").Get(at); p.Status != http.StatusForbidden || strings.Contains(p.Body, "33@") {
		t.Errorf("a viewer: %d", p.Status)
	}
}
