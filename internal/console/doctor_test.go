package console_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"countersign/internal/doctor"
	"countersign/internal/pages/pagestest"
)

func TestCheckUpIsForThoseWhoLookAfterTheGateway(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	runs := 0
	now := h.Clock.Now()
	h.desk.Chart.Now = func() time.Time { return now }
	h.desk.Chart.Examine = func(context.Context) []doctor.Finding {
		runs++
		return []doctor.Finding{
			{Check: "token", Level: doctor.Problem, Key: "doctor.token.refused"},
			{Check: "groups", Level: doctor.Warning, Key: "doctor.group.unknown", Data: map[string]any{"Title": "<script>x</script>", "Why": "hush"}},
		}
	}
	h.desk.Mask = func(text string) string { return strings.ReplaceAll(text, "hush", "***") }
	anna := h.inside(t, "anna")
	at := h.web.URL + "/console/doctor"
	if p := anna.Get(at); p.Status != http.StatusOK || strings.Contains(p.Body, "revoked") || !strings.Contains(p.Body, "Look now") {
		t.Errorf("before anybody looked: %d %s", p.Status, p.Body)
	}
	for range 3 { // not more often than every few seconds
		if p := anna.Post(at, url.Values{}); p.Status != http.StatusSeeOther && p.Status != http.StatusOK {
			t.Errorf("look: %d", p.Status)
		}
	}
	p := anna.Get(at)
	for _, want := range []string{"problem", "revoked", "warning", "&lt;script&gt;", "***"} {
		if !strings.Contains(p.Body, want) {
			t.Errorf("the page lacks %s: %s", want, p.Body)
		}
	}
	if runs != 1 || strings.Contains(p.Body, "<script") || strings.Contains(p.Body, "hush") {
		t.Errorf("%d runs; %s", runs, p.Body)
	}
	now = now.Add(time.Minute)
	if anna.Post(at, url.Values{}); runs != 2 {
		t.Errorf("%d runs a minute later", runs)
	}
	if p := anna.Do(http.MethodPost, at, url.Values{}, "Sec-Fetch-Site", "cross-site"); p.Status != http.StatusForbidden || runs != 2 {
		t.Errorf("from another site: %d, %d runs", p.Status, runs)
	}
	for role, may := range map[string]bool{"viewer": false, "auditor": false, "operator": true} {
		h.gives(t, anna, "boris", role)
		boris := h.inside(t, "boris")
		want := http.StatusForbidden
		if may {
			want = http.StatusOK
		}
		if p := boris.Get(at); p.Status != want || strings.Contains(boris.Get(h.web.URL+"/console/people").Body, `href="/console/doctor"`) != may {
			t.Errorf("%s: %d", role, p.Status)
		}
		before := runs
		now = now.Add(time.Minute)
		if boris.Post(at, url.Values{}); (runs > before) != may {
			t.Errorf("%s: looked anew: %t", role, runs > before)
		}
	}
	if p := pagestest.Open(t, h.web).Post(at, url.Values{}); p.Status != http.StatusUnauthorized {
		t.Errorf("nobody: %d", p.Status)
	}
}
