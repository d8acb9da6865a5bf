package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"countersign/internal/config"
	"countersign/internal/trueconf"
	"countersign/internal/videowatch"
)

// buildWatch makes what looks after the video servers, if there are any.
func (g *gateway) buildWatch(context.Context) error {
	if len(g.video) == 0 {
		return nil
	}
	w := &videowatch.Watch{
		Store: &videowatch.Store{Pool: g.records.pool}, Directory: g.records.directory, Notices: g.notices.Store, Now: time.Now, Log: g.log,
	}
	var names []string
	for _, client := range g.video {
		s, err := watched(client, g.cfg.TrueConf.Servers[client.Name()], g.zone)
		if err != nil {
			return err
		}
		w.Servers, names = append(w.Servers, s), append(names, client.Name())
	}
	g.watch = w
	return g.meters.registry.Register(videowatch.NewFigures(w.Store, names))
}

// watched is how a server is looked after, by its settings.
func watched(client *trueconf.Server, s config.TrueConfServer, zone *time.Location) (videowatch.Server, error) {
	out := videowatch.Server{
		Client: client,
		Check:  videowatch.Check{Every: s.CheckInterval, Needed: s.CheckFailures, Of: s.CheckOf},
		Scan:   videowatch.Scan{Every: s.ForgottenInterval, StopAfter: s.ForgottenStopAfter, DryRun: s.ForgottenDryRun},
		Rule: videowatch.Rule{
			Older: s.ForgottenAfter, Least: s.ForgottenLeast, Most: s.ForgottenMost, IDs: s.ForgottenExceptIDs, Owners: s.ForgottenExceptOwners,
			Tags: s.ForgottenExceptTags, Scheduled: s.ForgottenExceptScheduled, Zone: zone,
		},
	}
	for _, why := range s.ForgottenWhen {
		out.Rule.When = append(out.Rule.When, videowatch.Why(why))
	}
	var faults []error
	for _, text := range s.ForgottenExceptHours {
		w, err := videowatch.ParseWindow(text)
		if err != nil {
			faults = append(faults, fmt.Errorf("video server %q: forgotten_except_hours: %w", client.Name(), err))
		}
		out.Rule.Hours = append(out.Rule.Hours, w)
	}
	return out, errors.Join(faults...)
}
