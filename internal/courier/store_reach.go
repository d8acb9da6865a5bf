package courier

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"countersign/internal/approval"
	"countersign/internal/card"
	"countersign/internal/ledger"
	"countersign/internal/telegram"
)

// Doubt notes that the cards which ask somebody are in a chat that is said to be closed.
// They are tried once more with the next drawing, whatever they show.
func (s *Store) Doubt(ctx context.Context, id string, bot, chat int64) error {
	_, err := s.Pool.Exec(ctx, `update card_message set fault = $4, at = now()
		where case_id = $1 and bot_id = $2 and chat_id = $3 and message_id > 0 and fault = '' and spot like 'approver/%'`,
		id, bot, chat, fmt.Sprintf("(%s): the bot was shut out", telegram.Unreachable))
	if err != nil {
		return fmt.Errorf("messages of %s in %d: %w", id, chat, err)
	}
	return nil
}

// HasOthers reports whether there ever was another bot.
func (s *Store) HasOthers(ctx context.Context, bot int64) (others bool, err error) {
	err = s.Pool.QueryRow(ctx, `select exists (select from card_message where message_id > 0 and bot_id < $1)
		or exists (select from card_message where message_id > 0 and bot_id > $1)`, bot).Scan(&others)
	if err != nil {
		return false, fmt.Errorf("messages of other bots: %w", err)
	}
	return others, nil
}

// OfOthers lists those of the cases of which another bot sent or changed the latest message.
func (s *Store) OfOthers(ctx context.Context, bot int64, cases []approval.ID) ([]approval.ID, error) {
	rows, err := s.Pool.Query(ctx, `select id from unnest($2::text[]) id
		where $1 <> (select bot_id from card_message where case_id = id order by at desc, bot_id = $1 desc limit 1)
		order by id`, bot, cases)
	if err != nil {
		return nil, fmt.Errorf("messages of other bots: %w", err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowTo[approval.ID])
	if err != nil {
		return nil, fmt.Errorf("messages of other bots: %w", err)
	}
	return out, nil
}

// Leave drops the messages of a case in chats that are no more.
func (s *Store) Leave(ctx context.Context, of spotOf, chats []int64) error {
	_, err := s.Pool.Exec(ctx, `delete from card_message where case_id = $1 and bot_id = $2 and chat_id = any ($3)`, of.id, of.bot, chats)
	if err != nil {
		return fmt.Errorf("messages of %s: %w", of.id, err)
	}
	return nil
}

func scanCase(row pgx.CollectableRow) (ledger.Waiting, error) {
	var w ledger.Waiting
	return w, row.Scan(&w.Case)
}

// At finds what a message of a bot shows.
func (s *Store) At(ctx context.Context, bot, chat, message int64) (approval.ID, card.Spot, error) {
	var id approval.ID
	var spot string
	err := s.Pool.QueryRow(ctx, `select case_id, spot from card_message where bot_id = $1 and chat_id = $2 and message_id = $3 and message_id > 0`,
		bot, chat, message).Scan(&id, &spot)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", card.Spot{}, ledger.ErrNotFound
	}
	if err != nil {
		return "", card.Spot{}, fmt.Errorf("message %d in %d: %w", message, chat, err)
	}
	out, err := card.ParseSpot(spot)
	return id, out, err
}
