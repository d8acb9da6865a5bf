package inbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// insert stores a batch in one statement and gives those that were not there, leased
// to this replica. One that was there is written to all the same: the answer must
// follow a commit that wrote something after what it speaks of.
func (x *Inbox) insert(ctx context.Context, batch []*arrival) ([]*Item, error) {
	rows := slices.Clone(batch)
	slices.SortFunc(rows, func(a, b *arrival) int { return cmp.Compare(a.head.ID, b.head.ID) })
	rows = slices.CompactFunc(rows, func(a, b *arrival) bool { return a.head.ID == b.head.ID })
	var ids, actors []int64
	var fast []bool
	var bodies [][]byte
	byID := map[int64]*arrival{}
	for _, a := range rows {
		ids, actors, bodies = append(ids, a.head.ID), append(actors, a.head.Actor), append(bodies, a.body)
		fast = append(fast, a.head.Lane > 0)
		byID[a.head.ID] = a
	}
	now := x.Now()
	got, err := x.Pool.Query(ctx, `insert into telegram_update (bot_id, update_id, fast, actor, body, received_at, next_at, attempts)
		select $1, n.id, n.fast, n.actor, n.body, $2, $3, 1
		from unnest($4::bigint[], $5::boolean[], $6::bigint[], $7::bytea[]) n(id, fast, actor, body) order by n.id
		on conflict (bot_id, update_id) do update set copies = telegram_update.copies + 1
		returning update_id, copies = 1`, x.Bot, now, now.Add(leaseTime), ids, fast, actors, bodies)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	var fresh []*Item
	var id int64
	var isNew bool
	if _, err := pgx.ForEachRow(got, []any{&id, &isNew}, func() error {
		if a := byID[id]; isNew {
			fresh = append(fresh, &Item{ID: id, Fast: a.head.Lane > 0, Actor: a.head.Actor, Body: a.body, Received: now, inbox: x})
		}
		return nil
	}); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return fresh, nil
}

func (x *Inbox) quarantine(ctx context.Context, body []byte, reason error) error {
	text := []rune(reason.Error())
	_, err := x.Pool.Exec(ctx, `insert into telegram_unreadable (bot_id, body, reason, received_at) values ($1, $2, $3, $4)`,
		x.Bot, body, string(text[:min(len(text), 500)]), x.Now())
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return nil
}

// claim leases updates that nobody works on, taps first.
func (x *Inbox) claim(ctx context.Context) ([]*Item, error) {
	now := x.Now()
	rows, err := x.Pool.Query(ctx, `update telegram_update set next_at = $2, attempts = attempts + 1
		where (bot_id, update_id) in (
			select bot_id, update_id from telegram_update where state = 'new' and next_at <= $3 and bot_id = $1
			order by fast desc, update_id limit 200 for update skip locked)
		returning update_id, fast, actor, body, received_at, attempts`, x.Bot, now.Add(leaseTime), now)
	if err != nil {
		return nil, err
	}
	items, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (*Item, error) {
		it := &Item{inbox: x}
		return it, row.Scan(&it.ID, &it.Fast, &it.Actor, &it.Body, &it.Received, &it.Attempt)
	})
	slices.SortFunc(items, func(a, b *Item) int { return cmp.Compare(a.ID, b.ID) })
	return items, err
}

const settleSQL = `update telegram_update set state = $3, outcome = left($4, 500), settled_at = $5
	where bot_id = $1 and update_id = $2 and state = 'new'`

// Done lends the end of the update to the transaction that acts on it.
func (it *Item) Done(outcome func() string) func(*pgx.Batch) {
	return func(b *pgx.Batch) {
		b.Queue(settleSQL, it.inbox.Bot, it.ID, "done", outcome(), it.inbox.Now())
		it.settled = true
	}
}

// Unsettle takes Done back when its transaction did not commit.
func (it *Item) Unsettle() { it.settled = false }

func (x *Inbox) settle(ctx context.Context, it *Item, state, outcome string) error {
	_, err := x.Pool.Exec(ctx, settleSQL, x.Bot, it.ID, state, outcome, x.Now())
	return err
}

// postpone waits 0.5, 1, 2, 4 … seconds before the next try.
func (x *Inbox) postpone(ctx context.Context, it *Item) error {
	wait := min(500*time.Millisecond<<min(it.Attempt, 10), time.Minute)
	_, err := x.Pool.Exec(ctx, `update telegram_update set next_at = $3 where bot_id = $1 and update_id = $2 and state = 'new'`,
		x.Bot, it.ID, x.Now().Add(wait))
	return err
}

// Counts says how many updates wait, and how many were parked or could not be read.
func (x *Inbox) Counts(ctx context.Context) (waiting, parked, unreadable int, err error) {
	err = x.Pool.QueryRow(ctx, `select
		(select count(*) from telegram_update where state = 'new'),
		(select count(*) from telegram_update where state = 'parked'),
		(select count(*) from telegram_unreadable)`).Scan(&waiting, &parked, &unreadable)
	return waiting, parked, unreadable, err
}

// Purge removes what was settled before the time. Telegram repeats an update for a day
// at most, so anything older than two can go.
func (x *Inbox) Purge(ctx context.Context, before time.Time) (int64, error) {
	tag, err := x.Pool.Exec(ctx, `delete from telegram_update where state = 'done' and settled_at < $1`, before)
	return tag.RowsAffected(), err
}

// Poller takes or keeps the right to ask for updates: one replica at a time does.
func (x *Inbox) Poller(ctx context.Context, self string, d time.Duration) (bool, error) {
	now := x.Now()
	var holder string
	err := x.Pool.QueryRow(ctx, `insert into telegram_poller (bot_id, holder, until) values ($1, $2, $3)
		on conflict (bot_id) do update set holder = excluded.holder, until = excluded.until
		where telegram_poller.holder = $2 or telegram_poller.until < $4
		returning holder`, x.Bot, self, now.Add(d), now).Scan(&holder)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// Secret gives the webhook's secret: made by whoever comes first, the same for all.
func (x *Inbox) Secret(ctx context.Context, proposal string) (string, error) {
	var secret string
	_, err := x.Pool.Exec(ctx, `insert into telegram_secret (bot_id, secret) values ($1, $2) on conflict do nothing`, x.Bot, proposal)
	if err == nil {
		err = x.Pool.QueryRow(ctx, `select secret from telegram_secret where bot_id = $1`, x.Bot).Scan(&secret)
	}
	if err != nil {
		return "", fmt.Errorf("webhook secret: %w", err)
	}
	return secret, nil
}
