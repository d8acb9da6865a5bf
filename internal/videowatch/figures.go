package videowatch

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Figures show at each scrape what is known of the servers, the same at every replica.
type Figures struct {
	store   *Store
	servers []string
	all     map[string]*prometheus.Desc
}

// NewFigures makes those of some servers, by name.
func NewFigures(store *Store, servers []string) *Figures {
	server, part := []string{"server"}, []string{"server", "part"}
	made := func(name, help string, labels []string) *prometheus.Desc {
		return prometheus.NewDesc("countersign_video_"+name, help, labels, nil)
	}
	return &Figures{store: store, servers: servers, all: map[string]*prometheus.Desc{
		"up":          made("up", "Whether a part of a video server is there, as far as it was seen often enough: engine, web, login.", part),
		"took":        made("probe_seconds", "How long the last look at a part of a video server took.", part),
		"expires":     made("certificate_expiry_timestamp_seconds", "When the certificate of a video server expires.", server),
		"checked":     made("checked_timestamp_seconds", "When somebody looked last whether a video server is there.", server),
		"scanned":     made("scanned_timestamp_seconds", "When somebody looked last for forgotten conferences.", server),
		"conferences": made("conferences", "Conferences that run on a video server.", server),
		"forgotten":   made("forgotten_conferences", "Conferences that were left running on a video server.", server),
	}}
}

// Describe names the figures.
func (f *Figures) Describe(to chan<- *prometheus.Desc) {
	for _, d := range f.all {
		to <- d
	}
}

// Collect asks the database. What it does not tell in time is left out.
func (f *Figures) Collect(to chan<- prometheus.Metric) {
	const most = 2 * time.Second
	ctx, cancel := context.WithTimeout(context.Background(), most)
	defer cancel()
	known, err := f.store.figures(ctx, f.servers)
	if err != nil {
		return
	}
	for _, k := range known {
		labels := []string{k.Server}
		if k.Part != "" {
			labels = append(labels, k.Part)
		}
		to <- prometheus.MustNewConstMetric(f.all[k.Name], prometheus.GaugeValue, k.Value, labels...)
	}
}
