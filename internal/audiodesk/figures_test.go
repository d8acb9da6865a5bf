package audiodesk_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"countersign/internal/audiodesk"
)

// scrape gives the figures of a desk, a line each.
func scrape(t *testing.T, d *audiodesk.Desk) string {
	t.Helper()
	r := prometheus.NewRegistry()
	must(t, r.Register(audiodesk.NewFigures(d)))
	all, err := r.Gather()
	must(t, err)
	var out strings.Builder
	for _, family := range all {
		for _, m := range family.GetMetric() {
			label := ""
			for _, l := range m.GetLabel() {
				label = " " + l.GetValue()
			}
			fmt.Fprintf(&out, "%s%s %g\n", strings.TrimPrefix(family.GetName(), "countersign_audio_"), label, m.GetGauge().GetValue())
		}
	}
	return out.String()
}

func TestFiguresTellOfTheLineTheCallsAndTheRooms(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	if got := scrape(t, o.desk); got != "people 0\nrooms 0\nup 1\n" {
		t.Errorf("at first:\n%s", got)
	}
	ask := func(key, number string) {
		_, err := o.desk.Call(t.Context(), audiodesk.Request{Source: "erp", Key: key, Number: number, Room: "Incident"})
		must(t, err)
	}
	ask("a", "+4930100001")
	ask("b", "+4930100486")
	ask("c", "+4930100480")
	const want = "calls in 1\ncalls ringing 1\ncalls_ended_day busy 1\npeople 1\nrooms 1\nup 1\n"
	o.wait(t, "figures", func() bool { return scrape(t, o.desk) == want })
	must(t, o.pbx.Stop())
	o.wait(t, "the line is cut", func() bool { return strings.Contains(scrape(t, o.desk), "up 0\n") })
}
