package audiodesk_test

import (
	"strings"
	"testing"
	"time"

	"countersign/internal/audiodesk"
	"countersign/internal/ident"
	"countersign/internal/telegram/telegramtest"
)

// past writes rows as they were made some time ago.
type past struct {
	*office

	t *testing.T
}

func (p past) id(prefix string) string {
	p.t.Helper()
	id, err := ident.New(prefix)
	must(p.t, err)
	return id
}

func (p past) room(kind, name string, age time.Duration) string {
	p.t.Helper()
	id, source, maker := p.id("arm"), "crm", ""
	if kind != "outside" {
		source, maker = "", string(p.person(p.t, ivan).ID)
	}
	_, err := p.Pool.Exec(p.t.Context(), `insert into audio_room (id, number, kind, source, name, maker, anonymous, made_at)
		values ($1::text, '7' || upper(right($1::text, 20)), $2, nullif($3, ''), $4, nullif($5, ''), false, now() - $6::interval)`, id, kind, source, name, maker, age)
	must(p.t, err)
	return id
}

func (p past) call(room, source string, age time.Duration) string {
	p.t.Helper()
	id, person := p.id("acl"), ""
	if source == "" {
		person = string(p.person(p.t, anna).ID)
	}
	_, err := p.Pool.Exec(p.t.Context(), `insert into audio_call (id, cause, room_id, person_id, source, mark, caller, lang, leads, state, outcome, at, ended_at)
		values ($1::text, $1::text, $2, nullif($3, ''), nullif($4, ''), sha256(convert_to($1::text, 'UTF8')), '', 'en', false, 'ended', 'left', now() - $5::interval, now() - $5::interval)`, id, room, person, source, age)
	must(p.t, err)
	return id
}

// TestWhatNobodyNeedsAnyMoreIsForgotten: also when there is no exchange any more.
func TestWhatNobodyNeedsAnyMoreIsForgotten(t *testing.T) {
	t.Parallel()
	o := newHouse(t, telegramtest.RealClock())
	const hour, day = time.Hour, 24 * time.Hour
	p := past{o, t}
	public := p.room("public", "Hall", 400*day)
	p.room("outside", "never called", 100*day)
	acted := p.room("outside", "acted in", 100*day)
	_, err := o.Pool.Exec(t.Context(), `insert into audio_act (id, at, person_id, what, room_id, whom, participant) values ($1, now() - interval '99 days', $2, 'close', $3, '', 0)`,
		p.id("aac"), o.person(t, ivan).ID, acted)
	must(t, err)
	p.call(p.room("outside", "idle", 2*day), "crm", 30*hour)
	p.call(p.room("outside", "used", 100*day), "crm", hour)
	p.room("outside", "new", hour)
	for name, c := range map[string]string{
		"annas, today": p.call(public, "", hour), "annas": p.call(public, "", 3*day), "crm, asked again": p.call(public, "crm", 3*day),
		"crm": p.call(public, "crm", 40*day), "old": p.call(public, "crm", 100*day),
	} {
		_, err := o.Pool.Exec(t.Context(), `insert into audio_presence (whom, room_id, call_id, no, muted, came_at, gone_at) values ($1, $2, $3, 1, false, now(), now())`, name, public, c)
		must(t, err)
	}
	o.share(t, anna, annasPhone)
	o.share(t, pyotr, pyotrsPhone)
	must(t, o.Directory.Unlink(t.Context(), "test", o.person(t, pyotr).ID, "another phone"))

	d := &audiodesk.Desk{Store: &audiodesk.Store{Pool: o.Pool}, Directory: o.Directory.Snapshot}
	for range 2 { // again it does no harm
		must(t, d.Purge(t.Context(), 90*day))
	}
	var rooms, calls string
	must(t, o.Pool.QueryRow(t.Context(), `select string_agg(name || case when closed_at is null then '' else ' closed' end, ', ' order by name) from audio_room`).Scan(&rooms))
	if want := "Hall, acted in closed, idle closed, new, used"; rooms != want {
		t.Errorf("rooms: %s; want %s", rooms, want)
	}
	must(t, o.Pool.QueryRow(t.Context(), `select string_agg(p.whom || case when c.mark is null then ' unmarked' else '' end, ', ' order by p.whom)
		from audio_presence p join audio_call c on c.id = p.call_id`).Scan(&calls))
	if want := "annas unmarked, annas, today, crm unmarked, crm, asked again"; calls != want {
		t.Errorf("calls: %s; want %s", calls, want)
	}
	if n := o.count(t, `select count(*) from audio_number where account in ($1, $2)`, anna, pyotr); n != 1 {
		t.Errorf("%d numbers, and one of the two left", n)
	}
	for what, sql := range map[string]string{"rooms of ours": `delete from audio_room where kind = 'public'`, "acts": `delete from audio_act`} {
		if _, err := o.Pool.Exec(t.Context(), sql); err == nil || strings.Contains(err.Error(), "foreign key") {
			t.Errorf("the database gives up %s: %v", what, err)
		}
	}
}
