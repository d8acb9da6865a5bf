package hook_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"countersign/internal/hook"
)

func TestZZExplain(t *testing.T) {
	b := newLiveBench(t)
	b.endpoint(hook.NewEndpoint{InFlight: 4})
	kinds := slices.Repeat([]string{"vote.cast"}, 5)
	for i := range 600 {
		b.emit(fmt.Sprint("D", i), kinds...)
	}
	start := time.Now()
	for {
		n, err := b.Place(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			break
		}
	}
	fmt.Println("placing 3000:", time.Since(start))
	for i := 0; i < 30; i++ {
		if _, err := b.Deliver(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	conn, err := b.ledger.Pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	q := `explain (analyze, buffers) with pick as materialized (
			select q.endpoint, c.pos from unnest($1::text[], $2::int[], $3::int[]) as q (endpoint, most, fresh)
			cross join lateral (
				select d.pos from delivery d
				where d.endpoint = q.endpoint and d.state = 'due' and d.next_at <= $4 and (d.lease_until is null or d.lease_until <= $4)
					and d.pos = (select min(e.pos) from delivery e
						where e.endpoint = d.endpoint and e.document_id = d.document_id and e.state = 'due')
				order by d.next_at, d.pos
				limit greatest(0, least(q.fresh, q.most - (
					select count(*) from delivery i where i.endpoint = q.endpoint and i.lease_until > $4)))
				for update skip locked) c)
		update delivery d set lease = d.lease + 1, attempt = d.attempt + 1, lease_until = $4::timestamptz + $5::interval
		from pick p where d.endpoint = p.endpoint and d.pos = p.pos
		returning d.endpoint, d.pos, d.lease, d.event_id, d.document_id, d.attempt, d.at, d.due_since`
	var id string
	if err := conn.QueryRow(t.Context(), `select id from webhook`).Scan(&id); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []string{"force_custom_plan", "force_generic_plan"} {
		conn.Exec(t.Context(), "set plan_cache_mode = "+mode)
		for range 2 {
			rows, err := conn.Query(t.Context(), q, []string{id}, []int{4}, []int{4}, time.Now(), time.Second)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Println("-----", mode)
			for rows.Next() {
				var s string
				rows.Scan(&s)
				fmt.Println(s)
			}
			conn.Exec(t.Context(), `update delivery set lease_until=null where lease_until is not null`)
		}
	}
}
