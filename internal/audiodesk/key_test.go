package audiodesk_test

import (
	"errors"
	"testing"

	"countersign/internal/audiodesk"
	"countersign/internal/telegram/telegramtest"
)

// TestAKeyOfAnotherSystemNamesOneCall: whatever comes with it later is that call, or nothing; and
// what is refused leaves nothing behind.
func TestAKeyOfAnotherSystemNamesOneCall(t *testing.T) {
	t.Parallel()
	o := newHouse(t, telegramtest.RealClock())
	first := audiodesk.Request{Source: "crm", Key: "k1", Number: "+49 30 100001", Room: "Incident", Caller: "Desk", Lang: "de"}
	out, err := o.desk.Call(t.Context(), first)
	must(t, err)
	for what, change := range map[string]func(*audiodesk.Request){
		"number": func(r *audiodesk.Request) { r.Number = "+4930100002" }, "room": func(r *audiodesk.Request) { r.Room = "Salaries" },
		"caller": func(r *audiodesk.Request) { r.Caller = "Bank" }, "language": func(r *audiodesk.Request) { r.Lang = "" },
	} {
		r := first
		change(&r)
		if got, err := o.desk.Call(t.Context(), r); !errors.Is(err, audiodesk.ErrOther) {
			t.Errorf("with another %s: %+v, %v", what, got, err)
		}
	}
	refused := func(key, number string, want error) {
		t.Helper()
		if _, err := o.desk.Call(t.Context(), audiodesk.Request{Source: "crm", Key: key, Number: number, Room: "Room of " + key}); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", key, err, want)
		}
	}
	refused("k2", "+4930100001", audiodesk.ErrInProgress)
	o.desk.Rules.DailyAll = 1
	refused("k3", "+4930100002", audiodesk.ErrDailyAll)
	if n := o.count(t, `select count(*) from audio_room`); n != 1 {
		t.Errorf("%d rooms, of one call that was taken", n)
	}
	_, err = o.Pool.Exec(t.Context(), `update audio_room set locked = true`)
	must(t, err)
	o.desk.Rules.DailyAll = 100
	if _, err := o.desk.Call(t.Context(), audiodesk.Request{Source: "crm", Key: "k5", Number: "+4930100002", Room: "Incident"}); !errors.Is(err, audiodesk.ErrLocked) {
		t.Errorf("into a locked room: %v", err)
	}
	_, err = o.Pool.Exec(t.Context(), `update audio_room set locked = false`)
	must(t, err)
	// The room is closed, and the answer was lost: it is the same call still.
	_, err = o.Pool.Exec(t.Context(), `update audio_room set closed_at = now()`)
	must(t, err)
	again, err := o.desk.Call(t.Context(), first)
	if err != nil || again.ID != out.ID {
		t.Errorf("again: %+v, %v", again, err)
	}
	// The exchange is away: nobody was called, and that costs nobody his calls of the day.
	must(t, o.desk.Dial(t.Context()))
	if n := o.count(t, `select count(*) from audio_call where outcome = 'away'`); n != 1 {
		t.Fatalf("%d calls were not made", n)
	}
	o.desk.Rules.Daily = 1
	_, err = o.desk.Call(t.Context(), audiodesk.Request{Source: "crm", Key: "k4", Number: "+4930100001", Room: "Incident"})
	must(t, err)
}
