package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"countersign/internal/config"
	"countersign/internal/google"
	"countersign/internal/roster"
)

// workspaceSource is the company's directory at Google, and what is to be taken of it; nil
// when that is off.
func workspaceSource(cfg config.Config) (roster.Config, *google.Workspace, error) {
	w := cfg.Workspace
	if w.Subject == "" {
		return roster.Config{}, nil, nil
	}
	groups := map[string][]string{}
	for address, g := range w.Groups {
		groups[address] = g.Roles
	}
	rc := roster.Config{Groups: groups, Naming: roster.Naming(w.Naming), Domains: w.Domains, OnlyKnown: w.OnlyKnown == config.SwitchOn, Limit: w.Limit}
	source := &google.Workspace{
		Customer: w.Customer, Subject: w.Subject, Credentials: w.Credentials, ServiceAccount: w.ServiceAccount, Groups: rc.Addresses(),
	}
	if err := errors.Join(rc.Check(), source.Check()); err != nil {
		return rc, nil, fmt.Errorf("%w: workspace: %w", errUsage, err)
	}
	return rc, source, nil
}

// workspaceSync reads people and roles from Google Workspace; nil when that is off.
func workspaceSync(cfg config.Config, r *records, alarm func(context.Context, roster.Alarm)) (*roster.Sync, error) {
	rc, source, err := workspaceSource(cfg)
	if source == nil {
		return nil, err
	}
	return &roster.Sync{
		Config: rc, Roll: source.Read, Directory: r.directory, Issuer: google.Issuer,
		Brought: func(ctx context.Context) ([]string, error) { return r.directory.TouchedBy(ctx, roster.Actor) },
		Routes:  r.ledger.LiveRoutes, Changed: r.ledger.PeopleChanged, Alarm: alarm,
	}, nil
}

// syncPeople carries a sync out. Who is held back as the last approver stays, but is signed
// out of the console each time: the company took his rights.
func syncPeople(ctx context.Context, s *roster.Sync) (roster.Plan, error) {
	plan, err := s.Apply(ctx)
	for _, h := range plan.Held {
		err = errors.Join(err, s.Directory.Hold(ctx, roster.Actor, h.ExternalID, h.Reason))
	}
	return plan, err
}

// syncWorkspace is the periodic run; the queue has one job of it at a time.
func (d *duties) syncWorkspace(ctx context.Context) error {
	if d.roster == nil { // turned off since the job was made
		return nil
	}
	plan, err := syncPeople(ctx, d.roster)
	if err == nil && !plan.Nothing() {
		d.log.InfoContext(ctx, "people taken over from Google Workspace", slog.Int("lines", len(plan.Lines())))
	}
	return err
}

func usersSync(p process) *cobra.Command {
	var dryRun bool
	var limit int
	c := &cobra.Command{
		Use: "sync", Short: "Take people and roles over from Google Workspace", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := p.settings(cmd)
			if err != nil {
				return err
			}
			if limit > 0 {
				cfg.Workspace.Limit = limit
			}
			return withRecords(cmd.Context(), cfg, p.logger(cfg), func(r *records) error {
				s, err := p.roster(cfg, r)
				if err != nil {
					return err
				}
				run := syncPeople
				if dryRun {
					run = func(ctx context.Context, s *roster.Sync) (roster.Plan, error) { return s.Plan(ctx) }
				}
				plan, err := run(cmd.Context(), s)
				for _, line := range plan.Lines() {
					fmt.Fprintln(p.Out, line)
				}
				if err == nil && plan.Nothing() {
					fmt.Fprintln(p.Out, "nothing to change")
				}
				return err
			})
		},
	}
	c.Flags().BoolVar(&dryRun, "dry-run", false, "say what would change, and change nothing")
	c.Flags().IntVar(&limit, "limit", 0, "percent of the people that this run may deactivate, or take a role from, instead of workspace.limit")
	return c
}

func (p process) roster(cfg config.Config, r *records) (*roster.Sync, error) {
	s, err := workspaceSync(cfg, r, func(_ context.Context, a roster.Alarm) { fmt.Fprintln(p.Err, a.Text) })
	if err == nil && s == nil {
		err = fmt.Errorf("%w: workspace.subject is not set: there is nothing to take people over from", errUsage)
	}
	return s, err
}
