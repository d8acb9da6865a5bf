package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"countersign/internal/config"
	"countersign/internal/directory"
	"countersign/internal/file"
	"countersign/internal/ledger"
	"countersign/internal/postgres"
	"countersign/internal/wake"
)

// database is where everything is kept: a server of the operator's, or a private one.
type database struct {
	appURL   string
	ownerURL string
	private  *postgres.Instance // nil: the operator's
}

// openDatabase finds the database, starting the private one when none is configured.
func openDatabase(ctx context.Context, cfg config.Config, log *slog.Logger) (*database, error) {
	if url := cfg.Database.URL.Reveal(); url != "" {
		return &database{appURL: url, ownerURL: cfg.Database.MigrationURL().Reveal()}, nil
	}
	i, err := postgres.Open(ctx, postgres.Options{
		DataDir: cfg.DataDir, Finder: &postgres.Finder{Setting: cfg.Database.Binaries}, Log: log,
		Settings: map[string]string{"max_connections": fmt.Sprint(max(100, 2*cfg.Database.MaxConnections+30))},
	})
	if err != nil {
		return nil, fmt.Errorf("private database in %s: %w", cfg.DataDir, err)
	}
	return &database{appURL: i.AppDSN(), ownerURL: i.OwnerDSN(), private: i}, nil
}

func (d *database) close() error {
	if d.private == nil {
		return nil
	}
	return d.private.Close()
}

// run keeps the private server up.
func (d *database) run(ctx context.Context) error {
	if d.private == nil {
		<-ctx.Done()
		return nil
	}
	return d.private.Run(ctx)
}

// pool opens connections as the service; each waits only so long for a lock.
func (d *database) pool(ctx context.Context, size int) (*pgxpool.Pool, error) {
	c, err := pgxpool.ParseConfig(d.appURL)
	if err != nil {
		return nil, errors.New("database.url cannot be read: give postgres://user:password@host:port/name")
	}
	c.MaxConns = int32(size) //nolint:gosec // checked by the configuration
	c.MaxConnIdleTime = 5 * time.Minute
	c.ConnConfig.RuntimeParams["application_name"] = "countersign"
	c.ConnConfig.RuntimeParams["lock_timeout"] = "5s"
	c.ConnConfig.RuntimeParams["idle_in_transaction_session_timeout"] = "10s"
	c.ConnConfig.ConnectTimeout = 5 * time.Second
	return pgxpool.NewWithConfig(ctx, c)
}

// records is the ledger with what it stands on, for commands and for the gateway.
type records struct {
	pool      *pgxpool.Pool
	ledger    *ledger.DB
	directory *directory.Store
	files     *file.Store
	bell      *wake.Bell
}

func newRecords(pool *pgxpool.Pool, cfg config.Config) *records {
	bell := &wake.Bell{}
	dir := &directory.Store{Pool: pool, Now: time.Now}
	files := &file.Store{Pool: pool, Now: time.Now, Max: cfg.Limits.UploadBytes}
	return &records{
		pool: pool, directory: dir, files: files, bell: bell,
		ledger: &ledger.DB{
			Pool: pool, Directory: dir, Files: files, Now: time.Now, Bell: bell,
			LoginLife: time.Duration(cfg.Link.ReloginDays) * 24 * time.Hour,
		},
	}
}

// errBehind says what to do before anything else.
var errBehind = errors.New("the schema of the database is behind this program: run \"countersign migrate\" first")

// withRecords runs a command's act. The private database is brought up to date for it; an
// operator's is changed by migrate and serve only.
func withRecords(ctx context.Context, cfg config.Config, log *slog.Logger, act func(*records) error) (err error) {
	db, err := openDatabase(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.close()) }()
	if db.private != nil {
		if _, err := ledger.Migrate(ctx, db.ownerURL, slog.New(slog.DiscardHandler)); err != nil {
			return err
		}
	}
	pool, err := db.pool(ctx, 4)
	if err != nil {
		return err
	}
	defer pool.Close()
	if err := postgres.CheckRole(ctx, pool); err != nil {
		return err
	}
	behind, err := ledger.Pending(ctx, pool, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	if behind {
		return errBehind
	}
	return act(newRecords(pool, cfg))
}
