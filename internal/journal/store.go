package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"countersign/internal/crash"
	"countersign/internal/ident"
)

// Store keeps the entries.
type Store struct {
	Pool  *pgxpool.Pool
	Crash *crash.Points
}

const columns = `id, at, way, method, what, outcome, failed, code, said, chat, message, account, case_id, notice_id, update_id, request_id,
	bytes, took_us, attempts, times, digest, text, params`

// insertSQL: of an entry that is there already, since whoever wrote it was not told so,
// nothing changes.
const insertSQL = `insert into journal_entry (` + columns + `)
	select ` + columns + ` from jsonb_to_recordset($1::jsonb) as n (id text, at timestamptz, way text, method text, what text, outcome text, failed boolean,
		code int, said text, chat bigint, message bigint, account bigint, case_id text, notice_id text, update_id bigint, request_id text,
		bytes bigint, took_us bigint, attempts int, times bigint, digest text, text text, params text)
	order by id on conflict (id) do nothing`

// write stores a batch in one statement. One that spoils it must not take the others along:
// each goes alone then, and the one is dropped.
func (j *Journal) write(ctx context.Context, batch []Entry) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTime)
	defer cancel()
	for i := range batch {
		if batch[i].ID == "" {
			var err error
			if batch[i].ID, err = ident.New("jrn"); err != nil {
				return err
			}
		}
	}
	err := j.Store.insert(ctx, batch)
	if !spoiled(err) {
		return err
	}
	for _, e := range batch {
		err := j.Store.insert(ctx, []Entry{e})
		if spoiled(err) {
			j.drop(1)
			j.Log.ErrorContext(ctx, "an entry of the journal cannot be stored", slog.String("method", e.Method), slog.Any("error", err))
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) insert(ctx context.Context, batch []Entry) error {
	rows := make([]row, len(batch))
	for i, e := range batch {
		rows[i] = e.row()
	}
	text, err := json.Marshal(rows)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	s.Crash.Pass(crash.JournalGathered)
	if _, err = s.Pool.Exec(ctx, insertSQL, string(text)); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	s.Crash.Pass(crash.JournalWritten)
	return nil
}

// spoiled reports that it is an entry itself that cannot be stored.
func spoiled(err error) bool {
	refused, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (strings.HasPrefix(refused.Code, "22") || strings.HasPrefix(refused.Code, "23"))
}

// Keep is how long entries stay.
type Keep struct {
	Entries time.Duration
	Failed  time.Duration // those of what failed
}

// Purge removes what is older, little by little, so that it disturbs nobody and keeps what
// it did when it is cut short. Of two replicas at once one does it.
func (s *Store) Purge(ctx context.Context, k Keep) (int64, error) {
	var gone int64
	for _, part := range []struct {
		which string
		keep  time.Duration
	}{{"not failed", k.Entries}, {"failed", k.Failed}} {
		for more := true; more; {
			n, err := s.bite(ctx, part.which, part.keep)
			if gone += n; err != nil {
				return gone, fmt.Errorf("old entries of the journal: %w", err)
			}
			more = n == bite
		}
	}
	return gone, nil
}

const bite = 5000 // entries in one statement

func (s *Store) bite(ctx context.Context, which string, keep time.Duration) (n int64, err error) {
	err = pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		var mine bool
		err := tx.QueryRow(ctx, "select pg_try_advisory_xact_lock(hashtextextended('countersign.journal', 0))").Scan(&mine)
		if err != nil || !mine {
			return err
		}
		tag, err := tx.Exec(ctx, `delete from journal_entry where id in (select id from journal_entry
			where `+which+` and at < statement_timestamp() - $1::interval order by at, id limit $2)`, keep, bite)
		n = tag.RowsAffected()
		return err
	})
	return n, err
}
