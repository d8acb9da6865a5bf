package audiodesk_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"countersign/internal/audiodesk"
	"countersign/internal/screen"
	"countersign/internal/telegram"
	"countersign/internal/telegram/telegramtest"
)

// asked puts a question to somebody.
func (o *office) asked(t *testing.T, account int64, what, kind, room string) {
	t.Helper()
	_, err := o.Pool.Exec(t.Context(), `insert into audio_ask (person_id, what, kind, room_id, tap, expires_at) values ($1, $2, $3, nullif($4, ''), $5, now() + interval '1 hour')
		on conflict (person_id) do update set what = excluded.what, kind = excluded.kind, room_id = excluded.room_id, tap = excluded.tap, message = 0`,
		o.person(t, account).ID, what, kind, room, "tap of "+t.Name())
	must(t, err)
}

// hears lets a desk hear words of somebody's, which may be heard again.
func (o *office) hears(t *testing.T, account, update int64, text string) func(ctx context.Context, d *audiodesk.Desk) error {
	t.Helper()
	v := o.visitor(t, account, "")
	w := screen.Words{Message: &telegram.Message{ID: 1_000_000 + update, Chat: telegram.Chat{ID: account}, Text: text}, Update: update}
	return func(ctx context.Context, d *audiodesk.Desk) error {
		_, err := d.Hosted().Hear(ctx, v, w)
		return err
	}
}

// told counts the messages that somebody got with such words.
func (o *office) told(account int64, words string) (n int) {
	for _, m := range o.tg.Messages(account) {
		if strings.Contains(m.Text, words) {
			n++
		}
	}
	return n
}

// TestKilledWhileARoomIsMadeItIsMadeAndToldOnce: the words are heard again by another replica.
func TestKilledWhileARoomIsMadeItIsMadeAndToldOnce(t *testing.T) {
	t.Parallel()
	o := newHouse(t, telegramtest.RealClock())
	heir := o.replica(t, o.Bench, o.pbx.Addr())
	twice := 0
	for n, survived := 0, false; !survived; n++ {
		name := fmt.Sprintf("Hall %d.", n)
		o.asked(t, ivan, "name", "public", "")
		survived = o.dying(t, n, o.hears(t, ivan, int64(n), name))
		for range 2 {
			must(t, o.hears(t, ivan, int64(n), name)(t.Context(), heir))
		}
		made, told := o.count(t, `select count(*) from audio_room where name = $1`, name), o.told(ivan, name)
		if made != 1 || told < 1 {
			t.Errorf("killed after %d messages: made %d times, told %d times", n, made, told)
		}
		if told > 1 {
			twice++ // the messenger has it, and nobody could note that
		}
		if n > 40 {
			t.Fatal("it never comes to an end")
		}
	}
	if twice > 1 {
		t.Errorf("told twice %d times", twice)
	}
}

// TestATryAtAPINIsCountedOnceAndThoseOfEverybodyTogether.
func TestATryAtAPINIsCountedOnceAndThoseOfEverybodyTogether(t *testing.T) {
	t.Parallel()
	o := newHouse(t, telegramtest.RealClock())
	heir := o.replica(t, o.Bench, o.pbx.Addr())
	o.newRoom(t, ivan, "Private, with names", "Team", "482913")
	var room string
	must(t, o.Pool.QueryRow(t.Context(), `select id from audio_room`).Scan(&room))
	enter := func(account, update int64, text string) {
		t.Helper()
		o.asked(t, account, "pin", "", room)
		must(t, o.hears(t, account, update, text)(t.Context(), heir))
	}
	enter(pyotr, 1, "9182")
	enter(pyotr, 1, "9182")
	enter(pyotr, 2, "٤٨٢٩١٣") // digits, but not ours
	if n := o.told(pyotr, "Tries left: 4") + 10*o.told(pyotr, "4 to 8 digits"); n != 12 {
		t.Errorf("words that were heard twice and a PIN in other digits are answered as %d", n)
	}
	// The last try is the right one, and whoever heard it dies before he lets him in.
	_, err := o.Pool.Exec(t.Context(), `update audio_member set tries = tries + 1`)
	must(t, err)
	for range 2 {
		_, err = o.Pool.Exec(t.Context(), `update audio_member set tries = least(4, tries + 1)`)
		must(t, err)
	}
	counted := func() bool { return o.count(t, `select tries from audio_member`) == 5 }
	for n := 0; !counted(); n++ {
		o.asked(t, pyotr, "pin", "", room)
		if o.dying(t, n, o.hears(t, pyotr, 3, "482913")) {
			t.Fatal("nobody died with the try")
		}
	}
	enter(pyotr, 3, "482913")
	if n := o.told(pyotr, "You may come into Team"); n != 1 || o.count(t, `select guesses from audio_room`) != 1 {
		t.Errorf("told %d times that he may come in", n)
	}
	// Others who try are no better than one: after thirty wrong tries of whomever nobody is looked at.
	_, err = o.Pool.Exec(t.Context(), `update audio_room set guesses = 29`)
	must(t, err)
	enter(maria, 4, "9182")
	enter(olga, 5, "482913")
	if o.told(maria, "Tries left: 4") != 1 || o.told(olga, "Too many wrong tries") != 1 {
		t.Error("the PIN is looked at for ever")
	}
	_, err = o.Pool.Exec(t.Context(), `update audio_room set guessed = guessed - interval '25 hours'`)
	must(t, err)
	enter(olga, 6, "482913")
	if o.told(olga, "You may come into Team") != 1 {
		t.Error("after a day the right PIN is not taken")
	}
}
