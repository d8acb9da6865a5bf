// Package postgrestest owns PostgreSQL for tests: one cluster for a test
// binary, a database of its own for a test, copied from a template that is
// migrated once, and private clusters for tests that stop and kill the server.
//
// Nothing stays behind: a helper process removes the cluster's folder when the
// test binary ends in whatever way, and the next run sweeps what even that left.
// It leaves migrations to the callers, who hand them in as a function.
package postgrestest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"countersign/internal/postgres"
)

// URLVariable names a server to use instead of a private one. Its role must be a superuser.
const URLVariable = "COUNTERSIGN_TEST_DATABASE_URL"

// cluster is the server all tests of a binary share.
type cluster struct {
	start sync.Once
	err   error
	// Both are held for as long as the process lives: the collector of garbage would close their files.
	folder    *folder
	instance  *postgres.Instance
	admin     url.URL // of the database postgres
	secrets   postgres.Secrets
	fileCopy  string // how to copy a database without filling the log
	mu        sync.Mutex
	templates map[string]func() error // by name; each is made once
}

var shared cluster

// NewDatabase makes a database for one test, dropped when the test ends, and
// returns its addresses for the owner of the schema and for the service. The
// template function migrates; it runs once per key on each server, so the key
// must change with the migrations, and it must close what it opens.
func NewDatabase(tb testing.TB, template func(ctx context.Context, ownerDSN string) error, key string) (ownerDSN, appDSN string) {
	tb.Helper()
	ctx := tb.Context()
	shared.start.Do(func() { shared.err = shared.run(context.WithoutCancel(ctx)) })
	if shared.err != nil {
		tb.Fatal(shared.err)
	}
	from, err := shared.template(context.WithoutCancel(ctx), template, key)
	if err != nil {
		tb.Fatal(err)
	}
	name := "test_" + strings.ToLower(rand.Text()[:16])
	err = shared.exec(ctx, "CREATE DATABASE "+name+" TEMPLATE "+from+" OWNER "+postgres.OwnerRole+shared.fileCopy, postgres.GrantDatabase(name))
	if err != nil {
		tb.Fatalf("database for the test: %v", err)
	}
	tb.Cleanup(func() {
		if err := shared.exec(context.WithoutCancel(ctx), "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)"); err != nil {
			tb.Errorf("drop the test's database: %v", err)
		}
	})
	return shared.address(postgres.OwnerRole, name), shared.address(postgres.AppRole, name)
}

// Open starts a private cluster for one test, in a folder of its own unless
// the options name one, and closes it when the test ends. It is for tests that
// stop, kill and restart the server, and, without Options.Test, for benchmarks
// on a server that syncs.
func Open(tb testing.TB, o postgres.Options) *postgres.Instance {
	tb.Helper()
	if o.DataDir == "" {
		folder, err := newFolder(tb.Context())
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(folder.remove)
		o.DataDir = folder.name
	}
	i, err := postgres.Open(tb.Context(), o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := i.Close(); err != nil {
			tb.Errorf("close the private cluster: %v", err)
		}
	})
	return i
}

// run starts the binary's own cluster, or makes ready the one named in the environment.
func (c *cluster) run(ctx context.Context) error {
	c.templates = map[string]func() error{}
	address := os.Getenv(URLVariable)
	if address == "" {
		if err := c.own(ctx); err != nil {
			return fmt.Errorf("cluster for tests (or name a server in %s): %w", URLVariable, err)
		}
		address, c.secrets = c.instance.AdminDSN("postgres"), c.instance.Passwords()
	}
	admin, err := url.Parse(address)
	if err != nil || admin.Host == "" && admin.RawQuery == "" {
		return errors.New(URLVariable + " must be a URL like postgres://user:password@host/database") // its text holds a password
	}
	c.admin = *admin
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return fmt.Errorf("server for tests: %w", err)
	}
	err = c.furnish(ctx, conn)
	return errors.Join(err, conn.Close(ctx))
}

// own starts the cluster. Nobody closes it: the server ends with this process,
// and the folder's helper does the rest.
func (c *cluster) own(ctx context.Context) error {
	var err error
	if c.folder, err = newFolder(ctx); err != nil {
		return err
	}
	c.instance, err = postgres.Open(ctx, postgres.Options{DataDir: c.folder.name, Test: true})
	if err != nil {
		c.folder.remove()
	}
	return err
}

// furnish makes the roles on a foreign server and reads what the server can do.
func (c *cluster) furnish(ctx context.Context, conn *pgx.Conn) error {
	settings, err := postgres.Settings(ctx, conn)
	if err != nil {
		return err
	}
	if settings.ServerVersionNum >= 150000 {
		c.fileCopy = " STRATEGY file_copy"
	}
	if c.secrets != (postgres.Secrets{}) {
		return nil
	}
	if !settings.Superuser {
		return errors.New("the role in " + URLVariable + " is not a superuser")
	}
	// Every binary that uses this server must come to the same passwords.
	word := func(what string) string {
		sum := sha256.Sum256([]byte(what + c.admin.String()))
		return hex.EncodeToString(sum[:8])
	}
	c.secrets = postgres.Secrets{Owner: word("owner"), App: word("app"), Salt: word("salt")}
	return locked(ctx, conn, "countersign roles", func() error { return postgres.EnsureRoles(ctx, conn, c.secrets) })
}

// template returns the name of the migrated database for a key; the first to ask makes it.
func (c *cluster) template(ctx context.Context, migrate func(ctx context.Context, ownerDSN string) error, key string) (string, error) {
	sum := sha256.Sum256([]byte(key))
	name := "template_" + hex.EncodeToString(sum[:8])
	c.mu.Lock()
	once, ok := c.templates[name]
	if !ok {
		once = sync.OnceValue(func() error { return c.build(ctx, name, migrate) })
		c.templates[name] = once
	}
	c.mu.Unlock()
	if err := once(); err != nil {
		return "", fmt.Errorf("template database %q: %w", key, err)
	}
	return name, nil
}

// build migrates a database under another name, so that one that broke on the way is never taken for a template.
func (c *cluster) build(ctx context.Context, name string, migrate func(ctx context.Context, ownerDSN string) error) error {
	conn, err := pgx.Connect(ctx, c.admin.String())
	if err != nil {
		return err
	}
	err = locked(ctx, conn, name, func() error {
		var exists bool
		if err := conn.QueryRow(ctx, `SELECT count(*) = 1 FROM pg_database WHERE datname = $1`, name).Scan(&exists); err != nil || exists {
			return err
		}
		building := name + "_building"
		if _, err := conn.Exec(ctx, "DROP DATABASE IF EXISTS "+building+" WITH (FORCE)"); err != nil {
			return err
		}
		if err := postgres.EnsureDatabase(ctx, conn, building); err != nil {
			return err
		}
		if migrate != nil {
			if err := migrate(ctx, c.address(postgres.OwnerRole, building)); err != nil {
				return err
			}
		}
		for _, statement := range []string{
			"ALTER DATABASE " + building + " ALLOW_CONNECTIONS false", // one in use could not be copied
			"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '" + building + "'",
			"ALTER DATABASE " + building + " RENAME TO " + name,
		} {
			if _, err := conn.Exec(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	})
	return errors.Join(err, conn.Close(ctx))
}

// locked keeps other test binaries on the same server out of a step.
func locked(ctx context.Context, conn *pgx.Conn, what string, step func() error) error {
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock(hashtextextended($1, 0))", what); err != nil {
		return err
	}
	err := step()
	if _, unlocking := conn.Exec(ctx, "SELECT pg_advisory_unlock(hashtextextended($1, 0))", what); err == nil {
		err = unlocking
	}
	return err
}

func (c *cluster) exec(ctx context.Context, statements ...string) error {
	conn, err := pgx.Connect(ctx, c.admin.String())
	if err != nil {
		return err
	}
	for _, statement := range statements {
		if _, err = conn.Exec(ctx, statement); err != nil {
			break
		}
	}
	return errors.Join(err, conn.Close(ctx))
}

func (c *cluster) address(role, database string) string {
	password := c.secrets.App
	if role == postgres.OwnerRole {
		password = c.secrets.Owner
	}
	u := c.admin
	u.User = url.UserPassword(role, password)
	u.Path = "/" + database
	return u.String()
}
