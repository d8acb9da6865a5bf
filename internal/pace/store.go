package pace

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// idle is how long a row may rest before it is swept away.
const idle = 24 * time.Hour

// Pace hands out messages from the budgets that all replicas share.
type Pace struct {
	Pool *pgxpool.Pool
	// Now is left out but in tests: then it is the clock of the database, the same for
	// every replica. One whose own clock is wrong would hold up the others, or overrun them.
	Now    func() time.Time
	Limits Limits
}

// Take takes one message from every budget that it falls under and returns zero, or
// takes nothing and returns how long to wait before asking again. It is one round trip.
func (p *Pace) Take(ctx context.Context, a Ask) (time.Duration, error) {
	if err := a.check(); err != nil {
		return 0, err
	}
	bot, chat, minute := p.Limits.bot(a.Class), p.Limits.chat(), p.Limits.minute(a)
	var wait time.Duration
	err := p.Pool.QueryRow(ctx, `select pace_admit($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		a.Bot, a.Chat, p.now(), bot.step, bot.room, chat.most, chat.while, minute.most, minute.while).Scan(&wait)
	if err != nil {
		return 0, fmt.Errorf("take a message for chat %d: %w", a.Chat, err)
	}
	return wait, nil
}

// Hold lets nothing through to a chat for a while, or through the whole bot when chat is
// 0: Telegram refused a message and said when to come back. A longer hold stays.
func (p *Pace) Hold(ctx context.Context, bot, chat int64, wait time.Duration) error {
	_, err := p.Pool.Exec(ctx, `
		insert into pace (bot, chat, paid_at, held_until)
		values ($1, $2, '-infinity', coalesce($3, clock_timestamp()) + $4::interval)
		on conflict (bot, chat) do update set held_until = greatest(pace.held_until, excluded.held_until)`,
		bot, chat, p.now(), wait)
	if err != nil {
		return fmt.Errorf("hold chat %d: %w", chat, err)
	}
	return nil
}

// Sweep removes the rows of chats that got nothing for a day and returns their number.
func (p *Pace) Sweep(ctx context.Context) (int64, error) {
	tag, err := p.Pool.Exec(ctx, `
		delete from pace where (bot, chat) in (
			select bot, chat from pace
			where greatest(paid_at, held_until) < coalesce($1, clock_timestamp()) - $2::interval
			for update skip locked)`,
		p.now(), idle)
	if err != nil {
		return 0, fmt.Errorf("sweep idle chats: %w", err)
	}
	return tag.RowsAffected(), nil
}

// now is the time given, or null for the clock of the database.
func (p *Pace) now() *time.Time {
	if p.Now == nil {
		return nil
	}
	t := p.Now()
	return &t
}
