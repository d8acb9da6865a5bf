package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/user"
	"strconv"
	"strings"
	"time"

	"countersign/internal/asterisk"
	"countersign/internal/audiodesk"
	"countersign/internal/config"
	"countersign/internal/doctor"
	"countersign/internal/seal"
	"countersign/internal/wake"
)

// tryTime is how long the exchange has, after each login, to be heard of.
const tryTime = 5 * time.Second

// exchange is the line to the telephone exchange, by the settings; nil: there is none. With a
// time to try, the log says after each login what is missing there.
func exchange(cfg config.Config, log *slog.Logger, try time.Duration) (*asterisk.Client, error) {
	a := cfg.Asterisk
	if a.Mode == config.AsteriskOff {
		return nil, nil //nolint:nilnil // no exchange is no mistake
	}
	spool, err := callFiles(a)
	if err != nil {
		return nil, err
	}
	return asterisk.New(asterisk.Options{
		Spool:   spool,
		Address: a.Address, User: a.User, Secret: a.Secret, TLS: a.TLS == config.SwitchOn, CA: a.CAFile, Now: time.Now, Log: log, Try: try,
	})
}

// callFiles is the folder for call files, by the settings; nil: there is none.
func callFiles(a config.Asterisk) (*asterisk.Spool, error) {
	if a.Originate != config.OriginateSpool {
		return nil, nil //nolint:nilnil // calls are asked for otherwise
	}
	uid, gid, err := owner(a.SpoolOwner)
	return &asterisk.Spool{Outgoing: a.Spool, Owner: uid, Group: gid}, err
}

// owner finds a user and a group by their names or numbers; 0: none is named. The group of a
// user by name is his own.
func owner(text string) (uid, gid int, err error) {
	name, group, both := strings.Cut(text, ":")
	if name == "" {
		return 0, 0, nil
	}
	unknown := func(what, name string) (int, int, error) {
		return 0, 0, fmt.Errorf("asterisk.spool_owner: there is no %s %q on this machine; write its number, or leave it empty", what, name)
	}
	if uid, err = strconv.Atoi(name); err != nil {
		u, err := user.Lookup(name)
		if err != nil {
			return unknown("user", name)
		}
		uid, _ = strconv.Atoi(u.Uid) // they are numbers where there are call files
		gid, _ = strconv.Atoi(u.Gid)
	}
	if !both {
		return uid, gid, nil
	}
	if gid, err = strconv.Atoi(group); err != nil {
		g, err := user.LookupGroup(group)
		if err != nil {
			return unknown("group", group)
		}
		gid, _ = strconv.Atoi(g.Gid)
	}
	return uid, gid, nil
}

// callRules is what holds for all calls, by the settings.
func callRules(a config.Asterisk) audiodesk.Rules {
	return audiodesk.Rules{
		Prefixes: a.Prefixes, Daily: a.CallsPerPerson, DailyAll: a.CallsPerDay, AtOnce: a.CallsAtOnce, Rooms: a.RoomsPerPerson, Ring: a.RingTimeout, CallerID: a.CallerID, Callers: a.CallerIDs,
	}
}

// buildAudio makes the desk of the audio rooms, if there is an exchange. Nothing waits for
// that: while it is away, nobody is called, and everything else goes on.
func (g *gateway) buildAudio(ctx context.Context) error {
	store := &audiodesk.Store{Pool: g.records.pool}
	g.duties.audio = &audiodesk.Desk{Store: store, Directory: g.records.directory.Snapshot} // numbers given while there was one are forgotten in time
	line, err := exchange(g.cfg, g.log, tryTime)
	if err != nil || line == nil {
		return err
	}
	g.audio = &audiodesk.Desk{
		Store: store, Exchange: line, Seal: g.seal, Ledger: g.records.ledger, Notices: g.notices.Store, Telegram: g.bot, Pace: g.notices.Pace,
		Texts: g.texts, GroupLang: g.cfg.Telegram.GroupLanguage, Zone: g.zone, Directory: g.records.directory.Snapshot, Rules: callRules(g.cfg.Asterisk), Bell: &wake.Bell{}, Now: time.Now, Log: g.log,
	}
	g.door.Audio, g.courier.Look.Phone = g.audio, g.audio.Calls()
	g.door.Desks[audiodesk.Command] = g.audio.Hosted()
	if files, err := callFiles(g.cfg.Asterisk); err == nil && files != nil {
		if err := files.Check(); err != nil {
			g.log.WarnContext(ctx, "nobody can be called until call files can be put", slog.Any("error", err))
		}
	}
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
		p.Files, _ = callFiles(cfg.Asterisk) // what is wrong with it keeps the line from being made
		p.Exchange = func() (*asterisk.Client, error) { return exchange(cfg, slog.New(slog.DiscardHandler), 0) }
	}
	return p
}
