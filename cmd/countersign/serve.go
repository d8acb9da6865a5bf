package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"

	"github.com/spf13/cobra"

	"countersign/internal/config"
	"countersign/internal/crash"
	"countersign/internal/ledger"
	"countersign/internal/postgres"
)

func serveCommand(p process) *cobra.Command {
	return &cobra.Command{
		Use: "serve", Short: "Run the gateway", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := p.settings(cmd, config.Config.ValidateServe)
			if err != nil {
				return err
			}
			points, err := crash.Parse(p.variable("COUNTERSIGN_CRASH"))
			if err != nil {
				return fmt.Errorf("%w: COUNTERSIGN_CRASH: %w", errUsage, err)
			}
			return serve(cmd.Context(), service{cfg: cfg, log: p.logger(cfg), crash: points, ready: func(url string) { say(p.Out, url) }})
		},
	}
}

// say prints the line that scripts wait for.
func say(out io.Writer, url string) { fmt.Fprintln(out, "ready "+url) }

// service is what one running gateway is made of.
type service struct {
	cfg   config.Config
	log   *slog.Logger
	crash *crash.Points
	ready func(url string) // called once requests are taken
}

// serve opens the database, brings it up to date and runs the gateway until ctx ends.
func serve(ctx context.Context, s service) (err error) {
	db, err := openDatabase(ctx, s.cfg, s.log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.close()) }()
	if _, err := ledger.Migrate(ctx, db.ownerURL, s.log); err != nil {
		return err
	}
	doors, err := listen(ctx, s.cfg.Server)
	if err != nil {
		return err
	}
	g, err := newGateway(ctx, s, db)
	if err != nil {
		return errors.Join(err, doors.close())
	}
	defer g.close()
	g.warnOfSettings(ctx)
	return g.run(ctx, doors)
}

// listeners are what requests come in by.
type listeners struct {
	main    net.Listener
	metrics net.Listener // nil: by the main one
}

func listen(ctx context.Context, s config.Server) (l listeners, err error) {
	if l.main, err = (&net.ListenConfig{}).Listen(ctx, "tcp", s.Listen); err != nil {
		return l, fmt.Errorf("listen on %s: %w (another program has the port, or server.listen is wrong)", s.Listen, err)
	}
	if s.MetricsListen == "" {
		return l, nil
	}
	if l.metrics, err = (&net.ListenConfig{}).Listen(ctx, "tcp", s.MetricsListen); err != nil {
		err = fmt.Errorf("listen on %s: %w (another program has the port, or server.metrics_listen is wrong)", s.MetricsListen, err)
		return l, errors.Join(err, l.main.Close())
	}
	return l, nil
}

func (l listeners) close() error {
	if l.metrics == nil {
		return l.main.Close()
	}
	return errors.Join(l.main.Close(), l.metrics.Close())
}

// warnOfSettings says what the database server does not promise.
func (g *gateway) warnOfSettings(ctx context.Context) {
	settings, err := postgres.Settings(ctx, g.records.pool)
	if err != nil {
		g.log.WarnContext(ctx, "settings of the database server not readable", slog.Any("error", err))
		return
	}
	g.log.InfoContext(ctx, "database", slog.String("version", settings.ServerVersion), slog.String("durability", settings.Class()))
	for _, danger := range settings.Dangers() {
		g.log.WarnContext(ctx, "database setting", slog.String("danger", danger))
	}
}
