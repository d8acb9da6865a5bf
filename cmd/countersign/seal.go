package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"countersign/internal/audiodesk"
	"countersign/internal/config"
	"countersign/internal/hook"
	"countersign/internal/inbox"
	"countersign/internal/seal"
)

// sealBatch is how many secrets are sealed anew in one commit.
const sealBatch = 100

// sealFile is the file of the key; empty: nothing is sealed.
func sealFile(cfg config.Config) string {
	if cfg.Seal.KeyFile == "" && cfg.Database.URL == "" {
		return filepath.Join(cfg.DataDir, "seal.key")
	}
	return cfg.Seal.KeyFile
}

// openSeal opens the key of the secrets, and makes one where nothing was sealed yet. On an
// operator's database other replicas may run, and they need the same file: without one that
// he names, secrets stay in the clear there, and the seal is nil.
func openSeal(ctx context.Context, pool *pgxpool.Pool, cfg config.Config) (*seal.Seal, error) {
	file := sealFile(cfg)
	if file == "" {
		return nil, nil //nolint:nilnil // a nil seal keeps secrets as they are
	}
	s, err := seal.Start(ctx, pool, seal.Options{File: file, Create: true})
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return s, nil
}

// reseal seals what is in the clear or under an older key. One that cannot be opened keeps
// no other from it; the error names each, and says what becomes of it.
func reseal(ctx context.Context, h *hook.Hook, x *inbox.Inbox) (int, error) {
	n, err := h.Reseal(ctx, sealBatch)
	m, errs := x.Reseal(ctx, sealBatch)
	audio := &audiodesk.Desk{Store: &audiodesk.Store{Pool: x.Pool}, Seal: x.Seal} // also where no exchange is set any more
	o, odd := audio.Reseal(ctx, sealBatch)
	return n + m + o, errors.Join(
		advised(err, "with the file of the key it opens again; if that is lost, give each endpoint named a new secret: POST /v1/webhooks/{id}/rotate, or PATCH its authorization"),
		advised(errs, "with the file of the key it opens again; if that is lost, delete the row of the bot from telegram_secret and start the gateway anew, which makes another"),
		advised(odd, "with the file of the key it opens again; if that is lost, delete the rows named from audio_number and audio_key, whose owners give their numbers anew, and close the rooms named by /rooms"),
	)
}

func advised(err error, advice string) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w\n(%s)", err, advice)
}

// resealAll does so when the gateway starts; what could not be sealed stays readable.
func (g *gateway) resealAll(ctx context.Context) {
	if g.seal == nil {
		g.log.WarnContext(ctx, "secrets of webhooks are in the clear in the database: name a file that all replicas share in seal.key_file")
		return
	}
	n, err := reseal(ctx, g.hook, g.inbox)
	switch {
	case err != nil:
		g.log.ErrorContext(ctx, "secrets not sealed", slog.Any("error", err))
	case n > 0:
		g.log.InfoContext(ctx, "secrets sealed", slog.Int("count", n))
	}
}

func keysRotate(p process) *cobra.Command {
	var retire bool
	c := &cobra.Command{
		Use: "rotate", Short: "Make a new key for the secrets in the database and seal them all with it", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := p.settings(cmd)
			if err != nil {
				return err
			}
			return withRecords(cmd.Context(), cfg, p.logger(cfg), func(r *records) error {
				s, err := p.rotate(cmd.Context(), r, cfg)
				if s == nil || !retire {
					return err
				}
				gone, left := s.Retire(cmd.Context(), r.pool) // not one under which something is sealed still
				fmt.Fprintf(p.Out, "%d old keys removed\n", len(gone))
				return errors.Join(err, left)
			})
		},
	}
	c.Flags().BoolVar(&retire, "retire", false, "remove the old keys when nothing needs them any more; backups of before then need the old file")
	return c
}

// rotate makes a key and seals with it what can be opened. The seal is given also beside an
// error about what can not.
func (p process) rotate(ctx context.Context, r *records, cfg config.Config) (*seal.Seal, error) {
	s, err := openSeal(ctx, r.pool, cfg)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return nil, fmt.Errorf("%w: seal.key_file is not set: nothing is sealed in a database of yours without it", errUsage)
	}
	key, err := s.Rotate(ctx, r.pool)
	if err != nil {
		return nil, err
	}
	log := p.logger(cfg)
	m, err := assureDesk(r.pool, s).Reseal(ctx, key, sealBatch)
	err = advised(err, "with the file of the key it opens again; if that is lost, run \"countersign users reset EXTERNAL_ID\" for each person named, who then sets PIN or codes up anew")
	n, errs := reseal(ctx, &hook.Hook{Pool: r.pool, Ledger: r.ledger, Seal: s, Now: time.Now, Log: log}, &inbox.Inbox{Pool: r.pool, Seal: s, Now: time.Now, Log: log})
	fmt.Fprintf(p.Out, "key %d, %d secrets sealed with it\n", key, n+m)
	if err := errors.Join(err, errs); err != nil {
		return s, fmt.Errorf("some secrets stay under the old key, which is kept for them:\n%w", err)
	}
	return s, nil
}
