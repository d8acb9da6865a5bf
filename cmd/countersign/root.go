package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"countersign/internal/config"
	"countersign/internal/discreet"
	"countersign/internal/secret"
	"countersign/internal/server"
)

// process is what a run of the program gets from outside.
type process struct {
	Args []string
	Env  []string
	Out  io.Writer
	Err  io.Writer
}

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1 // what was asked could not be done
	exitUsage  = 2 // what was asked, or the configuration, is wrong
)

// errUsage marks mistakes of the one who calls.
var errUsage = errors.New("usage")

// run is the whole program; it gives the exit code.
func run(ctx context.Context, p process) int {
	root := command(p)
	root.SetArgs(p.Args)
	root.SetOut(p.Out)
	root.SetErr(p.Err)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	fmt.Fprintln(p.Err, "countersign: "+err.Error())
	var settings config.Errors
	if errors.Is(err, errUsage) || errors.As(err, &settings) {
		return exitUsage
	}
	return exitFailed
}

func command(p process) *cobra.Command {
	root := &cobra.Command{
		Use:           "countersign",
		Short:         "Visa payments and other documents in Telegram",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return fmt.Errorf("%w: %w", errUsage, err) })
	root.PersistentFlags().String("config", "", "TOML file with the settings; each is also a variable COUNTERSIGN_SECTION_KEY")
	for _, sub := range []func(process) *cobra.Command{
		demoCommand, serveCommand, migrateCommand, doctorCommand, keysCommand, usersCommand, chatsCommand, routesCommand, updatesCommand, journalCommand, configCommand, healthCommand,
		versionCommand,
	} {
		root.AddCommand(sub(p))
	}
	mistakes(root)
	return root
}

// mistakes makes what is wrong with the arguments of a command, and a command that there
// is not, the mistake of the one who calls.
func mistakes(c *cobra.Command) {
	for _, sub := range c.Commands() {
		mistakes(sub)
	}
	if check := c.Args; check != nil {
		c.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return fmt.Errorf("%w: %s: %w; it is used as %q", errUsage, cmd.CommandPath(), err, cmd.UseLine())
			}
			return nil
		}
	}
	if c.Runnable() {
		return
	}
	c.Args, c.SuggestionsMinimumDistance = cobra.ArbitraryArgs, 2
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		hint := ""
		if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
			hint = fmt.Sprintf("; did you mean %q?", near[0])
		}
		return fmt.Errorf("%w: %s has no command %q%s", errUsage, cmd.CommandPath(), args[0], hint)
	}
}

// needed refuses a flag that was left out.
func needed(flag, value string) error {
	if strings.TrimSpace(value) == "" {
		return fmt.Errorf("%w: --%s must be given", errUsage, flag)
	}
	return nil
}

// settings reads the configuration for a command and says everything that is wrong.
func (p process) settings(cmd *cobra.Command, checks ...func(config.Config) error) (config.Config, error) {
	path, err := cmd.Flags().GetString("config")
	if err != nil {
		return config.Config{}, err
	}
	if path == "" {
		path = p.variable("COUNTERSIGN_CONFIG")
	}
	cfg, err := config.Load(path, without(p.Env, "COUNTERSIGN_CONFIG", "COUNTERSIGN_CRASH"), os.ReadFile, checks...)
	if err != nil {
		return cfg, err
	}
	cfg.DataDir, err = filepath.Abs(cfg.DataDir)
	return cfg, err
}

func (p process) variable(name string) string {
	for _, v := range p.Env {
		if value, ok := strings.CutPrefix(v, name+"="); ok {
			return value
		}
	}
	return ""
}

func without(env []string, names ...string) []string {
	var out []string
	for _, v := range env {
		name, _, _ := strings.Cut(v, "=")
		keep := true
		for _, n := range names {
			keep = keep && n != name
		}
		if keep {
			out = append(out, v)
		}
	}
	return out
}

// logger writes to standard error; secrets that slip into a text are masked, and errors say
// nothing of people.
func (p process) logger(cfg config.Config) *slog.Logger {
	options := &slog.HandlerOptions{Level: cfg.Log.Level}
	var h slog.Handler = slog.NewJSONHandler(p.Err, options)
	if cfg.Log.Format == config.Text {
		h = slog.NewTextHandler(p.Err, options)
	}
	return slog.New(discreet.Handler(secret.Handler(server.LogHandler(h), cfg.Secrets()...)))
}
