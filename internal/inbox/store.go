package inbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// insert stores a batch in one statement and gives those that were not there, leased
// to this replica. One that was there is written to all the same: the answer must
// follow a commit that wrote something after what it speaks of.
func (x *Inbox) insert(ctx context.Context, batch []*arrival, lease time.Duration) ([]*Item, error) {
	times := map[int64]int{} // Telegram's copies of one update can come in one batch
	for _, a := range batch {
		times[a.head.ID]++
	}
	rows := slices.Clone(batch)
	slices.SortFunc(rows, func(a, b *arrival) int { return cmp.Compare(a.head.ID, b.head.ID) })
	rows = slices.CompactFunc(rows, func(a, b *arrival) bool { return a.head.ID == b.head.ID })
	var ids, actors []int64
	var fast []bool
	var requests []string
	var copies []int
	var bodies [][]byte
	byID := map[int64]*arrival{}
	for _, a := range rows {
		ids, actors, bodies = append(ids, a.head.ID), append(actors, a.head.Actor), append(bodies, a.body)
		fast, copies = append(fast, a.head.Lane > 0), append(copies, times[a.head.ID])
		requests = append(requests, storable(a.request))
		byID[a.head.ID] = a
	}
	begun := x.Now()
	got, err := x.Pool.Query(ctx, `insert into telegram_update (bot_id, update_id, fast, actor, body, received_at, next_at, attempts, copies, request_id)
		select $1, n.id, n.fast, n.actor, n.body, now(), now() + $2::interval, 1, n.copies, left(n.request, 100)
		from unnest($3::bigint[], $4::boolean[], $5::bigint[], $6::bytea[], $7::int[], $8::text[]) n(id, fast, actor, body, copies, request) order by n.id
		on conflict (bot_id, update_id) do update set copies = telegram_update.copies + excluded.copies
		returning update_id, copies, lease`, x.Bot, lease, ids, fast, actors, bodies, copies, requests)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	var fresh []*Item
	var id, number int64
	var seen int
	if _, err := pgx.ForEachRow(got, []any{&id, &seen, &number}, func() error {
		a := byID[id]
		if seen == times[id] { // no earlier ones: it is new
			fresh = append(fresh, &Item{
				ID: id, Fast: a.head.Lane > 0, Actor: a.head.Actor, Body: a.body, Attempt: 1, Request: a.request, inbox: x, lease: number, until: begun.Add(lease), taken: begun,
			})
			return nil
		}
		x.tell(Ending{End: EndedRepeated, ID: id, Body: a.body, Request: a.request, Began: begun})
		return nil
	}); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return fresh, nil
}

// storable is a text as the database takes it.
func storable(text string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", ""), "")
}

// spoiled reports that it is the update itself that cannot be stored.
func spoiled(err error) bool {
	refused, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (strings.HasPrefix(refused.Code, "22") || strings.HasPrefix(refused.Code, "23"))
}

func (x *Inbox) quarantine(ctx context.Context, body []byte, reason error) error {
	text := []rune(storable(reason.Error()))
	_, err := x.Pool.Exec(ctx, `insert into telegram_unreadable (bot_id, body, reason, received_at) values ($1, $2, $3, now())`,
		x.Bot, body, string(text[:min(len(text), 500)]))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return nil
}

// claim leases updates that nobody works on, taps first.
func (x *Inbox) claim(ctx context.Context, most int) ([]*Item, error) {
	if most == 0 {
		return nil, nil
	}
	begun := x.Now()
	rows, err := x.Pool.Query(ctx, `update telegram_update set next_at = now() + $2::interval, attempts = attempts + 1, lease = lease + 1
		where (bot_id, update_id) in (
			select bot_id, update_id from telegram_update where state = 'new' and next_at <= now() and bot_id = $1
			order by fast desc, update_id limit $3 for update skip locked)
		returning update_id, fast, actor, body, attempts, lease, request_id, now() - received_at`, x.Bot, leaseTime, most)
	if err != nil {
		return nil, err
	}
	items, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (*Item, error) {
		it := &Item{inbox: x, until: begun.Add(leaseTime), taken: begun}
		return it, row.Scan(&it.ID, &it.Fast, &it.Actor, &it.Body, &it.Attempt, &it.lease, &it.Request, &it.waited)
	})
	slices.SortFunc(items, func(a, b *Item) int { return cmp.Compare(a.ID, b.ID) })
	return items, err
}

// renew keeps the leases of what waits for a worker or is being handled. The messenger
// may be slow; that is no reason to begin the same update anew. The time is that of the
// write: one begun before another, and done after it, must not shorten the lease.
func (x *Inbox) renew(ctx context.Context) error {
	begun := x.Now()
	ending := x.ending(begun)
	if len(ending) == 0 {
		return nil
	}
	ids, leases := names(ending)
	rows, err := x.Pool.Query(ctx, `update telegram_update set next_at = clock_timestamp() + $2::interval
		where (bot_id, update_id) in (
			select u.bot_id, u.update_id from telegram_update u join unnest($3::bigint[], $4::bigint[]) n(id, lease)
				on (u.update_id, u.lease) = (n.id, n.lease)
			where u.bot_id = $1 and u.state = 'new' for update of u skip locked)
		returning update_id`, x.Bot, leaseTime, ids, leases)
	if err != nil {
		return err
	}
	kept := map[int64]bool{}
	var id int64
	if _, err := pgx.ForEachRow(rows, []any{&id}, func() error { kept[id] = true; return nil }); err != nil {
		return err
	}
	for _, it := range ending {
		if kept[it.ID] {
			x.extend(it, begun)
		}
	}
	return nil
}

// names gives the ids of updates with the numbers of their leases.
func names(items []*Item) (ids, leases []int64) {
	for _, it := range items {
		ids, leases = append(ids, it.ID), append(leases, it.lease)
	}
	return ids, leases
}

// ours reports whether an update is still to be handled here. One that has waited beyond
// its lease may be in other hands, or done.
func (x *Inbox) ours(ctx context.Context, it *Item) (bool, error) {
	begun := x.Now()
	if begun.Before(x.until(it)) {
		return true, nil
	}
	tag, err := x.Pool.Exec(ctx, `update telegram_update set next_at = clock_timestamp() + $4::interval
		where bot_id = $1 and update_id = $2 and lease = $3 and state = 'new'`, x.Bot, it.ID, it.lease, leaseTime)
	if err != nil || tag.RowsAffected() == 0 {
		return false, err
	}
	x.extend(it, begun)
	return true, nil
}

// release gives back updates that nobody began to handle.
func (x *Inbox) release(ctx context.Context, items []*Item, wait time.Duration) error {
	if len(items) == 0 {
		return nil
	}
	ids, leases := names(items)
	_, err := x.Pool.Exec(ctx, `update telegram_update set next_at = now() + $2::interval, attempts = greatest(attempts - 1, 0), lease = lease + 1
		where (bot_id, update_id) in (
			select u.bot_id, u.update_id from telegram_update u join unnest($3::bigint[], $4::bigint[]) n(id, lease)
				on (u.update_id, u.lease) = (n.id, n.lease)
			where u.bot_id = $1 and u.state = 'new' for update of u skip locked)`, x.Bot, wait, ids, leases)
	return err
}

const settleSQL = `update telegram_update set state = $3, outcome = left($4, 500), settled_at = now(), body = coalesce($5, body)
	where bot_id = $1 and update_id = $2 and state = 'new'`

// Done lends the end of the update to the transaction that acts on it, which says
// whether it refused. What Handle returns has the last word.
func (it *Item) Done(outcome func(refusal error) string) func(*pgx.Batch, error) {
	return func(b *pgx.Batch, refusal error) {
		it.said = outcome(refusal)
		b.Queue(settleSQL, it.inbox.Bot, it.ID, "done", it.said, it.rest())
		it.settled = true
	}
}

// Forget lets go of what the update says, as soon as it is settled: a secret that somebody
// typed is no record.
func (it *Item) Forget() { it.secret = true }

// rest is what is kept of an update that said a secret; nil: all.
func (it *Item) rest() []byte {
	if !it.secret {
		return nil
	}
	return fmt.Appendf(nil, `{"update_id":%d}`, it.ID)
}

// Unsettle takes Done back when its transaction did not commit.
func (it *Item) Unsettle() { it.settled = false }

func (x *Inbox) settle(ctx context.Context, it *Item, state, outcome string) error {
	_, err := x.Pool.Exec(ctx, settleSQL, x.Bot, it.ID, state, storable(outcome), it.rest())
	return err
}

// correct writes what really became of an update that ended with its act.
func (x *Inbox) correct(ctx context.Context, it *Item, outcome string) error {
	_, err := x.Pool.Exec(ctx, `update telegram_update set outcome = left($4, 500) where bot_id = $1 and update_id = $2 and state = 'done' and outcome = $3`,
		x.Bot, it.ID, it.said, storable(outcome))
	return err
}

// postpone waits before the next try: half a second, and longer the older the update is.
func (x *Inbox) postpone(ctx context.Context, it *Item, attempts int) error {
	_, err := x.Pool.Exec(ctx, `update telegram_update
		set next_at = now() + least(greatest((now() - received_at) / 2, $4::interval), $5::interval), attempts = $3, lease = lease + 1
		where bot_id = $1 and update_id = $2 and state = 'new' and lease = $6`, x.Bot, it.ID, attempts, retryMin, retryMax, it.lease)
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

// Purge removes what was settled, and what could not be read, before the time: little by
// little, so that it disturbs nobody and keeps what it did when it is cut short. Telegram
// repeats an update for a day at most, so anything older than two can go. What was parked
// stays until somebody looks at it.
func (x *Inbox) Purge(ctx context.Context, before time.Time) (int64, error) {
	const bite = 5000
	var gone int64
	for _, sql := range []string{
		`delete from telegram_update where ctid in (select ctid from telegram_update where state = 'done' and settled_at < $1 limit $2)`,
		`delete from telegram_unreadable where ctid in (select ctid from telegram_unreadable where received_at < $1 limit $2)`,
	} {
		for {
			tag, err := x.Pool.Exec(ctx, sql, before, bite)
			if gone += tag.RowsAffected(); err != nil {
				return gone, err
			}
			if tag.RowsAffected() < bite {
				break
			}
		}
	}
	return gone, nil
}

// Poller takes or keeps the right to ask for updates, or to say where they are delivered:
// one replica at a time does.
func (x *Inbox) Poller(ctx context.Context, self string, d time.Duration) (bool, error) {
	var holder string
	err := x.Pool.QueryRow(ctx, `insert into telegram_poller (bot_id, holder, until) values ($1, $2, now() + $3::interval)
		on conflict (bot_id) do update set holder = excluded.holder, until = excluded.until
		where telegram_poller.holder = $2 or telegram_poller.until < now()
		returning holder`, x.Bot, self, d).Scan(&holder)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// LetGo gives up that right, if self has it.
func (x *Inbox) LetGo(ctx context.Context, self string) error {
	_, err := x.Pool.Exec(ctx, `update telegram_poller set until = '-infinity' where bot_id = $1 and holder = $2`, x.Bot, self)
	return err
}
