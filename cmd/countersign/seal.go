package main

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"countersign/internal/config"
	"countersign/internal/hook"
	"countersign/internal/inbox"
	"countersign/internal/seal"
)

// sealBatch is how many secrets are sealed anew in one commit.
const sealBatch = 100

// openSeal opens the key of the secrets, and makes one where nothing was sealed yet. On an
// operator's database other replicas may run, and they need the same file: without one that
// he names, secrets stay in the clear there, and the seal is nil.
func openSeal(ctx context.Context, pool *pgxpool.Pool, cfg config.Config) (*seal.Seal, error) {
	file := cfg.Seal.KeyFile
	if file == "" && cfg.Database.URL == "" {
		file = filepath.Join(cfg.DataDir, "seal.key")
	}
	if file == "" {
		return nil, nil //nolint:nilnil // a nil seal keeps secrets as they are
	}
	s, err := seal.Start(ctx, pool, seal.Options{File: file, Create: true})
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return s, nil
}

// reseal seals what is in the clear or under an older key.
func reseal(ctx context.Context, h *hook.Hook, x *inbox.Inbox) (total int, err error) {
	for _, some := range []func(context.Context, int) (int, error){h.Reseal, x.Reseal} {
		for {
			n, err := some(ctx, sealBatch)
			total += n
			if err != nil {
				return total, err
			}
			if n < sealBatch {
				break
			}
		}
	}
	return total, nil
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
				if err != nil || !retire {
					return err
				}
				gone, err := s.Retire(cmd.Context(), r.pool)
				fmt.Fprintf(p.Out, "%d old keys removed\n", len(gone))
				return err
			})
		},
	}
	c.Flags().BoolVar(&retire, "retire", false, "remove the old keys when nothing needs them any more; backups of before then need the old file")
	return c
}

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
	if err != nil {
		return nil, err
	}
	n, err := reseal(ctx, &hook.Hook{Pool: r.pool, Ledger: r.ledger, Seal: s, Now: time.Now, Log: log}, &inbox.Inbox{Pool: r.pool, Seal: s, Now: time.Now, Log: log})
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(p.Out, "key %d, %d secrets sealed with it\n", key, n+m)
	return s, nil
}
