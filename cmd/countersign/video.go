package main

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"time"

	"countersign/internal/config"
	"countersign/internal/deed"
	"countersign/internal/doctor"
	"countersign/internal/trueconf"
	"countersign/internal/videodesk"
	"countersign/internal/videowatch"
)

// videoServers are those of the settings, by name. What cannot be used is said of all.
func videoServers(cfg config.Config, log *slog.Logger) ([]*trueconf.Server, error) {
	var out []*trueconf.Server
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(cfg.TrueConf.Servers)) {
		s := cfg.TrueConf.Servers[name]
		verify := s.Verify.CAFile()
		if verify == "" {
			verify = "false"
			if s.Verify.On() {
				verify = "true"
			}
		}
		made, err := trueconf.Open(trueconf.Options{
			Name: name, Address: s.Address, ClientID: s.ClientID, ClientSecret: s.ClientSecret, AccessToken: s.AccessToken, Verify: verify,
			API: s.API, Engine: s.Engine, Now: time.Now, Log: log,
		})
		if err != nil {
			faults = append(faults, err)
			continue
		}
		out = append(out, made)
	}
	return out, errors.Join(faults...)
}

func (g *gateway) openVideo(context.Context) (err error) {
	g.video, err = videoServers(g.cfg, g.log)
	return err
}

// buildVideo makes the desk of the video servers. It works also when there are none any
// more: who was asked about a stop is asked no longer.
func (g *gateway) buildVideo(context.Context) error {
	d := &videodesk.Desk{
		Store: &videodesk.Store{Pool: g.records.pool}, Watch: &videowatch.Store{Pool: g.records.pool}, Deeds: &deed.Store{Pool: g.records.pool},
		Ledger: g.records.ledger, Notices: g.notices.Store,
		Texts: g.texts, Language: g.cfg.Telegram.GroupLanguage, Directory: g.records.directory.Snapshot, Now: time.Now, Log: g.log,
	}
	g.videoDesk, g.duties.video, g.duties.watch = d, d.Store, d.Watch
	if g.watch == nil {
		return nil
	}
	for _, s := range g.watch.Servers {
		d.Servers = append(d.Servers, videodesk.Server{
			Server: s.Client, Rule: s.Rule, StopRoute: g.cfg.TrueConf.Servers[s.Client.Name()].StopRoute,
		})
	}
	g.watch.Buttons = d.Buttons
	g.door.Desks[videodesk.Command] = d.Hosted()
	return nil
}

// videoTrouble is what the doctor says of a video server that is not well.
func videoTrouble(err error) doctor.Said {
	key, data := videodesk.Trouble(err)
	return doctor.Said{Key: key, Data: data}
}
