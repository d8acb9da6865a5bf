package notice

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

// piece is a message in hand. Its number of attempts is also that of the lease: whoever
// claims it anew counts on, and what the one before has to note is not taken any more.
type piece struct {
	Notice   string
	Source   string
	Class    Class
	Body     Body
	Version  int
	Expired  bool
	To       string
	Part     int
	Chat     int64
	Thread   int64
	Language string
	Message  int64 // 0: not sent yet
	Crowded  bool
	Attempts int
	Under    int64 // the message that a file hangs under

	settled *atomic.Bool // what became of it was noted, or is about to be
	tried   bool         // it was refused together with others, and goes by itself
}

// want is what somebody has hands for.
type want struct {
	bot    int64
	files  bool       // else texts
	busy   []int64    // not to these chats
	chats  int        // to so many
	before *time.Time // due then; nil: now
	lease  time.Duration
}

// claim takes messages that are due, alarms first, and keeps others from them for as long
// as the lease. Those of another bot can be changed by nobody.
func (s *Store) claim(ctx context.Context, w want) ([]piece, error) {
	rows, err := s.Pool.Query(ctx, `with near as (
			select m.chat_id from notice_message m join notice n on n.id = m.notice_id
			where m.next_at <= coalesce($6, now()) and (m.part > 0) = $2 and m.chat_id <> all ($3) and (m.bot_id is null or m.bot_id = $1)
			group by m.chat_id order by bool_or(n.class = 'alarm') desc, min(m.next_at) limit $4),
		due as (
			select m.notice_id, m.recipient, m.part from notice_message m join notice n on n.id = m.notice_id
			where m.chat_id in (select chat_id from near) and m.next_at <= coalesce($6, now()) and (m.part > 0) = $2 and (m.bot_id is null or m.bot_id = $1)
			order by (n.class = 'alarm') desc, m.next_at limit $5 for update of m skip locked),
		taken as (
			update notice_message m set next_at = now() + $7::interval, attempts = attempts + 1 from due
			where (m.notice_id, m.recipient, m.part) = (due.notice_id, due.recipient, due.part) returning m.*)
		select n.id, coalesce(n.source, ''), n.class, n.body, n.version, n.expires_at <= now(), t.recipient, t.part, t.chat_id, t.thread_id, t.language,
			coalesce(t.message_id, 0), t.crowded, t.attempts,
			coalesce((select u.message_id from notice_message u where u.notice_id = n.id and u.recipient = t.recipient and u.part = 0 and u.bot_id = $1), 0)
		from taken t join notice n on n.id = t.notice_id order by n.created_at, n.id, t.recipient, t.part`,
		w.bot, w.files, w.busy, w.chats, atOnce, w.before, w.lease)
	if err != nil {
		return nil, fmt.Errorf("notices: %w", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (piece, error) {
		p := piece{settled: &atomic.Bool{}}
		err := row.Scan(&p.Notice, &p.Source, &p.Class, &p.Body, &p.Version, &p.Expired, &p.To, &p.Part, &p.Chat, &p.Thread, &p.Language,
			&p.Message, &p.Crowded, &p.Attempts, &p.Under)
		return p, err
	})
	if err != nil {
		return nil, fmt.Errorf("notices: %w", err)
	}
	return out, nil
}

// now is the time of the database.
func (s *Store) now(ctx context.Context) (at time.Time, err error) {
	if err := s.Pool.QueryRow(ctx, "select clock_timestamp()").Scan(&at); err != nil {
		return at, fmt.Errorf("notices: %w", err)
	}
	return at, nil
}

// keep begins the lease of messages anew: of those that are still in hand.
func (s *Store) keep(ctx context.Context, of []piece, lease time.Duration) error {
	var notices, recipients []string
	var parts, leases []int
	for _, p := range of {
		if !p.settled.Load() {
			notices, recipients, parts, leases = append(notices, p.Notice), append(recipients, p.To), append(parts, p.Part), append(leases, p.Attempts)
		}
	}
	_, err := s.Pool.Exec(ctx, `update notice_message m set next_at = now() + $5::interval
		from unnest($1::text[], $2::text[], $3::smallint[], $4::int[]) h (notice_id, recipient, part, lease)
		where (m.notice_id, m.recipient, m.part, m.attempts) = (h.notice_id, h.recipient, h.part, h.lease) and m.next_at is not null`,
		notices, recipients, parts, leases, lease)
	if err != nil {
		return fmt.Errorf("lease of notices: %w", err)
	}
	return nil
}

// release gives back a message that was not begun: it is due again.
func (s *Store) release(ctx context.Context, p piece) error {
	if p.tried {
		return s.retry(ctx, p, 0)
	}
	return s.later(ctx, p, `update notice_message set next_at = now() + $5::interval, attempts = attempts - 1
		where (notice_id, recipient, part, attempts) = ($1, $2, $3, $4)`, 0)
}

// postpone gives a message back until its turn comes.
func (s *Store) postpone(ctx context.Context, p piece, wait time.Duration) error {
	return s.later(ctx, p, `update notice_message set next_at = now() + $5::interval, crowded = true, attempts = attempts - 1
		where (notice_id, recipient, part, attempts) = ($1, $2, $3, $4)`, wait)
}

// retry gives a message back until what made it fail may be over.
func (s *Store) retry(ctx context.Context, p piece, wait time.Duration) error {
	return s.later(ctx, p, `update notice_message set next_at = now() + $5::interval where (notice_id, recipient, part, attempts) = ($1, $2, $3, $4)`, wait)
}

func (s *Store) later(ctx context.Context, p piece, sql string, wait time.Duration) error {
	p.settled.Store(true)
	if _, err := s.Pool.Exec(ctx, sql, p.Notice, p.To, p.Part, p.Attempts, wait); err != nil {
		return fmt.Errorf("notice %s: %w", p.Notice, err)
	}
	return nil
}
