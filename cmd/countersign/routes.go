package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"countersign/internal/assure"
	"countersign/internal/ledger"
	"countersign/internal/route"
)

func routesCommand(p process) *cobra.Command {
	routes := &cobra.Command{Use: "routes", Short: "Routes: who must agree to what"}
	check := &cobra.Command{
		Use: "check FILE.toml", Short: "Say everything that is wrong with a route", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, _, err := readRoute(args[0])
			if err == nil {
				err = p.canAsk(cmd, r)
			}
			if err != nil {
				return err
			}
			fmt.Fprintf(p.Out, "%s: route %s for %s, %d rules: correct\n", args[0], r.Key, r.Document, len(r.Rules))
			p.lookAtPeople(cmd, r)
			return nil
		},
	}
	publish := &cobra.Command{
		Use: "publish FILE.toml", Short: "Make a route the one that new cases take", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			published, text, err := readRoute(args[0])
			if err == nil {
				err = p.canAsk(cmd, published)
			}
			if err != nil {
				return err
			}
			cfg, err := p.settings(cmd)
			if err != nil {
				return err
			}
			return withRecords(cmd.Context(), cfg, p.logger(cfg), func(r *records) error {
				v, err := r.ledger.Publish(cmd.Context(), text, actor())
				if err != nil {
					return err
				}
				fmt.Fprintf(p.Out, "route %s version %d is live for %s\n", v.Key, v.Version, v.Type)
				p.warn(unprovable(cfg, published))
				return nil
			})
		},
	}
	routes.AddCommand(check, publish, routesList(p))
	return routes
}

// canAsk refuses a route that asks for passkeys where nobody can have one: payments would
// wait for ever.
func (p process) canAsk(cmd *cobra.Command, r route.Route) error {
	if !r.Asks(route.ByPasskey) {
		return nil
	}
	cfg, err := p.settings(cmd)
	switch sealed := cfg.Seal.KeyFile != "" || cfg.Database.URL == ""; {
	case err != nil:
		return err
	case !assure.PasskeysAt(cfg.Server.PublicURL):
		return fmt.Errorf("%w: route %s asks for a passkey: browsers use them only where server.public_url is https with a host name, or localhost; it is %q. Set it, or ask for totp",
			errUsage, r.Key, cfg.Server.PublicURL)
	case !sealed:
		return fmt.Errorf("%w: route %s asks for a passkey: they are kept under a key for secrets; name its file in seal.key_file, or ask for less", errUsage, r.Key)
	}
	return nil
}

func readRoute(path string) (route.Route, []byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return route.Route{}, nil, fmt.Errorf("%w: %w", errUsage, err)
	}
	r, err := route.Parse(text)
	if err != nil {
		return r, nil, fmt.Errorf("%s:\n%w", path, err)
	}
	return r, text, nil
}

func routesList(p process) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List every version of every route, who published it, and which are live", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.onRecords(cmd, func(r *records) error {
				all, err := r.ledger.Routes(cmd.Context())
				if err != nil {
					return err
				}
				return table(p.Out, "ROUTE\tVERSION\tDOCUMENTS\tPUBLISHED\tBY\tLIVE", func(w io.Writer) {
					for _, v := range all {
						fmt.Fprintln(w, routeLine(v))
					}
				})
			})
		},
	}
}

func routeLine(v ledger.Published) string {
	return fmt.Sprintf("%s\t%d\t%s\t%s\t%s\t%t", v.Key, v.Version, v.Type, v.At.UTC().Format(time.RFC3339), v.By, v.Live)
}
