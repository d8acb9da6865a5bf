package notice

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"countersign/internal/ident"
	"countersign/internal/wake"
)

// Store keeps notices. Times are the database's.
type Store struct {
	Pool *pgxpool.Pool
	Bell *wake.Bell // rung by whoever committed a notice, so that it is told at once
}

// Execer is a pool or somebody's transaction.
type Execer interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

// Add stores a notice to be told once the transaction is committed, and gives its id.
func (s *Store) Add(ctx context.Context, tx Execer, n New) (string, error) {
	id, row, err := n.row()
	if err != nil {
		return "", err
	}
	if _, err := tx.Exec(ctx, insertNotice, row...); err != nil {
		return "", fmt.Errorf("notice: %w", err)
	}
	return id, nil
}

// Lend gives what adds notices to a batch of somebody else's transaction.
func (*Store) Lend(all ...New) (func(b *pgx.Batch), error) {
	var rows [][]any
	for _, n := range all {
		_, row, err := n.row()
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return func(b *pgx.Batch) {
		for _, row := range rows {
			b.Queue(insertNotice, row...)
		}
	}, nil
}

const insertNotice = `insert into notice (id, source, class, body, audience, created_at, expires_at)
	values ($1, nullif($2, ''), $3, $4, $5, statement_timestamp(), statement_timestamp() + $6::interval)`

// row is a notice with a new id, as it is stored.
func (n New) row() (id string, row []any, err error) {
	n.Body = n.Body.clean()
	if fault := n.Fault(); fault != "" {
		return "", nil, fmt.Errorf("notice: %s: %w", fault, ErrInvalid)
	}
	if id, err = ident.New("ntc"); err != nil {
		return "", nil, err
	}
	return id, []any{id, n.Source, n.Class, n.Body, n.To, n.life()}, nil
}

// recipient is one chat that a notice goes to, or should.
type recipient struct {
	name     string // person:…, chat:… or account:…
	chat     int64  // 0: there is none
	thread   int64
	language string
	why      Why
	fault    string // the same, for those who look after the gateway
}

// spread settles who gets the next notice of which that is open: whoever resolve names.
// It reports whether there was one.
func (s *Store) spread(ctx context.Context, resolve func(To) ([]recipient, error)) (bool, error) {
	found := false
	err := pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		var id string
		var to To
		var b Body
		err := tx.QueryRow(ctx, `select id, audience, body from notice where spread_at is null order by created_at, id limit 1 for update skip locked`).Scan(&id, &to, &b)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		found = true
		all, err := resolve(to)
		if err != nil {
			return err
		}
		batch := &pgx.Batch{}
		queue(batch, id, all, len(b.Files))
		batch.Queue(`update notice set spread_at = greatest(created_at, now()) where id = $1`, id)
		return tx.SendBatch(ctx, batch).Close()
	})
	if err != nil {
		return false, fmt.Errorf("notices: %w", err)
	}
	return found, nil
}

// queue adds the messages of a notice; the files wait for the text.
func queue(b *pgx.Batch, id string, to []recipient, files int) {
	for _, r := range to {
		for part := range files + 1 {
			b.Queue(`insert into notice_message (notice_id, recipient, part, chat_id, thread_id, language, fault, reason, next_at, at)
				values ($1, $2, $3::smallint, $4, $5, $6, $7::text, $8, case when $3 = 0 and $7 = '' then now() end, now())`,
				id, r.name, part, r.chat, r.thread, r.language, r.fault, string(r.why))
		}
	}
}

// shows notes what a message shows now. If the notice changed meanwhile, it is looked at
// again; the files that hang under it may follow. One that somebody else took since is his.
func (s *Store) shows(ctx context.Context, bot, message int64, p piece) error {
	p.settled.Store(true)
	err := pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		var version int
		if err := tx.QueryRow(ctx, `select version from notice where id = $1 for share`, p.Notice).Scan(&version); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `update notice_message set bot_id = $4, message_id = $5, shown = $6::int, attempts = 0, crowded = false, at = now(),
			sent_at = coalesce(sent_at, now()), next_at = case when part = 0 and $7::int <> $6 then now() end where (notice_id, recipient, part, attempts) = ($1, $2, $3, $8)`,
			p.Notice, p.To, p.Part, bot, message, p.Version, version, p.Attempts)
		if err == nil && p.Part == 0 {
			_, err = tx.Exec(ctx, `update notice_message set next_at = now() where notice_id = $1 and recipient = $2 and part > 0
				and message_id is null and fault = '' and next_at is null`, p.Notice, p.To)
		}
		return err
	})
	if err != nil && !errors.Is(err, pgx.ErrNoRows) { // none: it was old, and is not kept any more
		return fmt.Errorf("notice %s: %w", p.Notice, err)
	}
	return nil
}

// lose notes that a message, and what hangs under it, will not arrive.
func (s *Store) lose(ctx context.Context, p piece, why Why, words string) error {
	text := []rune(strings.ToValidUTF8(strings.ReplaceAll(cmp.Or(words, string(why)), "\x00", ""), ""))
	p.settled.Store(true)
	_, err := s.Pool.Exec(ctx, `update notice_message set next_at = null, fault = $4, reason = $5, at = now()
		where notice_id = $1 and recipient = $2 and (part = $3::smallint or $3 = 0 and message_id is null)
			and exists (select from notice_message h where (h.notice_id, h.recipient, h.part, h.attempts) = ($1, $2, $3, $6))`,
		p.Notice, p.To, p.Part, string(text[:min(len(text), 500)]), string(why), p.Attempts)
	if err != nil {
		return fmt.Errorf("notice %s: %w", p.Notice, err)
	}
	return nil
}

// forget notes that a message is no longer there; a progress that goes on comes anew.
func (s *Store) forget(ctx context.Context, p piece) error {
	p.settled.Store(true)
	_, err := s.Pool.Exec(ctx, `update notice_message set bot_id = null, message_id = null, next_at = now()
		where (notice_id, recipient, part, attempts) = ($1, $2, $3, $4)`, p.Notice, p.To, p.Part, p.Attempts)
	if err != nil {
		return fmt.Errorf("notice %s: %w", p.Notice, err)
	}
	return nil
}

// move follows a group that became a supergroup. What was told there is not told again,
// but for what goes on.
func (s *Store) move(ctx context.Context, from, to int64) error {
	_, err := s.Pool.Exec(ctx, `update notice_message m set chat_id = $2, bot_id = null, message_id = null, next_at = case
			when m.message_id is null then m.next_at when m.part = 0 and n.body->>'state' = 'running' then now() end
		from notice n where n.id = m.notice_id and m.chat_id = $1`, from, to)
	if err != nil {
		return fmt.Errorf("notices of chat %d: %w", from, err)
	}
	return nil
}

// Purge removes notices that are older than what is kept, some at a time, and reports
// how many went.
func (s *Store) Purge(ctx context.Context, keep time.Duration) (int64, error) {
	tag, err := s.Pool.Exec(ctx, `delete from notice where id in (
		select id from notice where created_at < now() - $1::interval and expires_at < now() limit 1000)`, keep)
	if err != nil {
		return 0, fmt.Errorf("old notices: %w", err)
	}
	return tag.RowsAffected(), nil
}
