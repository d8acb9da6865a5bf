package ledgertest

import (
	"context"
	"net"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"countersign/internal/crash/crashtest"
)

// mortals is whose name the connections of those who may die have in the database.
const mortals = "countersign_mortal"

// Mortal gives another replica of a ledger, with connections that last as long as a life.
func (b *Bench) Mortal(tb testing.TB, life *crashtest.Life) *Bench {
	tb.Helper()
	out := On(tb, b.OwnerURL, b.AppURL)
	config, err := pgxpool.ParseConfig(b.AppURL)
	if err != nil {
		tb.Fatal(err)
	}
	network, address := pgconn.NetworkAddress(config.ConnConfig.Host, config.ConnConfig.Port)
	wire := life.Weighed(tb, network, address, weigh)
	config.ConnConfig.DialFunc = func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", wire)
	}
	config.ConnConfig.RuntimeParams["application_name"] = mortals
	config.MaxConns = 4
	pool, err := pgxpool.NewWithConfig(tb.Context(), config)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(pool.Close)
	if err := pool.Ping(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	out.Pool, out.Directory.Pool, out.Files.Pool = pool, pool, pool
	return out
}

// weigh counts what may change something. To prepare a statement, with the message Parse,
// does not.
func weigh(message []byte) int {
	if message[0] == 'P' {
		return 0
	}
	return 1
}

// Buried waits until the database is through with what those who died had asked of it.
func (b *Bench) Buried(tb testing.TB) {
	tb.Helper()
	for n := 1; n > 0; {
		err := b.Pool.QueryRow(tb.Context(), `select count(*) from pg_stat_activity where application_name = $1 and datname = current_database()`, mortals).Scan(&n)
		if err != nil {
			tb.Fatal(err)
		}
	}
}
