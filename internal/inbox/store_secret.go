package inbox

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/jackc/pgx/v5"

	"countersign/internal/seal"
	"countersign/internal/secret"
)

// kept is where the secret of a bot's webhook belongs.
func kept(bot int64) seal.Place {
	return seal.Place{Table: "telegram_secret", Column: "sealed", Row: strconv.FormatInt(bot, 10)}
}

// Secret gives the webhook's secret: made by whoever comes first, the same for all.
func (x *Inbox) Secret(ctx context.Context, proposal string) (string, error) {
	k, err := x.Seal.Keep(secret.Text(proposal), kept(x.Bot))
	if err != nil {
		return "", fmt.Errorf("webhook secret: %w", err)
	}
	_, err = x.Pool.Exec(ctx, `insert into telegram_secret (bot_id, secret, sealed) values ($1, $2, $3) on conflict do nothing`, x.Bot, k.Clear, k.Sealed)
	if err == nil {
		err = x.Pool.QueryRow(ctx, `select secret, sealed from telegram_secret where bot_id = $1`, x.Bot).Scan(&k.Clear, &k.Sealed)
	}
	if err != nil {
		return "", fmt.Errorf("webhook secret: %w", err)
	}
	text, err := x.Seal.Reveal(k, kept(x.Bot))
	if err != nil {
		return "", fmt.Errorf("webhook secret: %w", err)
	}
	return text.Reveal(), nil
}

// keptSecret is a secret as it is stored.
type keptSecret struct {
	Bot    int64
	Clear  *string
	Sealed []byte
}

// Reseal seals every secret, of whatever bot, that is in the clear or under an old key,
// at most limit of them in one commit, and gives how many it sealed. It may be cut short
// and called again, also by several replicas at once. A secret that cannot be opened
// stays as it is and is named in the error, which does not keep the others waiting.
func (x *Inbox) Reseal(ctx context.Context, limit int) (int, error) {
	if x.Seal == nil {
		return 0, fmt.Errorf("seal webhook secrets of bots: %w", seal.ErrNoSeal)
	}
	limit = max(1, limit)
	var done int
	var closed []error
	for after, more := int64(math.MinInt64), true; more; {
		found, bad, err := x.resealSome(ctx, after, limit)
		if err != nil {
			return done, fmt.Errorf("seal webhook secrets of bots: %w", err)
		}
		done, closed = done+len(found)-len(bad), append(closed, bad...)
		if more = len(found) == limit; more {
			after = found[len(found)-1].Bot
		}
	}
	return done, errors.Join(closed...)
}

// resealSome seals the next secrets after a bot's. Those whose rows are locked are
// passed over: whoever holds them seals them himself.
func (x *Inbox) resealSome(ctx context.Context, after int64, limit int) (found []keptSecret, closed []error, err error) {
	primary, err := x.Seal.Primary()
	if err != nil {
		return nil, nil, err
	}
	err = pgx.BeginFunc(ctx, x.Pool, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `select bot_id, secret, sealed from telegram_secret where bot_id > $1 and sealed_key is distinct from $2
			order by bot_id limit $3 for update skip locked`, after, primary, limit)
		if err != nil {
			return err
		}
		if found, err = pgx.CollectRows(rows, pgx.RowToStructByPos[keptSecret]); err != nil {
			return err
		}
		b := &pgx.Batch{}
		for _, s := range found {
			if err := x.reseal(b, s); err != nil {
				closed = append(closed, err)
			}
		}
		return tx.SendBatch(ctx, b).Close()
	})
	return found, closed, err
}

func (x *Inbox) reseal(b *pgx.Batch, s keptSecret) error {
	text, err := x.Seal.Reveal(seal.Kept{Clear: s.Clear, Sealed: s.Sealed}, kept(s.Bot))
	if err != nil {
		return err
	}
	now, err := x.Seal.Keep(text, kept(s.Bot))
	if err != nil {
		return err
	}
	b.Queue(`update telegram_secret set secret = $2, sealed = $3 where bot_id = $1`, s.Bot, now.Clear, now.Sealed)
	return nil
}
