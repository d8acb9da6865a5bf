package hook

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

const lanesAtOnce = 64

// claimed is a delivery in hand.
type claimed struct {
	Endpoint   string
	Pos        int64
	Lease      int64
	EventID    string
	DocumentID string
	Attempt    int
	At         time.Time
	DueSince   time.Time
	lane       *lane
	claimedAt  time.Time
}

// turn notes the outcomes given and claims at most free new deliveries, both in one
// transaction under the locks of the endpoints. What is noted with an error may be
// noted again: a lease settles once.
type turn struct {
	h        *Hook
	outcomes []outcome
	free     int
	lanes    []*lane
	now      time.Time
	accepted []outcome
	closed   map[string]error // endpoints whose secrets do not open
}

// run gives what was claimed. Its commit comes after the commits of the events that are
// about to be told, and it wrote something, so what is told cannot be lost any more.
func (t *turn) run(ctx context.Context) ([]claimed, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTime) // a commit is never cut off half-way
	defer cancel()
	s, err := t.look(ctx)
	if err != nil {
		return nil, fmt.Errorf("claim deliveries: %w", classify(err))
	}
	defer s.end(ctx)
	taken, err := t.write(ctx, s)
	if err != nil {
		return nil, fmt.Errorf("claim deliveries: %w", classify(err))
	}
	t.tell(ctx)
	return taken, nil
}

// tell names the endpoints that get nothing because their secrets do not open, once.
func (t *turn) tell(ctx context.Context) {
	for _, l := range t.lanes {
		err := t.closed[l.Endpoint]
		if err == nil {
			continue
		}
		if _, told := t.h.closed.LoadOrStore(l.Endpoint, true); !told {
			t.h.Log.ErrorContext(ctx, "webhook waits: its secrets cannot be opened", slog.String("webhook_id", l.Endpoint), slog.Any("error", err))
		}
	}
}

const laneColumns = `l.endpoint, w.source, w.url, w.state, w.scheme, w.timeout_ms, w.in_flight,
	k.roles, k.clear, k.sealed,
	l.failures, l.failing_since, l.failing_days, l.failed_at, l.succeeded_at, l.held_until, l.rate, l.rate_at, l.rate_used, l.told
	from webhook_lane l join webhook w on w.id = l.endpoint cross join lateral (
		select array_agg(s.role order by s.role) as roles, array_agg(s.secret order by s.role) as clear, array_agg(s.sealed order by s.role) as sealed
		from webhook_secret s where s.endpoint = l.endpoint and (s.expires_at is null or s.expires_at > coalesce($1::timestamptz, now()))) k `

// leased is written so that no index of what is due or leased fits: a row is found by
// its key, however many are due and whatever the statistics say.
const leased = `case when d.state = 'due' then d.lease_until end is not null`

// look locks the endpoints whose deliveries have ended, then those that have something
// due and are not locked by another replica, and settles what has ended.
func (t *turn) look(ctx context.Context) (*session, error) {
	mine := make([]string, 0, len(t.outcomes))
	for _, o := range t.outcomes {
		mine = append(mine, o.Endpoint)
	}
	slices.Sort(mine)
	mine = slices.Compact(mine)
	at := t.h.clock()
	b := &pgx.Batch{}
	b.Queue("begin")
	lanes := func(rows pgx.Rows) error {
		found, err := pgx.CollectRows(rows, pgx.RowToAddrOfStructByName[lane])
		t.lanes = append(t.lanes, found...)
		return err
	}
	if len(mine) > 0 {
		b.Queue(`select `+laneColumns+`where l.endpoint = any ($2) order by l.endpoint for update of l`, at, mine).Query(lanes)
	}
	if t.free > 0 {
		b.Queue(`select `+laneColumns+`where w.state = 'active' and l.endpoint <> all ($2)
				and (l.held_until is null or l.held_until <= coalesce($1::timestamptz, now()))
				and (select true from delivery d where d.endpoint = l.endpoint and d.state = 'due'
					and d.next_at <= coalesce($1::timestamptz, now())
					and (d.lease_until is null or d.lease_until <= coalesce($1::timestamptz, now()))
					order by d.next_at, d.pos limit 1)
			order by l.served_at limit $3 for update of l skip locked`, at, mine, lanesAtOnce).Query(lanes)
	}
	if len(t.outcomes) > 0 {
		t.settle(b)
	}
	b.Queue(`select coalesce($1::timestamptz, clock_timestamp())`, at).QueryRow(func(row pgx.Row) error { return row.Scan(&t.now) })
	return t.h.begin(ctx, b)
}

// settle notes outcomes; only the holder of a delivery's last lease is heard.
func (t *turn) settle(b *pgx.Batch) {
	n := len(t.outcomes)
	endpoints, pos, leases := make([]string, n), make([]int64, n), make([]int64, n)
	states, nexts, settled := make([]string, n), make([]time.Time, n), make([]*time.Time, n)
	statuses, texts, samples, backs := make([]*int32, n), make([]*string, n), make([]*string, n), make([]int32, n)
	for i, o := range t.outcomes {
		endpoints[i], pos[i], leases[i] = o.Endpoint, o.Pos, o.Lease
		states[i], nexts[i], settled[i] = string(o.state), o.nextAt, o.settledAt()
		statuses[i], texts[i], samples[i], backs[i] = o.status(), o.text(), o.sample(), o.unused()
	}
	b.Queue(`update delivery d set state = r.state, next_at = r.next_at, settled_at = r.settled_at, lease_until = null,
			attempt = d.attempt - r.back, last_status = case when r.back = 0 then r.status else d.last_status end,
			last_error = case when r.back = 0 then r.error else d.last_error end,
			last_sample = case when r.back = 0 then r.sample else d.last_sample end
		from unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::timestamptz[], $6::timestamptz[],
			$7::int[], $8::text[], $9::text[], $10::int[])
			as r (endpoint, pos, lease, state, next_at, settled_at, status, error, sample, back)
		where d.endpoint = r.endpoint and d.pos = r.pos and d.lease = r.lease and `+leased+`
		returning d.endpoint, d.pos, d.lease`,
		endpoints, pos, leases, states, nexts, settled, statuses, texts, samples, backs).Query(func(rows pgx.Rows) error {
		kept, err := pgx.CollectRows(rows, pgx.RowToStructByPos[key])
		for _, o := range t.outcomes {
			if slices.Contains(kept, o.key()) {
				t.accepted = append(t.accepted, o)
			}
		}
		return err
	})
}

// write notes how the endpoints fare, claims, and commits.
func (t *turn) write(ctx context.Context, s *session) ([]claimed, error) {
	b := &pgx.Batch{}
	changed := t.fare(b)
	t.log(b)
	grants := t.grant()
	for _, l := range t.lanes {
		if l.Rate > 0 || changed[l] || l.ramped {
			l.store(b)
		}
	}
	var taken []claimed
	if len(grants) > 0 {
		t.claim(b, grants, &taken)
	}
	b.Queue("commit")
	if err := s.conn.SendBatch(ctx, b).Close(); err != nil {
		return nil, err
	}
	lanes := map[string]*lane{}
	for _, l := range t.lanes {
		lanes[l.Endpoint] = l
	}
	for i := range taken {
		taken[i].lane, taken[i].claimedAt = lanes[taken[i].Endpoint], t.now
	}
	return taken, nil
}

func (l *lane) store(b *pgx.Batch) {
	b.Queue(`update webhook_lane set failures = $2, failing_since = $3, failing_days = $4, failed_at = $5, succeeded_at = $6,
		held_until = $7, rate = $8, rate_at = $9, rate_used = $10, told = $11 where endpoint = $1`,
		l.Endpoint, l.Failures, l.FailingSince, l.FailingDays, l.FailedAt, l.SucceededAt,
		l.HeldUntil, l.Rate, l.RateAt, l.RateUsed, l.Told)
}

// fare lets each endpoint's lane learn from its outcomes, and gives those that changed.
func (t *turn) fare(b *pgx.Batch) map[*lane]bool {
	changed := map[*lane]bool{}
	for _, l := range t.lanes {
		for _, o := range t.accepted {
			if o.Endpoint != l.Endpoint || o.unsent || o.stopped() {
				continue
			}
			if o.delivered() {
				changed[l] = l.succeeded(o.endedAt()) || changed[l]
				continue
			}
			changed[l] = true
			l.failed(o.endedAt(), o.laneHold)
			if o.gone() && l.State == Active {
				l.State = Paused
				b.Queue(`update webhook set state = 'paused', reason = $2, row_version = row_version + 1, changed_at = $3
					where id = $1 and state = 'active'`, l.Endpoint, ReasonGone, t.now)
			}
		}
	}
	return changed
}

// log keeps every request that was made, and has the rest of a document wait with its
// first event that failed.
func (t *turn) log(b *pgx.Batch) {
	var endpoints, events, documents []string
	var leases, pos []int64
	var ats, nexts []time.Time
	var took []int32
	var statuses []*int32
	var texts, samples []*string
	failed := 0
	for _, o := range t.accepted {
		if o.unsent {
			continue
		}
		endpoints, events, documents = append(endpoints, o.Endpoint), append(events, o.EventID), append(documents, o.DocumentID)
		leases, pos, ats = append(leases, o.Lease), append(pos, o.Pos), append(ats, o.claimedAt)
		took = append(took, int32(o.took.Milliseconds())) //nolint:gosec // a minute at most
		statuses, texts, samples = append(statuses, o.status()), append(texts, o.text()), append(samples, o.sample())
		nexts = append(nexts, o.nextAt)
		if o.state == Due {
			failed++
		}
	}
	if len(endpoints) == 0 {
		return
	}
	b.Queue(`insert into webhook_attempt (endpoint, event_id, lease, at, duration_ms, status, error, sample)
		select * from unnest($1::text[], $2::text[], $3::bigint[], $4::timestamptz[], $5::int[], $6::int[], $7::text[], $8::text[])
		on conflict do nothing`, endpoints, events, leases, ats, took, statuses, texts, samples)
	if failed > 0 {
		// The order by makes the planner walk the document's own index, whatever the statistics say.
		b.Queue(`update delivery f set next_at = r.next_at
			from unnest($1::text[], $2::text[], $3::bigint[], $4::timestamptz[]) as r (endpoint, document_id, pos, next_at)
			cross join lateral (
				select g.pos from delivery g
				where g.endpoint = r.endpoint and g.document_id = r.document_id and g.state = 'due' and g.pos > r.pos
				order by g.pos limit 100000) n
			where f.endpoint = r.endpoint and f.pos = n.pos and f.lease_until is null and f.next_at < r.next_at`, endpoints, documents, pos, nexts)
	}
}

// grant is how many deliveries of an endpoint may be claimed.
type grant struct {
	endpoint string
	most     int // under way at once
	fresh    int // claimed now
}

// grant shares out the free workers, evenly among the endpoints that have room.
func (t *turn) grant() []grant {
	share := max(1, t.free/max(1, len(t.lanes)))
	var out []grant
	for _, l := range t.lanes {
		most, fresh := l.room(t.now)
		if fresh = min(fresh, share, t.free); fresh > 0 && t.unlocked(l) {
			out = append(out, grant{l.Endpoint, most, fresh})
			t.free -= fresh
		}
	}
	return out
}

// unlocked reports whether requests to an endpoint can be signed.
func (t *turn) unlocked(l *lane) bool {
	if err := l.unlock(t.h.Seal); err != nil {
		if t.closed == nil {
			t.closed = map[string]error{}
		}
		t.closed[l.Endpoint] = err
		return false
	}
	t.h.closed.Delete(l.Endpoint)
	return true
}

// claim takes what is due, of each endpoint no more than its grant, and of each document
// only the first event that is not settled.
func (t *turn) claim(b *pgx.Batch, grants []grant, taken *[]claimed) {
	endpoints, mosts, fresh := make([]string, len(grants)), make([]int, len(grants)), make([]int, len(grants))
	for i, g := range grants {
		endpoints[i], mosts[i], fresh[i] = g.endpoint, g.most, g.fresh
	}
	b.Queue(`with pick as materialized (
			select q.endpoint, c.pos from unnest($1::text[], $2::int[], $3::int[]) as q (endpoint, most, fresh)
			cross join lateral (
				select d.pos from delivery d
				where d.endpoint = q.endpoint and d.state = 'due' and d.next_at <= $4 and (d.lease_until is null or d.lease_until <= $4)
					and d.pos = (select min(e.pos) from delivery e
						where e.endpoint = d.endpoint and e.document_id = d.document_id and e.state = 'due')
				order by d.next_at, d.pos
				limit greatest(0, least(q.fresh, q.most - (select count(*) from (
					select from delivery i where i.endpoint = q.endpoint and i.lease_until > $4
					order by i.lease_until limit q.most) busy)))
				for update skip locked) c),
		served as (update webhook_lane l set served_at = $4, rate_used = l.rate_used + n.n
			from (select endpoint, count(*)::int as n from pick group by endpoint) n where n.endpoint = l.endpoint)
		update delivery d set lease = d.lease + 1, attempt = d.attempt + 1, lease_until = $4::timestamptz + $5::interval
		from pick p where d.endpoint = p.endpoint and d.pos = p.pos
		returning d.endpoint, d.pos, d.lease, d.event_id, d.document_id, d.attempt, d.at, d.due_since`,
		endpoints, mosts, fresh, t.now, t.h.Options.Lease).Query(func(rows pgx.Rows) error {
		found, err := pgx.CollectRows(rows, pgx.RowToStructByNameLax[claimed])
		*taken = found
		return err
	})
}

// renew holds on to what is in hand while the requests are under way.
func (h *Hook) renew(ctx context.Context, held []key) error {
	endpoints, pos, leases := make([]string, len(held)), make([]int64, len(held)), make([]int64, len(held))
	for i, k := range held {
		endpoints[i], pos[i], leases[i] = k.Endpoint, k.Pos, k.Lease
	}
	_, err := h.Pool.Exec(ctx, `update delivery d set lease_until = coalesce($4::timestamptz, clock_timestamp()) + $5::interval
		from unnest($1::text[], $2::bigint[], $3::bigint[]) as r (endpoint, pos, lease)
		where d.endpoint = r.endpoint and d.pos = r.pos and d.lease = r.lease and `+leased,
		endpoints, pos, leases, h.clock(), h.Options.Lease)
	if err != nil {
		return fmt.Errorf("renew the leases of %d deliveries: %w", len(held), classify(err))
	}
	return nil
}
