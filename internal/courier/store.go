package courier

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"countersign/internal/ledger"
)

// Store keeps what the messenger accepted. What couriers compare with each other is
// timed by the clock of the database.
type Store struct {
	Pool *pgxpool.Pool
}

// Message is one message as it was accepted. Its id is the bot's own: another bot's
// message in the same chat may bear the same, and is not for this one to edit.
type Message struct {
	Bot    int64
	ChatID int64
	ID     int64  // 0: it is being sent, or could not be
	Digest string // empty: not known, to be edited
	Fault  string // why it could not be sent or edited
}

// spotOf is where a message of a case is, or should be.
type spotOf struct {
	id   string // of the case
	spot string
	bot  int64
	chat int64
}

// Shown lists the messages of a case that a bot sent, by their spots.
func (s *Store) Shown(ctx context.Context, bot int64, id string) (map[string][]Message, error) {
	rows, err := s.Pool.Query(ctx, `select spot, chat_id, message_id, digest, fault from card_message
		where case_id = $1 and bot_id = $2 order by message_id`, id, bot)
	if err != nil {
		return nil, fmt.Errorf("messages of %s: %w", id, err)
	}
	out := map[string][]Message{}
	var spot string
	m := Message{Bot: bot}
	_, err = pgx.ForEachRow(rows, []any{&spot, &m.ChatID, &m.ID, &m.Digest, &m.Fault}, func() error {
		out[spot] = append(out[spot], m)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("messages of %s: %w", id, err)
	}
	return out, nil
}

// Claim notes that a message is about to be sent, unless somebody else is sending it or
// has sent it. A claim that is not renewed ends with the lease of a case.
func (s *Store) Claim(ctx context.Context, at spotOf) (bool, error) {
	b := &pgx.Batch{}
	claimed, there := false, false
	b.Queue(`insert into card_message (case_id, spot, bot_id, chat_id, message_id, digest, at) values ($1, $2, $3, $4, 0, '', now())
		on conflict (case_id, spot, bot_id, chat_id, message_id) do update set fault = '', at = excluded.at
		where card_message.fault <> '' or card_message.at <= now() - $5::interval`,
		at.id, at.spot, at.bot, at.chat, leaseTime).Exec(func(tag pgconn.CommandTag) error {
		claimed = tag.RowsAffected() == 1
		return nil
	})
	b.Queue(`select exists (select from card_message where case_id = $1 and spot = $2 and bot_id = $3 and chat_id = $4 and message_id > 0)`,
		at.id, at.spot, at.bot, at.chat).QueryRow(func(row pgx.Row) error { return row.Scan(&there) })
	err := s.Pool.SendBatch(ctx, b).Close()
	if err == nil && claimed && there {
		claimed, err = false, s.Release(ctx, at)
	}
	if err != nil {
		return false, fmt.Errorf("claim of %s: %w", at.spot, err)
	}
	return claimed, nil
}

// Renew keeps claims.
func (s *Store) Renew(ctx context.Context, claims []spotOf) error {
	if len(claims) == 0 {
		return nil
	}
	b := &pgx.Batch{}
	for _, at := range claims {
		b.Queue(`update card_message set at = now() where case_id = $1 and spot = $2 and bot_id = $3 and chat_id = $4 and message_id = 0 and fault = ''`,
			at.id, at.spot, at.bot, at.chat)
	}
	if err := s.Pool.SendBatch(ctx, b).Close(); err != nil {
		return fmt.Errorf("claims of %s: %w", claims[0].id, err)
	}
	return nil
}

// Release takes a claim back.
func (s *Store) Release(ctx context.Context, at spotOf) error {
	_, err := s.Pool.Exec(ctx, dropEmpty+` and fault = ''`, at.id, at.spot, at.bot, at.chat)
	if err != nil {
		return fmt.Errorf("claim of %s: %w", at.spot, err)
	}
	return nil
}

const dropEmpty = `delete from card_message where case_id = $1 and spot = $2 and bot_id = $3 and chat_id = $4 and message_id = 0`

// Sent notes a new message; the claim, or an earlier failure to send it, is over.
func (s *Store) Sent(ctx context.Context, at spotOf, m Message) error {
	b := &pgx.Batch{}
	b.Queue(dropEmpty, at.id, at.spot, at.bot, at.chat)
	b.Queue(`insert into card_message (case_id, spot, bot_id, chat_id, message_id, digest, at) values ($1, $2, $3, $4, $5, $6, now())
		on conflict (bot_id, chat_id, message_id) where message_id > 0 do update set digest = excluded.digest, at = excluded.at`,
		at.id, at.spot, m.Bot, m.ChatID, m.ID, m.Digest)
	if err := s.Pool.SendBatch(ctx, b).Close(); err != nil {
		return fmt.Errorf("message %d in %d: %w", m.ID, m.ChatID, err)
	}
	return nil
}

// Mark notes that a message is about to be edited: until that is noted, nobody knows
// what it shows. An earlier failure is over: this edit fails itself, or does not. It
// reports whether the message is still as it was known.
func (s *Store) Mark(ctx context.Context, m Message) (bool, error) {
	tag, err := s.Pool.Exec(ctx, `update card_message set digest = '', fault = '' where bot_id = $1 and chat_id = $2 and message_id = $3 and digest = $4`,
		m.Bot, m.ChatID, m.ID, m.Digest)
	if err != nil {
		return false, fmt.Errorf("message %d in %d: %w", m.ID, m.ChatID, err)
	}
	return tag.RowsAffected() == 1, nil
}

// Edited notes what a message shows now. It reports false when somebody else noted an
// edit meanwhile: which of the two was the last is not known.
func (s *Store) Edited(ctx context.Context, m Message) (alone bool, err error) {
	err = s.Pool.QueryRow(ctx, `update card_message set digest = case digest when '' then $4 else '' end, at = now()
		where bot_id = $1 and chat_id = $2 and message_id = $3 returning digest = $4`, m.Bot, m.ChatID, m.ID, m.Digest).Scan(&alone)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) { // none: somebody else found it gone
		return false, fmt.Errorf("message %d in %d: %w", m.ID, m.ChatID, err)
	}
	return alone, nil
}

// Forget drops a message that is no longer there.
func (s *Store) Forget(ctx context.Context, m Message) error {
	_, err := s.Pool.Exec(ctx, `delete from card_message where bot_id = $1 and chat_id = $2 and message_id = $3`, m.Bot, m.ChatID, m.ID)
	if err != nil {
		return fmt.Errorf("message %d in %d: %w", m.ID, m.ChatID, err)
	}
	return nil
}

// Fault notes that a message cannot be shown, for those who look after the gateway. The
// message is 0 for one that could not be sent.
func (s *Store) Fault(ctx context.Context, at spotOf, message int64, fault string) error {
	text := []rune(strings.ToValidUTF8(strings.ReplaceAll(fault, "\x00", ""), ""))
	_, err := s.Pool.Exec(ctx, `insert into card_message (case_id, spot, bot_id, chat_id, message_id, digest, fault, at)
		values ($1, $2, $3, $4, $5, '', $6, now())
		on conflict (case_id, spot, bot_id, chat_id, message_id) do update set fault = excluded.fault, at = excluded.at`,
		at.id, at.spot, at.bot, at.chat, message, string(text[:min(len(text), 500)]))
	if err != nil {
		return fmt.Errorf("fault of %s: %w", at.spot, err)
	}
	return nil
}

// Clear drops failures that nobody waits for any more, and claims of the dead.
func (s *Store) Clear(ctx context.Context, over []spotOf) error {
	if len(over) == 0 {
		return nil
	}
	b := &pgx.Batch{}
	for _, at := range over {
		b.Queue(dropEmpty+` and (fault <> '' or at <= now() - $5::interval)`, at.id, at.spot, at.bot, at.chat, leaseTime)
	}
	if err := s.Pool.SendBatch(ctx, b).Close(); err != nil {
		return fmt.Errorf("failures of %s: %w", over[0].id, err)
	}
	return nil
}

// Retry forgets what failed in a chat and lists the cases that it was about. What could
// not be sent for longer than that is news no longer.
func (s *Store) Retry(ctx context.Context, bot, chat int64, news time.Duration) ([]ledger.Waiting, error) {
	rows, err := s.Pool.Query(ctx, `with unsent as (
			delete from card_message where bot_id = $1 and chat_id = $2 and message_id = 0 and fault <> ''
				and at >= now() - $3::interval returning case_id),
		stale as (
			update card_message set fault = '' where bot_id = $1 and chat_id = $2 and message_id > 0 and fault <> '' returning case_id)
		select case_id from unsent union select case_id from stale`, bot, chat, news)
	if err != nil {
		return nil, fmt.Errorf("failures in %d: %w", chat, err)
	}
	out, err := pgx.CollectRows(rows, scanCase)
	if err != nil {
		return nil, fmt.Errorf("failures in %d: %w", chat, err)
	}
	return out, nil
}

// Adopt notes a message that turned up. It reports whether it was unknown; of a case that
// there is not, nothing is noted.
func (s *Store) Adopt(ctx context.Context, at spotOf, message int64) (bool, error) {
	tag, err := s.Pool.Exec(ctx, `insert into card_message (case_id, spot, bot_id, chat_id, message_id, digest, at)
		values ($1, $2, $3, $4, $5, '', now()) on conflict do nothing`, at.id, at.spot, at.bot, at.chat, message)
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok && refused.ConstraintName == "card_message_case_id_fkey" {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("message %d in %d: %w", message, at.chat, err)
	}
	return tag.RowsAffected() == 1, nil
}

// Newest gives the newest message of a case in a chat that asks or shows, not a file.
func (s *Store) Newest(ctx context.Context, bot int64, id string, chat int64) (int64, error) {
	var message int64
	err := s.Pool.QueryRow(ctx, `select coalesce(max(message_id), 0) from card_message
		where case_id = $1 and bot_id = $2 and chat_id = $3 and spot not like 'file/%'`, id, bot, chat).Scan(&message)
	if err != nil {
		return 0, fmt.Errorf("messages of %s: %w", id, err)
	}
	return message, nil
}
