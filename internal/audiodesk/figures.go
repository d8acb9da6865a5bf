package audiodesk

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Figures show at each scrape how the line to the exchange is, which is each replica's own,
// and what is known of calls and rooms, the same at every replica.
type Figures struct {
	desk *Desk
	all  map[string]*prometheus.Desc
}

// NewFigures makes those of a desk.
func NewFigures(d *Desk) *Figures {
	made := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("countersign_audio_"+name, help, labels, nil)
	}
	return &Figures{desk: d, all: map[string]*prometheus.Desc{
		"up":     made("up", "Whether this replica is connected with the telephone exchange."),
		"calls":  made("calls", "Calls that are asked for or going on, by state: asked, claimed, ringing, in.", "state"),
		"ended":  made("calls_ended_day", "Calls of the last 24 hours that ended, by how.", "outcome"),
		"rooms":  made("rooms", "Audio rooms with somebody in them."),
		"people": made("people", "People in audio rooms."),
	}}
}

// Describe names the figures.
func (f *Figures) Describe(to chan<- *prometheus.Desc) {
	for _, d := range f.all {
		to <- d
	}
}

// Collect asks the line and the database. What that does not tell in time is left out.
func (f *Figures) Collect(to chan<- prometheus.Metric) {
	up := 0.0
	if f.desk.Exchange.State().Up {
		up = 1
	}
	to <- prometheus.MustNewConstMetric(f.all["up"], prometheus.GaugeValue, up)
	const most = 2 * time.Second
	ctx, cancel := context.WithTimeout(context.Background(), most)
	defer cancel()
	known, err := f.desk.Store.figures(ctx)
	if err != nil {
		return
	}
	for _, k := range known {
		var labels []string
		if k.Label != "" {
			labels = []string{k.Label}
		}
		to <- prometheus.MustNewConstMetric(f.all[k.Name], prometheus.GaugeValue, k.Value, labels...)
	}
}
