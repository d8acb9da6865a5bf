package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"countersign/internal/config"
	"countersign/internal/demo"
	"countersign/internal/directory"
	"countersign/internal/ledger"
)

func demoCommand(p process) *cobra.Command {
	var d demo.Demo
	c := &cobra.Command{
		Use: "demo", Args: cobra.NoArgs,
		Short: "Show the whole product in a browser, with a messenger and an ERP that are played on this machine",
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg := config.Default()
			cfg.Log = config.Log{Level: slog.LevelWarn, Format: config.Text}
			d.Log, d.Now = p.logger(cfg), time.Now
			d.Serve = func(ctx context.Context, cfg config.Config, ready func(string)) error {
				if err := cfg.ValidateServe(); err != nil {
					return err
				}
				return serve(ctx, service{cfg: cfg, log: p.logger(cfg), ready: ready})
			}
			d.Admin = func(ctx context.Context, cfg config.Config, act func(context.Context, *ledger.DB, *directory.Store) error) error {
				return withRecords(ctx, cfg, p.logger(cfg), func(r *records) error { return act(ctx, r.ledger, r.directory) })
			}
			d.Ready = func(page, gateway string) {
				say(p.Out, page)
				fmt.Fprintln(p.Err, "The gateway itself: "+gateway) // standard output is the one line
			}
			switch d.Lang {
			case "", "en", "ru", "de", "es":
			default:
				return fmt.Errorf("%w: --lang %s: give en, ru, de or es", errUsage, d.Lang)
			}
			fmt.Fprintln(p.Err, "Starting a private database, the gateway, a messenger and an ERP. Where PostgreSQL is missing it is fetched first.")
			return d.Run(cmd.Context())
		},
	}
	c.Flags().StringVar(&d.Listen, "listen", "127.0.0.1:8085", "where the page is shown; port 0 takes any that is free")
	c.Flags().StringVar(&d.DataDir, "data-dir", "", "a new or empty folder in which everything is kept; none: a temporary one that is removed at the end")
	c.Flags().StringVar(&d.Lang, "lang", "", "language of the people: en, ru, de or es; empty: English, and one of them Russian")
	return c
}
