package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/riverqueue/river"

	"countersign/internal/config"
	"countersign/internal/doctor"
	"countersign/internal/meet"
	"countersign/internal/server"
	"countersign/internal/trueconf"
)

// buildMeet makes the desk of video meetings. It is there also when meetings are turned
// off: links that were given are answered in words, and what still runs is taken away.
func (g *gateway) buildMeet(ctx context.Context) error {
	d := meetDesk(g.cfg, g.video)
	d.Store, d.Directory = &meet.Store{Pool: g.records.pool, Notices: g.notices.Store}, g.records.directory
	d.Texts, d.Now, d.Log = g.texts, time.Now, g.log
	limitMeetings(d, time.Now)
	g.meet = d
	if missing := g.meet.Missing(); len(missing) > 0 {
		g.log.InfoContext(ctx, "no video meetings", slog.Any("settings_missing", missing))
	}
	return nil
}

// limitMeetings says how much one address and one link may ask for.
func limitMeetings(d *meet.Desk, now func() time.Time) {
	d.Addresses = &server.Limiter{Rate: 2, Burst: 60, Keys: 10_000, Now: now}
	d.Links = &server.Limiter{Rate: 2, Burst: 2 * meet.MaxPlaces, Keys: 10_000, Now: now} // all whom it is for may come at once, and are let in
	d.Gate = &server.Gate{Limit: 8}
}

// meetDesk is the desk as far as the settings make it.
func meetDesk(cfg config.Config, video []*trueconf.Server) *meet.Desk {
	m := cfg.Meet
	d := &meet.Desk{
		Servers: map[string]*trueconf.Server{}, PublicURL: cfg.Server.PublicURL,
		Rules: meet.Rules{Server: m.Server, Owner: m.Owner, Users: meet.Users(m.UserIDs), Idle: m.Idle, Longest: m.Longest, Life: m.Life},
	}
	for _, s := range video {
		d.Servers[s.Name()] = s
	}
	return d
}

// meetings is what the doctor looks at.
func meetings(cfg config.Config, video []*trueconf.Server) *doctor.Meetings {
	d := meetDesk(cfg, video)
	return &doctor.Meetings{Wanted: cfg.Meet.Server != "", Missing: d.Missing(), Server: d.Servers[cfg.Meet.Server], Owner: cfg.Meet.Owner}
}

type meetArgs struct{}

// Kind names the job.
func (meetArgs) Kind() string { return "sweep_meetings" }

// sweepEvery is how often it is looked which conferences are over.
const sweepEvery = 20 * time.Second

func (d *duties) sweepMeetings(ctx context.Context, _ *river.Job[meetArgs]) error {
	return d.meet.Sweep(ctx)
}
