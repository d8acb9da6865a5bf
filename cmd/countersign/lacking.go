package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"countersign/internal/assure"
	"countersign/internal/config"
	"countersign/internal/route"
)

// warn says what is no mistake and yet in somebody's way.
func (p process) warn(lines []string) {
	for _, line := range lines {
		fmt.Fprintln(p.Err, "warning: "+line)
	}
}

// unprovable says why nobody could confirm what a route with step-ups asks for. The
// gateway's desk for that needs the same two settings.
func unprovable(cfg config.Config, r route.Route) []string {
	if len(r.StepUps) == 0 {
		return nil
	}
	var out []string
	if cfg.Server.PublicURL == "" {
		out = append(out, fmt.Sprintf("route %s asks for more than a tap, and server.public_url is not set: there is no page to confirm on, and such steps cannot be accepted", r.Key))
	}
	if sealFile(cfg) == "" {
		out = append(out, fmt.Sprintf("route %s asks for more than a tap, and seal.key_file is not set: no PIN or code can be kept, and such steps cannot be accepted", r.Key))
	}
	return out
}

// atHand reports whether there is a database without making one.
func atHand(cfg config.Config) bool {
	if cfg.Database.URL != "" {
		return true
	}
	_, err := os.Stat(filepath.Join(cfg.DataDir, "postgres", "data"))
	return err == nil
}

// lookAtPeople warns of what approvers lack. A route can be checked without a database, so
// one that is away is told of, and no more.
func (p process) lookAtPeople(cmd *cobra.Command, r route.Route) {
	if len(r.StepUps) == 0 {
		return
	}
	cfg, err := p.settings(cmd)
	if err != nil {
		p.warn([]string{"people were not looked at: " + err.Error()})
		return
	}
	p.warn(unprovable(cfg, r))
	if !atHand(cfg) {
		return
	}
	err = withRecords(cmd.Context(), cfg, p.logger(cfg), func(records *records) error {
		lines, err := lacking(cmd.Context(), cfg, records, r)
		p.warn(lines)
		return err
	})
	if err != nil {
		p.warn([]string{"people were not looked at: " + err.Error()})
	}
}

// lacking says of every step with a step-up who of its approvers could not confirm now.
func lacking(ctx context.Context, cfg config.Config, r *records, rt route.Route) ([]string, error) {
	dir, err := r.directory.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	has, err := (&assure.Store{Pool: r.pool}).Held(ctx)
	if err != nil {
		return nil, err
	}
	identities, err := r.directory.Identities(ctx)
	if err != nil {
		return nil, err
	}
	dated, err := datedIssuers(cfg)
	if err != nil {
		return nil, err
	}
	for id, list := range identities {
		for _, i := range list {
			if slices.Contains(dated, i.Issuer) {
				has[id] = append(has[id], assure.Login)
			}
		}
	}
	var out []string
	for _, d := range rt.Demands(dir) {
		for _, who := range d.Who {
			if lacks := assure.Lacking(assure.Method(d.Least), has[who.ID]); lacks != "" {
				out = append(out, fmt.Sprintf("%s asks for %s: %s (%s) %s", d.Where, d.Least, who.ExternalID, who.Name, lacks))
			}
		}
	}
	return out, nil
}

// datedIssuers are the login services that say when somebody signed in.
func datedIssuers(cfg config.Config) ([]string, error) {
	services, err := loginServices(cfg)
	if err != nil {
		return nil, err
	}
	undated := undatedServices(cfg)
	var out []string
	for _, s := range services {
		if !undated[s.Name] {
			out = append(out, s.Issuer)
		}
	}
	return out, nil
}

// warnOfStepUps says when the gateway starts that a live route asks for what nobody can give.
// It keeps nothing from starting.
func (g *gateway) warnOfStepUps(ctx context.Context) error {
	live, err := g.records.ledger.LiveRoutes(ctx)
	if err != nil {
		g.log.ErrorContext(ctx, "live routes were not looked at", slog.Any("error", err))
	}
	for _, r := range live {
		for _, line := range unprovable(g.cfg, r) {
			g.log.WarnContext(ctx, "a live route asks for what nobody can confirm", slog.String("why", line))
		}
	}
	return nil
}
