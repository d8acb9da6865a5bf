package post

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Store keeps the ids that uploaded files have at Telegram; they are a bot's own.
type Store struct {
	Pool *pgxpool.Pool
}

// fileID gives Telegram's id of a file that was uploaded, or nothing.
func (s *Store) fileID(ctx context.Context, bot int64, f File) (string, error) {
	var id string
	err := s.Pool.QueryRow(ctx, `select file_id from telegram_file where bot_id = $1 and sha256 = $2 and name = $3`, bot, f.SHA256, f.Name).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("file %s: %w", f.SHA256, err)
	}
	return id, nil
}

func (s *Store) keepFile(ctx context.Context, bot int64, f File, id string) error {
	_, err := s.Pool.Exec(ctx, `insert into telegram_file (bot_id, sha256, name, file_id) values ($1, $2, $3, $4)
		on conflict (bot_id, sha256, name) do update set file_id = excluded.file_id`, bot, f.SHA256, f.Name, id)
	if err != nil {
		return fmt.Errorf("file %s: %w", f.SHA256, err)
	}
	return nil
}

// forgetFile drops an id that Telegram does not know any more.
func (s *Store) forgetFile(ctx context.Context, bot int64, f File) error {
	_, err := s.Pool.Exec(ctx, `delete from telegram_file where bot_id = $1 and sha256 = $2 and name = $3`, bot, f.SHA256, f.Name)
	if err != nil {
		return fmt.Errorf("file %s: %w", f.SHA256, err)
	}
	return nil
}
