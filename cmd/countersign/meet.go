package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/riverqueue/river"

	"countersign/internal/meet"
	"countersign/internal/server"
	"countersign/internal/trueconf"
)

// buildMeet makes the desk of video meetings. It is there also when meetings are turned
// off: links that were given are answered in words, and what still runs is taken away.
func (g *gateway) buildMeet(ctx context.Context) error {
	m := g.cfg.Meet
	g.meet = &meet.Desk{
		Store: &meet.Store{Pool: g.records.pool, Notices: g.notices.Store}, Directory: g.records.directory, Servers: map[string]*trueconf.Server{}, PublicURL: g.cfg.Server.PublicURL,
		Rules: meet.Rules{Server: m.Server, Owner: m.Owner, Users: meet.Users(m.UserIDs), Idle: m.Idle, Longest: m.Longest, Life: m.Life},
		Texts: g.texts, Now: time.Now, Log: g.log,
		Addresses: &server.Limiter{Rate: 2, Burst: 60, Keys: 10_000, Now: time.Now},
		Links:     &server.Limiter{Rate: 0.2, Burst: 20, Keys: 10_000, Now: time.Now},
		Gate:      &server.Gate{Limit: 8},
	}
	for _, s := range g.video {
		g.meet.Servers[s.Name()] = s
	}
	if missing := g.meet.Missing(); len(missing) > 0 {
		g.log.InfoContext(ctx, "no video meetings", slog.Any("settings_missing", missing))
	}
	return nil
}

type meetArgs struct{}

// Kind names the job.
func (meetArgs) Kind() string { return "sweep_meetings" }

// sweepEvery is how often it is looked which conferences are over.
const sweepEvery = 20 * time.Second

func (d *duties) sweepMeetings(ctx context.Context, _ *river.Job[meetArgs]) error {
	return d.meet.Sweep(ctx)
}
