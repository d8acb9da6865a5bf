package main

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"countersign/internal/audiodesk"
	"countersign/internal/chat"
	"countersign/internal/config"
	"countersign/internal/doctor"
	"countersign/internal/ledger"
	"countersign/internal/locale"
	"countersign/internal/postgres"
	"countersign/internal/videodesk"
)

// checkupEvery is how often the page may look anew.
const checkupEvery = 5 * time.Second

// database asks everything of it that the service stands on.
func (s *subject) database(ctx context.Context) doctor.Database {
	if s.pool == nil {
		return doctor.Database{None: s.away == nil, Away: s.away}
	}
	var db doctor.Database
	settings, err := postgres.Settings(ctx, s.pool)
	if err != nil {
		db.Away = err
		return db
	}
	db.Version, db.Dangers = settings.ServerVersion, settings.Dangers()
	before := time.Now()
	at, err := postgres.Clock(ctx, s.pool)
	if err != nil {
		db.Away = err
		return db
	}
	db.Ahead = at.Sub(before.Add(time.Since(before) / 2))
	made, err := ledger.Made(ctx, s.pool)
	if err != nil || !made {
		db.Away, db.Behind = err, !made
		return db
	}
	if db.Role = postgres.CheckRole(ctx, s.pool); db.Role != nil {
		return db
	}
	db.Behind, db.Away = ledger.Pending(ctx, s.pool, slog.New(slog.DiscardHandler))
	return db
}

func menus(texts *locale.Texts, cfg config.Config) []doctor.Menu {
	var desks []string
	if len(cfg.TrueConf.Servers) > 0 {
		desks = append(desks, videodesk.Command)
	}
	if cfg.Asterisk.Mode != config.AsteriskOff {
		desks = append(desks, audiodesk.Command)
	}
	slices.Sort(desks) // as they stand in the menu
	var out []doctor.Menu
	for _, m := range chat.Menus(texts, desks...) {
		out = append(out, doctor.Menu(m))
	}
	return out
}

// checkup looks from within the gateway, for the page.
func (g *gateway) checkup(ctx context.Context) []doctor.Finding {
	s := subject{cfg: g.cfg, bot: g.bot, seal: g.seal, video: g.video, pool: g.pool()}
	d, _, err := s.doctor()
	if err != nil {
		return []doctor.Finding{{Check: "texts", Level: doctor.Problem, Key: "doctor.broke", Data: map[string]any{"Why": err}}}
	}
	return d.Examine(ctx)
}
