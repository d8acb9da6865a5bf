package videowatch_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"countersign/internal/trueconf/trueconftest"
	"countersign/internal/videowatch"
)

// figures are what a scrape shows: name and labels, and the value.
func figures(t *testing.T, w *world, servers ...string) map[string]float64 {
	t.Helper()
	r := prometheus.NewPedanticRegistry()
	must(t, r.Register(videowatch.NewFigures(w.watch.Store, servers)))
	all, err := r.Gather()
	must(t, err)
	out := map[string]float64{}
	for _, family := range all {
		for _, m := range family.GetMetric() {
			name := strings.TrimPrefix(family.GetName(), "countersign_video_")
			for _, l := range m.GetLabel() {
				if l.GetName() == "part" {
					name += " " + l.GetValue()
				} else if l.GetValue() != office {
					t.Errorf("%s is of %q", name, l.GetValue())
				}
			}
			out[name] = m.GetGauge().GetValue()
		}
	}
	return out
}

func TestFiguresShowWhatIsKnownAndNothingElse(t *testing.T) {
	t.Parallel()
	until := time.Now().Add(100 * 24 * time.Hour).Truncate(time.Second)
	w := newWorld(t, trueconftest.Options{TLS: true, Until: until})
	if all := figures(t, w, office); len(all) != 0 {
		t.Errorf("before anybody looked: %v", all)
	}
	w.check(t, 2)
	w.tc.CloseEngine()
	w.check(t, 2)
	w.left()
	w.tc.Put(trueconftest.Conference{ID: "young", Owner: "boris", Running: true})
	w.scan(t)
	all := figures(t, w, office)
	for _, name := range []string{"checked_timestamp_seconds", "scanned_timestamp_seconds"} {
		if age := time.Since(time.Unix(int64(all[name]), 0)); age > time.Minute {
			t.Errorf("%s: %s ago", name, age)
		}
		delete(all, name)
	}
	maps.DeleteFunc(all, func(name string, took float64) bool {
		return strings.HasPrefix(name, "probe_seconds ") && took >= 0 && took < 60
	})
	want := map[string]float64{
		"up engine": 0, "up web": 1, "up login": 1, "conferences": 2, "forgotten_conferences": 1, "certificate_expiry_timestamp_seconds": float64(until.Unix()),
	}
	if diff := cmp.Diff(want, all); diff != "" {
		t.Error(diff)
	}
	w.tc.Break(trueconftest.List, always(trueconftest.Trouble5))
	w.tc.Break(trueconftest.Calls, always(trueconftest.Trouble5))
	w.due(t)
	_, err := w.watch.ScanOnce(t.Context(), w.at)
	names := fmt.Sprint(slices.Sorted(maps.Keys(figures(t, w, office))))
	if err == nil || strings.Contains(names, "conferences") {
		t.Errorf("known although nobody told: %s, %v", names, err)
	}
	if all := figures(t, w, "Lab"); len(all) != 0 {
		t.Errorf("of a server that is not asked for: %v", all)
	}
}
