package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/user"
	"runtime/debug"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"countersign/internal/directory"
	"countersign/internal/ledger"
	"countersign/internal/roster"
)

// actor is who gives commands, for the journal.
func actor() string {
	if u, err := user.Current(); err == nil {
		return "command:" + u.Username
	}
	return "command"
}

func migrateCommand(p process) *cobra.Command {
	return &cobra.Command{
		Use: "migrate", Short: "Bring the database schema to the version of this program", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			cfg, err := p.settings(cmd)
			if err != nil {
				return err
			}
			db, err := openDatabase(cmd.Context(), cfg, p.logger(cfg))
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, db.close()) }()
			n, err := ledger.Migrate(cmd.Context(), db.ownerURL, p.logger(cfg))
			if err == nil {
				fmt.Fprintf(p.Out, "%d migrations applied\n", n)
			}
			return err
		},
	}
}

func keysCommand(p process) *cobra.Command {
	keys := &cobra.Command{Use: "keys", Short: "API keys of ERPs"}
	var n struct {
		source, name, scopes string
		days                 int
		json                 bool
	}
	create := &cobra.Command{
		Use: "create", Short: "Make a key; its secret is shown once", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := needed("source", n.source); err != nil {
				return err
			}
			return p.onRecords(cmd, func(r *records) error {
				scopes, err := directory.ParseScopes(n.scopes)
				if err != nil {
					return fmt.Errorf("%w: %w", errUsage, err)
				}
				key, text, err := r.directory.CreateKey(cmd.Context(), actor(), directory.NewKey{
					Source: n.source, Name: n.name, Scopes: scopes, ExpiresAt: time.Now().AddDate(0, 0, n.days),
				})
				if err != nil {
					return err
				}
				if n.json {
					return json.NewEncoder(p.Out).Encode(map[string]string{"id": key.ID, "secret": text.Reveal()})
				}
				fmt.Fprintf(p.Out, "id      %s\nsecret  %s\nsource  %s\nexpires %s\n\nThe secret is not shown again. Use it as \"Authorization: Bearer SECRET\", or id and secret as Basic.\n",
					key.ID, text.Reveal(), key.Source, key.ExpiresAt.Format(time.DateOnly))
				return nil
			})
		},
	}
	create.Flags().StringVar(&n.source, "source", "", "the ERP whose documents the key is for, such as erp1c")
	create.Flags().StringVar(&n.name, "name", "default", "what the key is called in lists")
	create.Flags().StringVar(&n.scopes, "scopes", "all", "what it may do, separated by commas: "+strings.Join(directory.ScopeNames(), ", ")+"; or all")
	create.Flags().IntVar(&n.days, "days", 365, "how long it is valid, at most 365")
	create.Flags().BoolVar(&n.json, "json", false, `print {"id":…,"secret":…}`)
	keys.AddCommand(create, keysList(p), keysRevoke(p), keysRotate(p))
	return keys
}

func keysList(p process) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List keys, without secrets", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.onRecords(cmd, func(r *records) error {
				all, err := r.directory.ListKeys(cmd.Context())
				if err != nil {
					return err
				}
				return table(p.Out, "ID\tSOURCE\tNAME\tSCOPES\tEXPIRES\tSTATE", func(w io.Writer) {
					for _, k := range all {
						state := "valid"
						switch {
						case !k.RevokedAt.IsZero():
							state = "revoked"
						case k.ExpiresAt.Before(time.Now()):
							state = "expired"
						}
						fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", k.ID, k.Source, k.Name, directory.FormatScopes(k.Scopes), k.ExpiresAt.Format(time.DateOnly), state)
					}
				})
			})
		},
	}
}

func keysRevoke(p process) *cobra.Command {
	return &cobra.Command{
		Use: "revoke ID", Short: "End a key at once", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.onRecords(cmd, func(r *records) error { return r.directory.RevokeKey(cmd.Context(), actor(), args[0]) })
		},
	}
}

func usersCommand(p process) *cobra.Command {
	users := &cobra.Command{Use: "users", Short: "People, their roles and their links"}
	var dryRun bool
	var limit int
	load := &cobra.Command{
		Use: "import FILE.csv", Args: cobra.ExactArgs(1),
		Short: "Add or change people from a CSV file: external_id,email,name,roles,telegram_id,locale",
		RunE: func(cmd *cobra.Command, args []string) error {
			f, err := os.Open(args[0])
			if err != nil {
				return fmt.Errorf("%w: %w", errUsage, err)
			}
			defer func() { _ = f.Close() }()
			list, err := directory.ReadUsersCSV(f)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			cfg, err := p.settings(cmd)
			if err != nil {
				return err
			}
			how := importing{mode: directory.Apply, limit: cmp.Or(limit, cfg.Workspace.Limit)}
			if dryRun {
				how.mode = directory.DryRun
			}
			return withRecords(cmd.Context(), cfg, p.logger(cfg), func(r *records) error { return importUsers(cmd, p, r, list, how) })
		},
	}
	load.Flags().BoolVar(&dryRun, "dry-run", false, "say what would change, and change nothing")
	load.Flags().IntVar(&limit, "limit", 0, "percent of those who hold a role that this run may take it from, instead of workspace.limit")
	users.AddCommand(load, usersList(p), usersDeactivate(p), usersSync(p))
	users.AddCommand(linkCommands(p)...)
	return users
}

// importing is how a file is taken over.
type importing struct {
	mode  directory.Mode
	limit int
}

// importUsers takes a file over by the rule that holds for the company's directory, too.
func importUsers(cmd *cobra.Command, p process, r *records, list []directory.User, how importing) error {
	routes, err := r.ledger.LiveRoutes(cmd.Context())
	if err != nil {
		return err
	}
	rule := roster.Rule{Limit: how.limit, Routes: routes}
	diff, lost, err := rule.Import(cmd.Context(), r.directory, actor(), list, how.mode)
	if err == nil || how.mode == directory.DryRun && len(lost)+len(diff.Added)+len(diff.Changed) > 0 {
		describe(p.Out, diff)
		for _, l := range lost {
			fmt.Fprintf(p.Out, "- %s\n", l)
		}
	}
	if err != nil || how.mode == directory.DryRun {
		return err
	}
	var changed []string
	for _, c := range slices.Concat(diff.Added, diff.Changed) {
		changed = append(changed, c.ExternalID)
	}
	on, err := r.ledger.PeopleChanged(cmd.Context(), changed...)
	if err == nil && on > 0 {
		fmt.Fprintf(p.Out, "%d blocked cases went on\n", on)
	}
	return err
}

// describe says what an import did, or would do.
func describe(out io.Writer, diff directory.Diff) {
	for _, group := range []struct {
		sign    string
		changes []directory.Change
	}{{"+", diff.Added}, {"~", diff.Changed}} {
		for _, c := range group.changes {
			fmt.Fprintf(out, "%s %s", group.sign, c.ExternalID)
			for _, f := range c.Fields {
				fmt.Fprintf(out, "  %s: %q -> %q", f.Field, f.Old, f.New)
			}
			if c.Inactive {
				fmt.Fprint(out, "  (has left: the data are kept, no link is made)")
			}
			if c.Frozen {
				fmt.Fprint(out, "  (frozen: the data are kept, no link is made)")
			}
			fmt.Fprintln(out)
		}
	}
	fmt.Fprintf(out, "%d added, %d changed, %d unchanged\n", len(diff.Added), len(diff.Changed), len(diff.Unchanged))
}

// onRecords runs a command's act with the configuration that it was given.
func (p process) onRecords(cmd *cobra.Command, act func(*records) error) error {
	cfg, err := p.settings(cmd)
	if err != nil {
		return err
	}
	return withRecords(cmd.Context(), cfg, p.logger(cfg), act)
}

func table(out io.Writer, head string, rows func(io.Writer)) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, head)
	rows(w)
	return w.Flush()
}

func healthCommand(p process) *cobra.Command {
	var url string
	c := &cobra.Command{
		Use: "healthcheck", Short: "Ask a running gateway whether it is ready; for containers", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if url == "" {
				cfg, err := p.settings(cmd)
				if err != nil {
					return err
				}
				url = "http://" + local(cfg.Server.Listen)
			}
			req, err := http.NewRequestWithContext(cmd.Context(), http.MethodGet, strings.TrimSuffix(url, "/")+"/readyz", nil)
			if err != nil {
				return fmt.Errorf("%w: %w", errUsage, err)
			}
			client := &http.Client{Timeout: 5 * time.Second}
			resp, err := client.Do(req)
			if err != nil {
				return fmt.Errorf("not reachable: %w", err)
			}
			defer func() { _ = resp.Body.Close() }()
			if resp.StatusCode != http.StatusOK {
				return fmt.Errorf("not ready: %s", resp.Status)
			}
			fmt.Fprintln(p.Out, "ready")
			return nil
		},
	}
	c.Flags().StringVar(&url, "url", "", "where it runs; from the configuration when empty")
	return c
}

// local is the address under which a listener is reached from the same machine.
func local(listen string) string {
	host, port, ok := strings.Cut(listen, ":")
	if i := strings.LastIndex(listen, ":"); i >= 0 {
		host, port, ok = listen[:i], listen[i+1:], true
	}
	if ok && (host == "" || host == "0.0.0.0" || host == "[::]") {
		host = "127.0.0.1"
	}
	return host + ":" + port
}

func versionCommand(p process) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			fmt.Fprintln(p.Out, "countersign "+version())
			return nil
		},
	}
}

func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	revision := ""
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			revision = s.Value[:12] + " "
		}
	}
	return info.Main.Version + " " + revision + info.GoVersion
}
