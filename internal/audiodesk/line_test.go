package audiodesk_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"

	"countersign/internal/asterisk"
	"countersign/internal/asterisk/asterisktest"
	"countersign/internal/audiodesk"
	"countersign/internal/people"
	"countersign/internal/telegram/telegramtest"
)

// TestAReplicaWithoutALineLeavesCallsToOthers: it takes none, and gives up only those that
// nobody made though lines were free.
func TestAReplicaWithoutALineLeavesCallsToOthers(t *testing.T) {
	t.Parallel()
	o := newHouse(t, telegramtest.RealClock())
	connected := o.replica(t, o.Bench, o.pbx.Addr())
	o.connect(t, connected)
	connected.Rules.AtOnce, o.desk.Rules.AtOnce = 1, 1
	audiodesk.Patient(o.desk)
	phone := func(n int) string { return fmt.Sprint("+493020048", n) }
	ask := func(n int) {
		t.Helper()
		_, err := o.desk.Call(t.Context(), audiodesk.Request{Source: "crm", Key: phone(n), Number: phone(n), Room: "Sales"})
		must(t, err)
		o.pbx.Phone(phone(n), asterisktest.NeverAnswers)
	}
	waits := func(why string) {
		t.Helper()
		must(t, o.desk.Dial(t.Context()))
		if n := o.count(t, `select count(*) from audio_call where state = 'asked'`); n != 1 {
			t.Fatalf("%s: %d calls wait", why, n)
		}
	}
	age := func(what string) {
		t.Helper()
		owner, err := pgx.Connect(t.Context(), o.OwnerURL)
		must(t, err)
		_, err = owner.Exec(t.Context(), `begin; alter table audio_call disable trigger user;
			update audio_call set at = at - interval '1 minute', claimed_at = claimed_at - interval '1 minute', ended_at = ended_at - interval '1 minute' where state = '`+what+`';
			alter table audio_call enable trigger user; commit`)
		must(t, errors.Join(err, owner.Close(t.Context())))
	}
	ask(1)
	waits("while another has a line")
	must(t, connected.Dial(t.Context()))
	o.wait(t, "it rings", func() bool { return o.pbx.Dials(phone(1)) == 1 })
	ask(2)
	age("asked")
	waits("while no line is free")
	o.pbx.GiveUp(phone(1))
	o.wait(t, "the first is over", func() bool {
		must(t, connected.Reconcile(t.Context()))
		return o.count(t, `select count(*) from audio_call where ended_at is not null`) == 1
	})
	waits("when a line was free only now")
	must(t, connected.Dial(t.Context()))
	o.wait(t, "it rings", func() bool { return o.pbx.Dials(phone(2)) == 1 })
	o.pbx.GiveUp(phone(2))
	o.wait(t, "the second is over", func() bool {
		must(t, connected.Reconcile(t.Context()))
		return o.count(t, `select count(*) from audio_call where ended_at is not null`) == 2
	})
	age("ended")
	ask(3)
	waits("when all lines are free")
	age("asked")
	must(t, errors.Join(o.desk.Dial(t.Context()), connected.Dial(t.Context())))
	if n := o.count(t, `select count(*) from audio_call where outcome = 'away' and cause like 'rest/%'`); n != 1 || o.pbx.Dials(phone(3)) != 0 {
		t.Errorf("%d calls given up that nobody made, the phone rang %d times", n, o.pbx.Dials(phone(3)))
	}
}

// TestWhatMayHaveBeenDoneIsNotCalledUndone: an answer that did not come is no refusal, whatever
// cut it off.
func TestWhatMayHaveBeenDoneIsNotCalledUndone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		ends audiodesk.Outcome
		told string
	}{
		{&asterisk.Error{Is: asterisk.ErrUnanswered, Err: asterisk.ErrAway}, "", "audio.trouble.unanswered"},
		{&asterisk.Error{Is: asterisk.ErrUnanswered, Err: &asterisk.Error{Is: asterisk.ErrLogin}}, "", "audio.trouble.unanswered"},
		{&asterisk.Error{Is: asterisk.ErrUnanswered, Err: context.DeadlineExceeded}, "", "audio.trouble.unanswered"},
		{&asterisk.Error{Is: asterisk.ErrAway, Err: context.DeadlineExceeded}, audiodesk.Away, "audio.trouble.away"},
		{&asterisk.Error{Is: asterisk.ErrForbidden}, audiodesk.Failed, "audio.trouble.forbidden"},
		{&asterisk.Error{Is: asterisk.ErrRefused}, audiodesk.Failed, "audio.trouble.refused"},
	} {
		if ends, told := audiodesk.Unrung(c.err), audiodesk.Trouble(c.err); ends != c.ends || told != c.told {
			t.Errorf("%v: the call ends %q, and %s is told", c.err, ends, told)
		}
	}
}

// TestACallThatWasNotMadeEndsAtOnce: its number cannot be found out, so nobody was called.
func TestACallThatWasNotMadeEndsAtOnce(t *testing.T) {
	t.Parallel()
	o := newHouse(t, telegramtest.RealClock())
	o.connect(t, o.desk)
	join := o.hall(t, anna, annasPhone)
	_, err := o.desk.Hosted().Tap(t.Context(), o.visitor(t, anna, "tap", join))
	must(t, err)
	o.desk.Directory = func(context.Context) (people.Directory, error) {
		return people.Directory{}, errors.New("not now")
	}
	if err := o.desk.Dial(t.Context()); err != nil {
		t.Error(err)
	}
	if n := o.count(t, `select count(*) from audio_call where outcome = 'failed'`); n != 1 || o.pbx.Dials(annasPhone) != 0 {
		t.Errorf("%d calls ended, the phone rang %d times", n, o.pbx.Dials(annasPhone))
	}
}

// TestAPhoneDoesNotRingForARoomThatWasClosedMeanwhile: in whichever moment of the call.
func TestAPhoneDoesNotRingForARoomThatWasClosedMeanwhile(t *testing.T) {
	t.Parallel()
	o := newHouse(t, telegramtest.RealClock())
	o.connect(t, o.desk)
	join := o.hall(t, anna, annasPhone)
	o.pbx.Phone(annasPhone, asterisktest.NeverAnswers)
	shut := func() {
		_, err := o.Pool.Exec(t.Context(), `update audio_room set closed_at = statement_timestamp() where closed_at is null`)
		must(t, err)
	}
	_, err := o.desk.Hosted().Tap(t.Context(), o.visitor(t, anna, "tap", join))
	must(t, err)
	whole := o.desk.Directory
	o.desk.Directory = func(ctx context.Context) (people.Directory, error) { // when the call is claimed
		shut()
		return whole(ctx)
	}
	must(t, o.desk.Dial(t.Context()))
	if n := o.count(t, `select count(*) from audio_call where outcome = 'closed'`); n != 1 || o.pbx.Dials(annasPhone) != 0 {
		t.Errorf("%d calls ended, the phone rang %d times", n, o.pbx.Dials(annasPhone))
	}
	o.desk.Directory = whole
	for i, falls := range []func(){
		func() { must(t, o.desk.Reconcile(t.Context())) },
		func() {
			audiodesk.Patient(o.desk) // it looks for none that was claimed now: it is to hear of it
			o.background(t, func(ctx context.Context) error { audiodesk.Listen(ctx, o.desk); return nil })
		},
	} {
		_, err := o.desk.Call(t.Context(), audiodesk.Request{Source: "crm", Key: fmt.Sprint(i), Number: "+" + annasPhone, Room: "Sales"})
		must(t, errors.Join(err, o.desk.Dial(t.Context())))
		o.wait(t, "it rings", func() bool { return len(o.pbx.Calls()) == 1 })
		shut()
		falls()
		o.wait(t, fmt.Sprint("it falls silent ", i), func() bool { return len(o.pbx.Calls()) == 0 })
		o.wait(t, "the call is over", func() bool {
			must(t, o.desk.Reconcile(t.Context()))
			return o.count(t, `select count(*) from audio_call where ended_at is null`) == 0
		})
	}
}
