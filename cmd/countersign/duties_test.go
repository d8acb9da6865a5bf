package main

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"countersign/internal/assure"
	"countersign/internal/audiodesk"
	"countersign/internal/chat"
	"countersign/internal/console"
	"countersign/internal/erp"
	"countersign/internal/handout"
	"countersign/internal/hook"
	"countersign/internal/inbox"
	"countersign/internal/journal"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/link"
	"countersign/internal/meet"
	"countersign/internal/notice"
	"countersign/internal/pace"
	"countersign/internal/videodesk"
	"countersign/internal/videowatch"
)

// Whatever part of the forgetting fails, the others are done.
func TestEachPartOfTheForgettingIsDoneWhateverTheOthersDo(t *testing.T) {
	t.Parallel()
	b := ledgertest.New(t)
	d := &duties{
		inbox: &inbox.Inbox{Pool: b.Pool}, dialogs: &chat.Dialogs{Pool: b.Pool}, pace: &pace.Pace{Pool: b.Pool}, erp: &erp.Door{Ledger: b.DB},
		hook: &hook.Hook{Pool: b.Pool, Ledger: b.DB, Now: time.Now, Log: slog.New(slog.DiscardHandler)}, links: &link.Store{Pool: b.Pool}, console: &console.Store{Pool: b.Pool},
		assure: &assure.Store{Pool: b.Pool}, notices: &notice.Store{Pool: b.Pool}, video: &videodesk.Store{Pool: b.Pool}, watch: &videowatch.Store{Pool: b.Pool},
		audio: &audiodesk.Desk{Store: &audiodesk.Store{Pool: b.Pool}, Directory: b.Directory.Snapshot}, directory: b.Directory, handout: &handout.Store{Pool: b.Pool},
		meet: &meet.Desk{Store: &meet.Store{Pool: b.Pool}}, journal: &journal.Store{Pool: b.Pool},
	}
	if err := d.purge(t.Context(), &river.Job[purgeArgs]{}); err != nil {
		t.Fatal(err)
	}
	owner, err := pgxpool.New(t.Context(), b.OwnerURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(owner.Close)
	for _, sql := range []string{
		`insert into audio_button (token, meaning, person_id, verb, room, who, page, expires_at)
			select 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', sha256('x'), id, 'rooms', '', '', 0, now() - interval '1 day' from person limit 1`,
		`alter table telegram_update rename to telegram_update_lost`, // the first part fails
	} {
		if _, err := owner.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.purge(context.WithoutCancel(t.Context()), &river.Job[purgeArgs]{}); err == nil || !strings.Contains(err.Error(), "telegram_update") {
		t.Errorf("the part that fails is not told: %v", err)
	}
	var n int
	if err := b.Pool.QueryRow(t.Context(), `select count(*) from audio_button`).Scan(&n); err != nil || n != 0 {
		t.Errorf("%d old rows are kept by a fault elsewhere, %v", n, err)
	}
}
