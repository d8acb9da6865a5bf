package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"countersign/internal/telegram/telegramtest"
	"countersign/internal/trueconf/trueconftest"
)

// A server whose engine is away, and in which a conference was left: with two gateways each
// is told of once, to whoever looks after it, and the figures say the same.
func TestVideoServersAreLookedAfter(t *testing.T) {
	t.Parallel()
	tc, err := trueconftest.Open(t.Context(), trueconftest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tc.Close() })
	tc.CloseEngine()
	tc.Put(trueconftest.Conference{ID: "4711", Topic: "Standup", Owner: "anna", Running: true, Started: time.Now().Add(-2 * time.Hour)})
	w := outside(t, "webhook", telegramtest.Options{})
	w.furnish(strings.Replace(usersCSV, "budget_holder", "budget_holder|video_operator@Lab", 1))
	w.join(pyotr, "Pyotr")
	w.extra = []string{"COUNTERSIGN_CONFIG=" + w.written("cs.toml", fmt.Sprintf(`
[trueconf.servers.Lab]
address = %q
engine = %q
client_id = %q
client_secret = %q
check_interval = "1s"
`, tc.URL(), tc.Engine(), trueconftest.ClientID, trueconftest.ClientSecret))}
	first := w.start("")
	w.start("")
	w.sees(pyotr, "🔴 Lab: the media engine does not answer")
	w.sees(pyotr, "🕰 Lab", "Standup", "Everybody has left")
	w.settled()
	said := w.transcript(pyotr)
	if strings.Count(said, "🔴") != 1 || strings.Count(said, "🕰") != 1 {
		t.Errorf("told\n%s", said)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, first.url+"/metrics", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{`countersign_video_up{part="engine",server="Lab"} 0`, `countersign_video_up{part="web",server="Lab"} 1`, `countersign_video_forgotten_conferences{server="Lab"} 1`} {
		if !strings.Contains(string(body), line) {
			t.Errorf("%s is not among the figures", line)
		}
	}
}
