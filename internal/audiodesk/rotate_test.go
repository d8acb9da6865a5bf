package audiodesk_test

import (
	"context"
	"errors"
	"testing"

	"countersign/internal/asterisk/asterisktest"
	"countersign/internal/audiodesk"
	"countersign/internal/crash/crashtest"
	"countersign/internal/telegram/telegramtest"
)

// sealedUnder counts the sealed values of the desk under a key, or under others.
const sealedUnder = `select count(*) from (select sealed_key k from audio_number union all select sealed_key from audio_call where sealed is not null
	union all select pin_key from audio_room where pin is not null union all select sealed_key from audio_key union all select before_key from audio_key where before is not null) x`

// TestAfterARotationTheSamePeopleAreCalledAndCounted: with the old key retired, while the desk
// is at work.
func TestAfterARotationTheSamePeopleAreCalledAndCounted(t *testing.T) {
	t.Parallel()
	o := newHouse(t, telegramtest.RealClock())
	o.desk.Rules.Daily = 2
	o.work(t, o.desk)
	hall := o.newRoom(t, ivan, "Public, with names", "Hall", "")
	o.share(t, anna, annasPhone)
	mine := o.open(t, anna, "/rooms")
	o.tap(t, anna, mine, "Hall")
	o.tap(t, anna, mine, "Call me")
	o.shows(t, mine, "You are in the room")
	o.pbx.Visit(o.number(t), "4930999999")
	o.shows(t, hall, "Guest 2")
	made := o.newRoom(t, ivan, "Private, with names", "Team", "482913")
	ask := func(key, number string) error {
		_, err := o.desk.Call(t.Context(), audiodesk.Request{Source: "crm", Key: key, Number: number, Room: "Sales"})
		return err
	}
	must(t, ask("a", "+4930100486"))
	must(t, ask("b", "+4930100480"))
	ringing := func() bool {
		return o.count(t, `select count(*) from audio_call where state = 'ringing'`) == 1 && o.count(t, `select count(*) from audio_call where outcome = 'busy'`) == 1
	}
	o.wait(t, "one is busy, one rings", ringing)
	guest := `select count(*) from audio_presence where call_id is null`
	old := o.count(t, `select sealed_key from audio_key`)

	key, err := o.seal.Rotate(t.Context(), o.Pool)
	must(t, err)
	if n, err := o.desk.Reseal(t.Context(), 1); n != 4 || err != nil { // the key of the marks, a number, a PIN, the number that rings
		t.Errorf("%d sealed anew, %v", n, err)
	}
	if n, err := o.desk.Reseal(t.Context(), 1); n != 0 || err != nil {
		t.Errorf("%d sealed once more, %v", n, err)
	}
	gone, err := o.seal.Retire(t.Context(), o.Pool)
	if err != nil || len(gone) != 1 || int(gone[0]) != old || o.count(t, sealedUnder+` where k = $1`, int64(key)) != 5 {
		t.Errorf("retired %v of %d, %v", gone, old, err)
	}

	must(t, errors.Join(o.desk.Reconcile(t.Context()), o.desk.Reconcile(t.Context())))
	if o.count(t, guest) != 1 {
		t.Error("a guest is taken for another one")
	}
	if err := ask("c", "+4930100480"); !errors.Is(err, audiodesk.ErrInProgress) {
		t.Errorf("a phone that rings: %v", err)
	}
	must(t, ask("d", "+4930100486"))
	o.wait(t, "busy again", func() bool { return o.count(t, `select count(*) from audio_call where outcome = 'busy'`) == 2 })
	if err := ask("e", "+4930100486"); !errors.Is(err, audiodesk.ErrDaily) {
		t.Errorf("a third call in a day: %v", err)
	}
	o.pbx.HangUp(annasPhone)
	o.shows(t, mine, "Your call has ended")
	o.tap(t, anna, mine, "Call me back")
	o.shows(t, mine, "You are in the room")
	if n := o.pbx.Dials(annasPhone); n != 2 {
		t.Errorf("she was called %d times", n)
	}
	door := o.open(t, pyotr, invitation(t, made))
	o.tap(t, pyotr, door, "Enter the PIN")
	o.sees(t, pyotr, "Write its PIN")
	o.says(t, pyotr, "482913", 0)
	o.sees(t, pyotr, "You may come into Team")

	before := `select count(*) from audio_key where before is not null`
	err = o.desk.Purge(t.Context(), 1e15)
	if must(t, err); o.count(t, before) != 1 {
		t.Error("the key before is forgotten while calls count that it marked")
	}
	_, err = o.Pool.Exec(t.Context(), `update audio_key set renewed_at = renewed_at - interval '26 hours'`)
	must(t, err)
	err = o.desk.Purge(t.Context(), 1e15)
	if must(t, err); o.count(t, before) != 0 {
		t.Error("the key before is never forgotten")
	}
}

// TestKilledAtEachArrowOfARotationNothingIsLost: whoever goes on seals the rest, and the old
// key may go.
func TestKilledAtEachArrowOfARotationNothingIsLost(t *testing.T) {
	t.Parallel()
	o := newHouse(t, telegramtest.RealClock())
	o.connect(t, o.desk)
	o.share(t, anna, annasPhone)
	o.newRoom(t, anna, "Private, with names", "Team", "482913")
	o.pbx.Phone("4930200480", asterisktest.NeverAnswers)
	_, err := o.desk.Call(t.Context(), audiodesk.Request{Source: "crm", Key: "a", Number: "+4930200480", Room: "Sales"})
	must(t, err)
	must(t, o.desk.Dial(t.Context()))
	for n := 0; ; n++ {
		if n > 60 {
			t.Fatal("it never comes to an end")
		}
		_, err := o.Pool.Exec(t.Context(), `update audio_key set renewed_at = renewed_at - interval '26 hours'`)
		must(t, err)
		key, err := o.seal.Rotate(t.Context(), o.Pool)
		must(t, err)
		life := crashtest.New(t)
		b := o.Mortal(t, life)
		life.EndAfter(n)
		_, err = (&audiodesk.Desk{Store: &audiodesk.Store{Pool: b.Pool}, Seal: o.seal}).Reseal(context.WithoutCancel(t.Context()), 1)
		survived := err == nil && !life.Ended()
		life.EndAfter(0)
		o.Buried(t)
		_, err = o.desk.Reseal(t.Context(), 1)
		must(t, err)
		if gone, err := o.seal.Retire(t.Context(), o.Pool); err != nil || len(gone) != 1 || o.count(t, sealedUnder+` where k <> $1`, int64(key)) != 0 {
			t.Fatalf("killed after %d messages: retired %v, %v", n, gone, err)
		}
		if survived {
			break
		}
	}
	token := o.token(t, anna, "Team")
	_, err = o.desk.Hosted().Tap(t.Context(), o.visitor(t, anna, "tap", token))
	must(t, errors.Join(err, o.desk.Dial(t.Context())))
	if n := o.pbx.Dials(annasPhone); n != 1 {
		t.Errorf("she was called %d times", n)
	}
}

// token is that of somebody's button to be called into a room.
func (o *office) token(t *testing.T, account int64, room string) (token string) {
	t.Helper()
	must(t, o.Pool.QueryRow(t.Context(), `select token from audio_button b join audio_room r on r.id = b.room where person_id = $1 and verb = 'join' and r.name = $2`,
		o.person(t, account).ID, room).Scan(&token))
	return token
}
