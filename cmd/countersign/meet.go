package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/riverqueue/river"

	"countersign/internal/config"
	"countersign/internal/meet"
	"countersign/internal/server"
	"countersign/internal/trueconf"
)

// buildMeet makes the desk of video meetings. It is there also when meetings are turned
// off: links that were given are answered in words, and what still runs is taken away.
func (g *gateway) buildMeet(ctx context.Context) error {
	m := g.cfg.Meet
	g.meet = &meet.Desk{
		Store: &meet.Store{Pool: g.records.pool, Notices: g.notices.Store}, Servers: map[string]*trueconf.Server{}, PublicURL: g.cfg.Server.PublicURL,
		Rules: meet.Rules{Server: m.Server, Owner: m.Owner, Users: meet.Users(m.UserIDs), Idle: m.Idle, Longest: m.Longest, Life: m.Life},
		Texts: g.texts, Now: time.Now, Log: g.log,
		Addresses: &server.Limiter{Rate: 2, Burst: 60, Keys: 10_000, Now: time.Now},
		Links:     &server.Limiter{Rate: 0.2, Burst: 20, Keys: 10_000, Now: time.Now},
		Gate:      &server.Gate{Limit: 8},
	}
	for name := range g.cfg.TrueConf.Servers {
		s, err := videoServer(g.cfg, name, g.log)
		if err != nil {
			return err
		}
		g.meet.Servers[name] = s
	}
	if missing := g.meet.Missing(); len(missing) > 0 {
		g.log.InfoContext(ctx, "no video meetings", slog.Any("settings_missing", missing))
	}
	return nil
}

// videoServer is a server of the settings.
func videoServer(cfg config.Config, name string, log *slog.Logger) (*trueconf.Server, error) {
	s := cfg.TrueConf.Servers[name]
	verify := s.Verify.CAFile()
	switch {
	case verify == "" && s.Verify.On():
		verify = "true"
	case verify == "":
		verify = "false"
	}
	return trueconf.Open(trueconf.Options{
		Name: name, Address: s.Address, ClientID: s.ClientID, ClientSecret: s.ClientSecret, AccessToken: s.AccessToken, Verify: verify, Now: time.Now, Log: log,
	})
}

type meetArgs struct{}

// Kind names the job.
func (meetArgs) Kind() string { return "sweep_meetings" }

// sweepEvery is how often it is looked which conferences are over.
const sweepEvery = 20 * time.Second

func (d *duties) sweepMeetings(ctx context.Context, _ *river.Job[meetArgs]) error {
	return d.meet.Sweep(ctx)
}
