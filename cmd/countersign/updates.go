package main

import (
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"countersign/internal/inbox"
	"countersign/internal/telegram"
)

func updatesCommand(p process) *cobra.Command {
	updates := &cobra.Command{Use: "updates", Short: "What came from Telegram and could not be handled"}
	updates.AddCommand(&cobra.Command{
		Use: "parked", Short: "List updates that were given up", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.onInbox(cmd, func(x *inbox.Inbox) error {
				all, err := x.Parked(cmd.Context())
				if err != nil {
					return err
				}
				return table(p.Out, "UPDATE\tRECEIVED\tATTEMPTS\tWHY", func(w io.Writer) {
					for _, u := range all {
						fmt.Fprintf(w, "%d\t%s\t%d\t%s\n", u.ID, u.Received.Format(time.RFC3339), u.Attempts, u.Outcome)
					}
				})
			})
		},
	}, &cobra.Command{
		Use: "retry UPDATE", Short: "Have an update that was given up handled again", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil {
				return fmt.Errorf("%w: %q is no number of an update", errUsage, args[0])
			}
			return p.onInbox(cmd, func(x *inbox.Inbox) error { return x.Retry(cmd.Context(), id) })
		},
	})
	return updates
}

// onInbox runs a command's act on what came for the bot of the configuration.
func (p process) onInbox(cmd *cobra.Command, act func(*inbox.Inbox) error) error {
	cfg, err := p.settings(cmd)
	if err != nil {
		return err
	}
	if cfg.Telegram.Token == "" {
		return fmt.Errorf("%w: telegram.token is not set: which bot's updates?", errUsage)
	}
	log := p.logger(cfg)
	bot, err := telegram.New(telegram.Options{Token: cfg.Telegram.Token, APIURL: cfg.Telegram.APIURL, Log: log, Now: time.Now})
	if err != nil {
		return err
	}
	defer bot.Close()
	return withRecords(cmd.Context(), cfg, log, func(r *records) error {
		return act(&inbox.Inbox{Pool: r.pool, Bot: bot.BotID(), Bell: r.bell, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	})
}
