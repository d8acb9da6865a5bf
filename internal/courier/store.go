package courier

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"countersign/internal/telegram"
)

// Store keeps what the messenger accepted.
type Store struct {
	Pool *pgxpool.Pool
}

// Message is one message as it was accepted.
type Message struct {
	ChatID int64
	ID     int64
	Digest string // empty: not known, to be edited
}

// spotOf is where a message of a case is, or should be.
type spotOf struct {
	id   string // of the case
	spot string
	chat int64
}

// Shown lists the messages of a case by their spots.
func (s *Store) Shown(ctx context.Context, id string) (map[string][]Message, error) {
	rows, err := s.Pool.Query(ctx, `select spot, chat_id, message_id, digest from card_message where case_id = $1 order by message_id`, id)
	if err != nil {
		return nil, fmt.Errorf("messages of %s: %w", id, err)
	}
	out := map[string][]Message{}
	var spot string
	var m Message
	_, err = pgx.ForEachRow(rows, []any{&spot, &m.ChatID, &m.ID, &m.Digest}, func() error {
		out[spot] = append(out[spot], m)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("messages of %s: %w", id, err)
	}
	return out, nil
}

// Sent notes a new message; an earlier failure to send it is over.
func (s *Store) Sent(ctx context.Context, id, spot string, m Message, now time.Time) error {
	b := &pgx.Batch{}
	b.Queue(`delete from card_message where case_id = $1 and spot = $2 and chat_id = $3 and message_id = 0`, id, spot, m.ChatID)
	b.Queue(`insert into card_message (case_id, spot, chat_id, message_id, digest, at) values ($1, $2, $3, $4, $5, $6)
		on conflict (chat_id, message_id) where message_id > 0 do update set digest = excluded.digest, at = excluded.at`,
		id, spot, m.ChatID, m.ID, m.Digest, now)
	if err := s.Pool.SendBatch(ctx, b).Close(); err != nil {
		return fmt.Errorf("message %d in %d: %w", m.ID, m.ChatID, err)
	}
	return nil
}

// Edited notes what a message shows now.
func (s *Store) Edited(ctx context.Context, m Message, now time.Time) error {
	_, err := s.Pool.Exec(ctx, `update card_message set digest = $3, fault = '', at = $4 where chat_id = $1 and message_id = $2`,
		m.ChatID, m.ID, m.Digest, now)
	if err != nil {
		return fmt.Errorf("message %d in %d: %w", m.ID, m.ChatID, err)
	}
	return nil
}

// Forget drops a message that is no longer there.
func (s *Store) Forget(ctx context.Context, m Message) error {
	if _, err := s.Pool.Exec(ctx, `delete from card_message where chat_id = $1 and message_id = $2`, m.ChatID, m.ID); err != nil {
		return fmt.Errorf("message %d in %d: %w", m.ID, m.ChatID, err)
	}
	return nil
}

// Fault notes that a message cannot be shown, for those who look after the gateway.
func (s *Store) Fault(ctx context.Context, at spotOf, fault string, now time.Time) error {
	text := []rune(fault)
	_, err := s.Pool.Exec(ctx, `insert into card_message (case_id, spot, chat_id, message_id, digest, fault, at)
		values ($1, $2, $3, 0, '', $4, $5)
		on conflict (case_id, spot, chat_id, message_id) do update set fault = excluded.fault, at = excluded.at`,
		at.id, at.spot, at.chat, string(text[:min(len(text), 500)]), now)
	if err != nil {
		return fmt.Errorf("fault of %s: %w", at.spot, err)
	}
	return nil
}

// Adopt notes a message that turned up. It reports whether it was unknown.
func (s *Store) Adopt(ctx context.Context, at spotOf, message int64, now time.Time) (bool, error) {
	tag, err := s.Pool.Exec(ctx, `insert into card_message (case_id, spot, chat_id, message_id, digest, at)
		select $1, $2, $3, $4, '', $5 where exists (select from approval_case where id = $1)
		on conflict do nothing`, at.id, at.spot, at.chat, message, now)
	if err != nil {
		return false, fmt.Errorf("message %d in %d: %w", message, at.chat, err)
	}
	return tag.RowsAffected() == 1, nil
}

// Newest gives the newest message of a case in a chat that asks or shows, not a file.
func (s *Store) Newest(ctx context.Context, id string, chat int64) (int64, error) {
	var message int64
	err := s.Pool.QueryRow(ctx, `select coalesce(max(message_id), 0) from card_message
		where case_id = $1 and chat_id = $2 and spot not like 'file/%'`, id, chat).Scan(&message)
	if err != nil {
		return 0, fmt.Errorf("messages of %s: %w", id, err)
	}
	return message, nil
}

// FileID gives Telegram's id of a file that was uploaded, or nothing.
func (s *Store) FileID(ctx context.Context, bot int64, digest, name string) (string, error) {
	var id string
	err := s.Pool.QueryRow(ctx, `select file_id from telegram_file where bot_id = $1 and sha256 = $2 and name = $3`, bot, digest, name).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("file %s: %w", digest, err)
	}
	return id, nil
}

// KeepFile notes Telegram's id of a file.
func (s *Store) KeepFile(ctx context.Context, bot int64, digest, name, id string) error {
	_, err := s.Pool.Exec(ctx, `insert into telegram_file (bot_id, sha256, name, file_id) values ($1, $2, $3, $4)
		on conflict (bot_id, sha256, name) do update set file_id = excluded.file_id`, bot, digest, name, id)
	if err != nil {
		return fmt.Errorf("file %s: %w", digest, err)
	}
	return nil
}

// ForgetFile drops an id that Telegram does not know any more.
func (s *Store) ForgetFile(ctx context.Context, bot int64, digest, name string) error {
	_, err := s.Pool.Exec(ctx, `delete from telegram_file where bot_id = $1 and sha256 = $2 and name = $3`, bot, digest, name)
	if err != nil {
		return fmt.Errorf("file %s: %w", digest, err)
	}
	return nil
}

func asTelegram(err error) *telegram.Error {
	e, _ := errors.AsType[*telegram.Error](err)
	return e
}
