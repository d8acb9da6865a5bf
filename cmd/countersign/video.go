package main

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"time"

	"countersign/internal/config"
	"countersign/internal/doctor"
	"countersign/internal/screen"
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

// buildVideo makes the desk of the video servers, if there are any.
func (g *gateway) buildVideo(context.Context) error {
	if len(g.video) == 0 {
		return nil
	}
	w := &videowatch.Watch{
		Store: &videowatch.Store{Pool: g.records.pool}, Directory: g.records.directory, Notices: g.notices.Store, Now: time.Now, Log: g.log,
	}
	d := &videodesk.Desk{
		Watch: w.Store,
		Store: &videodesk.Store{Pool: g.records.pool}, Ledger: g.records.ledger, Notices: g.notices.Store, Texts: g.texts, Language: g.cfg.Telegram.GroupLanguage,
		Directory: g.records.directory.Snapshot, Now: time.Now, Log: g.log,
	}
	var names []string
	for _, s := range g.video {
		set := g.cfg.TrueConf.Servers[s.Name()]
		rule, err := forgottenRule(set, g.zone)
		if err != nil {
			return err
		}
		names = append(names, s.Name())
		d.Servers = append(d.Servers, videodesk.Server{Server: s, Rule: rule, StopRoute: set.StopRoute})
		w.Servers = append(w.Servers, videowatch.Server{
			Client: s, Rule: rule, Check: videowatch.Check{Every: set.CheckInterval, Needed: set.CheckFailures, Of: set.CheckOf},
			Scan: videowatch.Scan{Every: set.ForgottenInterval, StopAfter: set.ForgottenStopAfter, DryRun: set.ForgottenDryRun},
		})
	}
	w.Buttons = d.Buttons
	g.videoDesk, g.videoWatch = d, w
	g.duties.videoWatch = w.Store
	g.door.Desks = map[string]screen.Desk{videodesk.Command: d.Hosted()}
	g.duties.video = d.Store
	return g.meters.registry.Register(videowatch.NewFigures(w.Store, names))
}

// forgottenRule says which conferences of a server count as forgotten.
func forgottenRule(s config.TrueConfServer, zone *time.Location) (videowatch.Rule, error) {
	r := videowatch.Rule{
		Older: s.ForgottenAfter, Least: s.ForgottenLeast, Most: s.ForgottenMost, IDs: s.ForgottenExceptIDs, Owners: s.ForgottenExceptOwners,
		Tags: s.ForgottenExceptTags, Scheduled: s.ForgottenExceptScheduled, Zone: zone,
	}
	for _, w := range s.ForgottenWhen {
		r.When = append(r.When, videowatch.Why(w))
	}
	for _, text := range s.ForgottenExceptHours {
		w, err := videowatch.ParseWindow(text)
		if err != nil {
			return r, err
		}
		r.Hours = append(r.Hours, w)
	}
	return r, nil
}

// videoTrouble is what the doctor says of a video server that is not well.
func videoTrouble(err error) doctor.Said {
	key, data := videodesk.Trouble(err)
	return doctor.Said{Key: key, Data: data}
}
