package audiodesk_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"countersign/internal/approval"
	"countersign/internal/asterisk/asterisktest"
	"countersign/internal/audiodesk"
	"countersign/internal/crash/crashtest"
	"countersign/internal/ident"
	"countersign/internal/ledger"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/telegram/telegramtest"
)

// ask is a tap by which somebody asks the others to talk about a document.
type ask struct {
	account int64
	id, tap string
}

// discuss has a desk do what package chat asks it for.
func (o *office) discuss(t *testing.T, d *audiodesk.Desk, a ask) (audiodesk.Rung, error) {
	t.Helper()
	st, err := o.Document(t.Context(), ledgertest.Key(a.id))
	must(t, err)
	dir, err := o.Directory.Snapshot(t.Context())
	must(t, err)
	m := audiodesk.Matter{Case: st.Case.ID, Topic: "Payment request No. " + a.id + " <Landlord LLC>"}
	for _, id := range approval.Party(&st.Case, st.Document, dir) {
		p, _ := dir.Person(id)
		m.People = append(m.People, p)
	}
	return d.Discuss(t.Context(), o.visitor(t, a.account, a.tap), m, func(room string, also ledger.Also) error {
		id, err := ident.New("com")
		if err == nil {
			_, err = d.Ledger.Discuss(t.Context(), ledger.Talk{Account: a.account, Case: m.Case, ID: id, Text: "calls the others", Origin: "audio/" + room}, also)
		}
		return err
	})
}

// said is what stands under a document.
func (o *office) said(t *testing.T, id string) (all []string) {
	t.Helper()
	thread, err := o.Thread(t.Context(), ledgertest.Key(id), "", 100)
	must(t, err)
	for _, m := range thread {
		all = append(all, m.Author+": "+m.Text)
	}
	return all
}

// ringsFor waits until a phone was called so often.
func (o *office) ringsFor(t *testing.T, phone string, times int) {
	t.Helper()
	o.wait(t, fmt.Sprintf("%s rings for the %d. time", phone, times), func() bool {
		must(t, o.desk.Dial(t.Context()))
		return o.pbx.Dials(phone) == times
	})
}

// holds waits until so many are in rooms, and nobody else is being called.
func (o *office) holds(t *testing.T, in int) {
	t.Helper()
	o.wait(t, fmt.Sprint(in, " in rooms"), func() bool {
		return o.count(t, `select count(*) from audio_presence where gone_at is null`) == in && o.count(t, `select count(*) from audio_call where ended_at is null`) == in
	})
}

func TestPeopleOfACaseAreRungIntoARoomOfItsOwn(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.Post(t, "4711")
	o.Vote(t, "4711", pyotr, approval.Accept, "")
	was, err := o.Document(t.Context(), ledgertest.Key("4711"))
	must(t, err)
	tap := func(account int64, tap string, want audiodesk.Rung) string {
		t.Helper()
		got, err := o.discuss(t, o.desk, ask{account, "4711", tap})
		must(t, err)
		room := got.Room
		if got.Room = ""; got != want {
			t.Errorf("%s: %+v, want %+v", tap, got, want)
		}
		return room
	}
	o.share(t, pyotr, pyotrsPhone)
	o.pbx.Phone(pyotrsPhone, asterisktest.NeverAnswers)
	tap(anna, "t1", audiodesk.Rung{Asked: true})
	if m := o.sees(t, anna, "To call you I need"); m.Contact == "" {
		t.Errorf("she is asked without a button for her number: %+v", m)
	}
	if n := o.count(t, `select (select count(*) from audio_room) + (select count(*) from audio_call) + (select count(*) from notice) + (select count(*) from comment)`); n != 0 {
		t.Errorf("%d rows for a talk that she cannot come to", n)
	}
	o.share(t, anna, annasPhone)
	room := tap(anna, "t2", audiodesk.Rung{Phones: 2, Numberless: 1})
	o.ringsFor(t, pyotrsPhone, 1)
	o.wait(t, "she is in", func() bool { return o.count(t, `select count(*) from audio_presence where gone_at is null`) == 1 })
	tap(anna, "t2", audiodesk.Rung{Phones: 2}) // handled again
	if second := tap(pyotr, "t3", audiodesk.Rung{Numberless: 1}); second != room {
		t.Error("he is led to another room")
	}
	o.pbx.GiveUp(pyotrsPhone)
	o.wait(t, "he did not pick up", func() bool { return o.count(t, `select count(*) from audio_call where outcome = 'no_answer'`) == 1 })
	tap(anna, "t4", audiodesk.Rung{Phones: 1, Numberless: 1})
	o.ringsFor(t, pyotrsPhone, 2)
	o.pbx.PickUp(pyotrsPhone)
	o.holds(t, 2)
	if n := o.pbx.Dials(annasPhone); n != 1 {
		t.Errorf("her phone rang %d times", n)
	}
	told := map[string]int{"audio.discuss.own": 1, "audio.discuss.rings": 2, "audio.discuss.no_number": 1}
	for key, want := range told {
		if n := o.count(t, `select count(*) from notice where body->>'key' = $1`, key); n != want {
			t.Errorf("%s was told %d times, want %d", key, n, want)
		}
	}
	o.opensTo(t, map[int64]bool{anna: true, pyotr: true, olga: true, maria: false, ivan: false}) // ivan looks after rooms, but not after this one
	now, err := o.Document(t.Context(), ledgertest.Key("4711"))
	must(t, err)
	if now.Case.Hash != was.Case.Hash || now.Case.State != was.Case.State || now.Case.Round != was.Case.Round {
		t.Errorf("the case became %+v", now.Case)
	}
	if got := o.said(t, "4711"); !slices.Equal(got, []string{"Anna Ivanova: calls the others"}) {
		t.Errorf("the timeline: %q", got)
	}
	o.endsWithItsCase(t)
}

// opensTo looks who is listed the room, and led to it.
func (o *office) opensTo(t *testing.T, all map[int64]bool) {
	t.Helper()
	var number string
	must(t, o.Pool.QueryRow(t.Context(), `select number from audio_room`).Scan(&number))
	for account, want := range all {
		m := o.open(t, account, "/rooms")
		if got := strings.Contains(strings.Join(labels(m), "|"), "4711"); got != want {
			t.Errorf("%d is listed the room: %v", account, got)
		}
		m = o.open(t, account, "/rooms "+number)
		if got := strings.Contains(m.Text, "4711"); got != want {
			t.Errorf("%d is led to the room: %v", account, got)
		}
		if !want {
			continue
		}
		o.tap(t, account, m, "Open the room")
		if now := o.shows(t, m, "Room of a document · with names", "Anna Ivanova", "Pyotr Petrov"); strings.Contains(now.Text, "4930") {
			t.Errorf("a number is shown: %s", now.Text)
		}
	}
}

// endsWithItsCase: those who are in the room are let go of, and who taps later is told.
func (o *office) endsWithItsCase(t *testing.T) {
	t.Helper()
	o.Vote(t, "4711", olga, approval.Reject, "No")
	must(t, o.desk.Tidy(t.Context()))
	o.holds(t, 0)
	for range 2 {
		must(t, o.desk.Conclude(t.Context()))
	}
	if got := o.said(t, "4711"); len(got) != 2 || got[1] != "Countersign: ☎️ The talk by telephone is over: 2 people, less than a minute" {
		t.Errorf("the timeline: %q", got)
	}
	if _, err := o.discuss(t, o.desk, ask{anna, "4711", "late"}); !errors.Is(err, approval.ErrClosed) {
		t.Errorf("a talk about what is decided: %v", err)
	}
}

// Who asks for a talk is told why there can be none, and nobody is called; who is asked, and
// cannot be called, is told as well.
func TestWhoCannotBeCalledIsToldWhy(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.Post(t, "4711")
	o.share(t, anna, annasPhone)
	o.share(t, pyotr, pyotrsPhone)
	tap := func(id string, account int64, want error) audiodesk.Rung {
		t.Helper()
		out, err := o.discuss(t, o.desk, ask{account, "4711", id})
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", id, err, want)
		}
		if text, known := audiodesk.Refusal(o.texts.For("en"), want); want != nil && (!known || strings.Contains(text, "audio.")) {
			t.Errorf("%s: %q", id, text)
		}
		return out
	}
	rules := o.desk.Rules
	with := func(change func(r *audiodesk.Rules)) { o.desk.Rules = rules; change(&o.desk.Rules) }
	with(func(r *audiodesk.Rules) { r.Prefixes = nil })
	tap("off", anna, audiodesk.ErrOff)
	with(func(r *audiodesk.Rules) { r.Prefixes = []string{"+" + pyotrsPhone} })
	tap("her number", anna, audiodesk.ErrPrefix)
	with(func(r *audiodesk.Rules) { r.DailyAll = 0 })
	tap("all", anna, audiodesk.ErrDailyAll)
	with(func(r *audiodesk.Rules) { r.Daily = 0 })
	tap("hers", anna, audiodesk.ErrDaily)
	if n := o.count(t, `select (select count(*) from audio_room) + (select count(*) from audio_call) + (select count(*) from comment)`); n != 0 {
		t.Errorf("%d rows for talks that were refused", n)
	}
	for i, c := range []struct {
		key    string
		change func(r *audiodesk.Rules)
	}{
		{"prefix", func(r *audiodesk.Rules) { r.Prefixes = []string{"+" + annasPhone} }},
		{"daily_all", func(r *audiodesk.Rules) { r.DailyAll = o.count(t, `select count(*) from audio_call`) + 1 }},
		{"elsewhere", func(*audiodesk.Rules) { o.share(t, pyotr, annasPhone) }}, // one phone for the two of them
	} {
		with(c.change)
		if out := tap(c.key, anna, nil); out.Phones != 1 || out.Unable != 1 {
			t.Errorf("%s: %+v", c.key, out)
		}
		if n := o.count(t, `select count(*) from notice where body->>'key' = $1`, "audio.discuss."+c.key); n != 1 {
			t.Errorf("%s: told %d times", c.key, n)
		}
		o.ringsFor(t, annasPhone, i+1)
		o.pbx.HangUp(annasPhone)
		o.holds(t, 0)
		audiodesk.Desert(o.desk)
		o.wait(t, "the room is closed", func() bool {
			must(t, o.desk.Conclude(t.Context()))
			return o.count(t, `select count(*) from audio_room where noted_at is not null`) == i+1
		})
	}
	if got := o.said(t, "4711"); len(got) != 6 || got[1] != "Countersign: ☎️ The talk by telephone did not come about" {
		t.Errorf("the timeline: %q", got)
	}
	with(func(*audiodesk.Rules) {})
	o.share(t, pyotr, pyotrsPhone)
	o.newRoom(t, pyotr, "Private, with names", "Team", "48291")
	m := o.open(t, pyotr, "/rooms")
	o.tap(t, pyotr, m, "Team")
	o.tap(t, pyotr, o.shows(t, m, "Private room"), "Call me")
	o.holds(t, 1)
	tap("from another call", pyotr, audiodesk.ErrInProgress)
	if out := tap("into another call", anna, nil); out.Phones != 1 || out.Unable != 1 || o.count(t, `select count(*) from notice where body->>'key' = 'audio.discuss.elsewhere'`) != 2 {
		t.Errorf("while he is in another call: %+v", out)
	}
	o.holds(t, 2)
	m = o.open(t, anna, "/rooms")
	o.tap(t, anna, m, "Payment request")
	o.tap(t, anna, o.shows(t, m, "Room of a document"), "Lock")
	o.shows(t, m, "is locked")
	tap("locked", anna, audiodesk.ErrLocked)
	must(t, o.pbx.Stop())
	o.wait(t, "the line is down", func() bool { return !o.desk.Exchange.State().Up })
	tap("away", anna, audiodesk.ErrAway)
}

// Whoever taps, on whichever replica, and however often his tap is handled, comes to one room;
// each phone rings once.
func TestTapsOfAllAtOnceMakeOneTalk(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.Post(t, "4711")
	other := o.replica(t, o.Bench, o.pbx.Addr())
	o.work(t, other)
	for account, phone := range map[int64]string{anna: annasPhone, pyotr: pyotrsPhone} {
		o.share(t, account, phone)
		o.pbx.Phone(phone, asterisktest.NeverAnswers)
	}
	var wg sync.WaitGroup
	for i := range 12 {
		d, account := []*audiodesk.Desk{o.desk, other}[i%2], []int64{anna, pyotr}[i/2%2]
		wg.Go(func() {
			if _, err := o.discuss(t, d, ask{account, "4711", fmt.Sprint("tap", i/4)}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	o.wait(t, "both ring", func() bool { return o.count(t, `select count(*) from audio_call where state = 'ringing'`) == 2 })
	rooms, calls, told := o.count(t, `select count(*) from audio_room`), o.count(t, `select count(*) from audio_call`), o.count(t, `select count(*) from notice`)
	if rooms != 1 || calls != 2 || told != 2 || o.pbx.Dials(annasPhone) != 1 || o.pbx.Dials(pyotrsPhone) != 1 || len(o.said(t, "4711")) != 1 {
		t.Errorf("%d rooms, %d calls, %d notices, said %q", rooms, calls, told, o.said(t, "4711"))
	}
}

// TestKilledAtEachArrowOfATalk: the tap is handled again by whoever lives, and the end is found
// out by him.
func TestKilledAtEachArrowOfATalkItBeginsAndEndsOnce(t *testing.T) {
	t.Parallel()
	o := newHouse(t, telegramtest.RealClock())
	o.connect(t, o.desk)
	o.share(t, anna, annasPhone)
	o.share(t, pyotr, pyotrsPhone)
	o.desk.Rules.Daily, o.desk.Rules.DailyAll = 10_000, 10_000
	dies := func(n int, do func(d *audiodesk.Desk) error) (killed bool) {
		life := crashtest.New(t)
		d := o.replica(t, o.Mortal(t, life), o.pbx.Addr())
		d.Exchange, d.Rules = o.desk.Exchange, o.desk.Rules
		life.EndAfter(n)
		err := do(d)
		if killed = life.Ended(); !killed {
			must(t, err)
		}
		life.EndAfter(0)
		o.Buried(t)
		return killed
	}
	begins, ends := 0, 0
	for n, killed := 0, true; killed; n++ {
		id := fmt.Sprint("kill-", n)
		o.Post(t, id)
		a := ask{anna, id, id}
		begun := dies(n, func(d *audiodesk.Desk) error { _, err := o.discuss(t, d, a); return err })
		_, err := o.discuss(t, o.desk, a)
		must(t, err)
		of := func(what string) int {
			return o.count(t, `select count(*) from audio_room r join `+what+` where r.name like '%' || $1 || ' %'`, id)
		}
		rooms, calls, told := of(`(select 1) x on true`), of(`audio_call c on c.room_id = r.id`), o.count(t, `select count(*) from notice where body::text like '%' || $1 || ' %'`, id)
		if rooms != 1 || calls != 2 || told != 2 || len(o.said(t, id)) != 1 {
			t.Errorf("killed after %d messages: %d rooms, %d calls, %d notices, said %q", n, rooms, calls, told, o.said(t, id))
		}
		o.Vote(t, id, pyotr, approval.Reject, "No")
		ended := dies(n, func(d *audiodesk.Desk) error { return d.Conclude(t.Context()) })
		must(t, o.desk.Conclude(t.Context()))
		if closed, got := of(`audio_call c on c.room_id = r.id and c.outcome = 'closed' and r.closed_at is not null`), o.said(t, id); closed != 2 || len(got) != 2 {
			t.Errorf("killed after %d messages of the end: %d calls are closed, said %q", n, closed, got)
		}
		if killed = begun || ended; begun {
			begins++
		}
		if ended {
			ends++
		}
	}
	if begins < 8 || ends < 5 {
		t.Errorf("only %d and %d kills", begins, ends)
	}
	o.staysOpenForACall(t)
	o.countsWhatOthersCall(t)
}

// staysOpenForACall: somebody is called into an empty room in the moment in which it is to be
// closed.
func (o *office) staysOpenForACall(t *testing.T) {
	t.Helper()
	o.Post(t, "4799")
	_, err := o.discuss(t, o.desk, ask{anna, "4799", "first"})
	must(t, err)
	_, err = o.Pool.Exec(t.Context(), `update audio_call set state = 'ended', outcome = 'too_late', ended_at = statement_timestamp() where ended_at is null`)
	must(t, err)
	audiodesk.Desert(o.desk)
	o.whileCalled(t, anna, func() {
		if err := o.desk.Conclude(t.Context()); err != nil {
			t.Error(err)
		}
	})
	if n := o.count(t, `select count(*) from audio_room where closed_at is null`); n != 1 || len(o.said(t, "4799")) != 1 {
		t.Errorf("closed on somebody who is being called: %q", o.said(t, "4799"))
	}
}

// countsWhatOthersCall: two documents at once call nobody twice.
func (o *office) countsWhatOthersCall(t *testing.T) {
	t.Helper()
	o.Post(t, "4800")
	o.whileCalled(t, pyotr, func() {
		out, err := o.discuss(t, o.desk, ask{pyotr, "4800", "second"})
		if err != nil || out.Phones != 0 || out.Unable != 2 {
			t.Errorf("%+v, %v", out, err)
		}
	})
}

// whileCalled does something that counts calls, and has somebody called in the same moment.
func (o *office) whileCalled(t *testing.T, account int64, do func()) {
	t.Helper()
	tx, err := o.Pool.Begin(t.Context())
	must(t, err)
	_, err = tx.Exec(t.Context(), `select from audio_key for update`) // as whoever counts calls
	must(t, err)
	var doing sync.WaitGroup
	doing.Go(do)
	o.wait(t, "it waits for its turn", func() bool {
		return o.count(t, `select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like 'select from audio_key%'`) > 0
	})
	id, err := ident.New("acl")
	must(t, err)
	_, err = tx.Exec(t.Context(), `insert into audio_call (id, cause, room_id, person_id, mark, caller, lang, leads, at)
		select $1, 'tap/' || $1, r.id, $2, sha256($1::text::bytea), '', 'en', false, statement_timestamp() from audio_room r where r.closed_at is null order by r.made_at limit 1`,
		id, o.person(t, account).ID)
	must(t, errors.Join(err, tx.Commit(t.Context())))
	doing.Wait()
}
