package chat

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"countersign/internal/ident"
	"countersign/internal/markup"
)

// maxQuery is how much of what somebody looks for is kept, in characters: as much as
// Telegram takes.
const maxQuery = 256

// Searches keeps for a day what people looked for: a list is leafed through by it, and who
// had to connect his account first comes back. In memory it keeps who is typing.
type Searches struct {
	Pool *pgxpool.Pool

	queries queries
}

// asked is what somebody looks for as it is kept: one line.
func asked(query string) string {
	r := []rune(strings.Join(strings.Fields(markup.Clean(query)), " "))
	return string(r[:min(len(r), maxQuery)])
}

const tidySearches = `delete from chat_search where id in (
	select id from chat_search where at < now() - interval '1 day' limit 100 for update skip locked)`

// Keep notes what somebody looks for.
func (s *Searches) Keep(ctx context.Context, account int64, query string) (string, error) {
	return s.write(ctx, account, query, `insert into chat_search (id, account, query, away, at) values ($1, $2, $3, false, now())`)
}

// Leave notes what somebody was looking for who has to connect his account first.
func (s *Searches) Leave(ctx context.Context, account int64, query string) error {
	_, err := s.write(ctx, account, query, `insert into chat_search (id, account, query, away, at) values ($1, $2, $3, true, now())
		on conflict (account) where away do update set query = excluded.query, at = excluded.at`)
	return err
}

func (s *Searches) write(ctx context.Context, account int64, query, sql string) (string, error) {
	id, err := ident.New("fnd")
	if err != nil {
		return "", err
	}
	b := &pgx.Batch{}
	b.Queue(tidySearches)
	b.Queue(sql, id, account, asked(query))
	if err := s.Pool.SendBatch(ctx, b).Close(); err != nil {
		return "", fmt.Errorf("search of %d: %w", account, err)
	}
	return id, nil
}

// Of gives what the account looked for in a list.
func (s *Searches) Of(ctx context.Context, account int64, id string) (query string, ok bool, err error) {
	return s.one(ctx, `select query from chat_search where account = $1 and id = $2`, account, id)
}

// Left gives what the account was looking for before it was connected, a short while ago.
func (s *Searches) Left(ctx context.Context, account int64) (query string, ok bool, err error) {
	return s.one(ctx, `select query from chat_search where account = $1 and away and at > now() - interval '1 hour'`, account)
}

func (s *Searches) one(ctx context.Context, sql string, args ...any) (query string, ok bool, err error) {
	err = s.Pool.QueryRow(ctx, sql, args...).Scan(&query)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("search: %w", err)
	}
	return query, true, nil
}
