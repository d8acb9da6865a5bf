package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"countersign/internal/asterisk"
	"countersign/internal/audiodesk"
	"countersign/internal/config"
	"countersign/internal/doctor"
	"countersign/internal/seal"
	"countersign/internal/wake"
)

// exchange is the line to the telephone exchange, by the settings; nil: there is none.
func exchange(cfg config.Config, log *slog.Logger) (*asterisk.Client, error) {
	a := cfg.Asterisk
	if a.Mode == config.AsteriskOff {
		return nil, nil //nolint:nilnil // no exchange is no mistake
	}
	return asterisk.New(asterisk.Options{
		Address: a.Address, User: a.User, Secret: a.Secret, TLS: a.TLS == config.SwitchOn, CA: a.CAFile, Now: time.Now, Log: log,
	})
}

// callRules is what holds for all calls, by the settings.
func callRules(a config.Asterisk) audiodesk.Rules {
	return audiodesk.Rules{
		Prefixes: a.Prefixes, Daily: a.CallsPerPerson, DailyAll: a.CallsPerDay, AtOnce: a.CallsAtOnce, Rooms: a.RoomsPerPerson, Ring: a.RingTimeout, CallerID: a.CallerID,
	}
}

// buildAudio makes the desk of the audio rooms, if there is an exchange. Nothing waits for
// that: while it is away, nobody is called, and everything else goes on.
func (g *gateway) buildAudio(ctx context.Context) error {
	line, err := exchange(g.cfg, g.log)
	if err != nil || line == nil {
		return err
	}
	g.audio = &audiodesk.Desk{
		Store: &audiodesk.Store{Pool: g.records.pool}, Exchange: line, Seal: g.seal, Notices: g.notices.Store, Telegram: g.bot, Pace: g.notices.Pace,
		Texts: g.texts, Zone: g.zone, Directory: g.records.directory.Snapshot, Rules: callRules(g.cfg.Asterisk), Bell: &wake.Bell{}, Now: time.Now, Log: g.log,
	}
	g.duties.audio = g.audio.Store
	g.door.Desks[audiodesk.Command] = g.audio.Hosted()
	if len(g.cfg.Asterisk.Prefixes) == 0 {
		g.log.WarnContext(ctx, "nobody can be called: asterisk.prefixes is empty")
	}
	return g.meters.registry.Register(audiodesk.NewFigures(g.audio))
}

// runAudio ends the line after the desk: a call that was being asked for then is answered.
func (g *gateway) runAudio(ctx context.Context) error {
	line, hangUp := context.WithCancel(context.WithoutCancel(ctx))
	defer hangUp()
	ended := make(chan error, 1)
	go func() { ended <- g.audio.Exchange.Run(line) }()
	err := g.audio.Run(ctx)
	hangUp()
	return errors.Join(err, <-ended)
}

// phones is what the doctor looks at.
func phones(cfg config.Config, s *seal.Seal) *doctor.Phones {
	p := &doctor.Phones{Address: cfg.Asterisk.Address, Prefixes: cfg.Asterisk.Prefixes, Sealed: s != nil || cfg.Database.URL == ""}
	if cfg.Asterisk.Mode != config.AsteriskOff {
		p.Exchange = func() (*asterisk.Client, error) { return exchange(cfg, slog.New(slog.DiscardHandler)) }
	}
	return p
}
