package chat_test

import (
	"bytes"
	"context"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"countersign/internal/inbox"
	"countersign/internal/ledger"
	"countersign/internal/ledger/ledgertest"
)

// lossy is a way to the database on which the answers to some commits of votes are lost.
type lossy struct {
	net.Conn

	lose  *atomic.Int32 // so many more
	votes atomic.Bool
}

func (c *lossy) Write(b []byte) (int, error) {
	if bytes.Contains(b, []byte("insert into vote")) {
		c.votes.Store(true)
	}
	return c.Conn.Write(b)
}

func (c *lossy) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.votes.Load() && bytes.Contains(b[:n], []byte("COMMIT\x00")) && c.lose.Add(-1) >= 0 { // it is done
		_ = c.Close()
		return 0, net.ErrClosed
	}
	return n, err
}

// lossyLedger is the ledger as a replica sees it that does not hear of its next commits.
func (o *office) lossyLedger(t *testing.T, times int32) *ledger.DB {
	t.Helper()
	config, err := pgxpool.ParseConfig(o.AppURL)
	must(t, err)
	lose := &atomic.Int32{}
	lose.Store(times)
	dial := config.ConnConfig.DialFunc
	config.ConnConfig.DialFunc = pgconn.DialFunc(func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		return &lossy{Conn: c, lose: lose}, err
	})
	config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe // so that it can be told what is sent
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	must(t, err)
	t.Cleanup(pool.Close)
	t.Cleanup(func() {
		if lose.Load() > 0 {
			t.Error("no commit was lost")
		}
	})
	return &ledger.DB{Pool: pool, Directory: o.Directory, Files: o.Files, Now: time.Now, Bell: o.Bell}
}

func TestVoteWhoseCommitWasNotHeardOfIsToldAsSaved(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	q := o.questioned(t, "13")
	door := *o.door
	door.Ledger = o.lossyLedger(t, 1)
	it := &inbox.Item{ID: 990001, Body: []byte(button(o, 990001, q.ID, q.Keyboard[0][0].Data)), Attempt: 1}
	outcome, err := door.Handle(t.Context(), it)
	must(t, err)
	if outcome != "voted before: reject" {
		t.Errorf("outcome %q", outcome)
	}
	o.reads(t, q, "“Duplicate”", "have been recorded")
	for _, m := range o.tg.Messages(ledgertest.Budget) {
		if strings.Contains(m.Text, "othing was recorded") {
			t.Errorf("told %q", m.Text)
		}
	}
	if got := o.count(t, `select count(*) from vote`); got != 1 {
		t.Errorf("%d votes", got)
	}
}
