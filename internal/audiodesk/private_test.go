package audiodesk_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"countersign/internal/telegram/telegramtest"
)

// number is how others are invited into a private room.
func invitation(t *testing.T, m telegramtest.Message) string {
	t.Helper()
	found := regexp.MustCompile(`/rooms [A-Z0-9]{12,}`).FindString(m.Text)
	if found == "" {
		t.Fatalf("nobody can be invited by\n%s", m.Text)
	}
	return found
}

func TestAPrivateRoomOpensByItsPINAndLetsNobodyGuess(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	m := o.open(t, anna, "/rooms")
	o.tap(t, anna, m, "New room")
	if got := strings.Join(labels(o.shows(t, m, "A private room has a PIN")), "|"); strings.Contains(got, "Public") {
		t.Errorf("whoever looks after nothing is offered %s", got)
	}
	o.tap(t, anna, m, "Private, anonymous")
	name := o.sees(t, anna, "What is the room called?")
	asked := o.says(t, anna, "Salaries", name.ID)
	for pin, want := range map[string]string{"123": "4 to 8 digits", "12ab": "4 to 8 digits", "123456789": "4 to 8 digits", "4444": "try this PIN first", "3456": "try this PIN first"} {
		if got := o.says(t, anna, pin, asked.ID); !strings.Contains(got.Text, want) {
			t.Errorf("%s is answered %q", pin, got.Text)
		}
	}
	o.tg.FailNext("deleteMessage", telegramtest.Refuse(400, "Bad Request: message can't be deleted"))
	if got := o.says(t, anna, "482913", asked.ID); !strings.Contains(got.Text, "Please delete it yourself") {
		t.Errorf("a PIN that stays in the chat is answered %q", got.Text)
	}
	made := o.sees(t, anna, "The room is ready")
	way := invitation(t, made)

	// Whoever does not know the number is shown nothing of the room; whoever does, its name.
	if got := o.open(t, pyotr, "/rooms"); strings.Contains(strings.Join(labels(got), "|"), "Salaries") {
		t.Error("a private room is listed to everybody")
	}
	if got := o.open(t, pyotr, "/rooms 7AAAAAAAAAAAAAAAA"); !strings.Contains(got.Text, "There is no such room for you") {
		t.Errorf("a guessed number is answered %q", got.Text)
	}
	door := o.open(t, pyotr, way)
	o.tap(t, pyotr, door, "Enter the PIN")
	prompt := o.sees(t, pyotr, "Write its PIN")
	for left := 4; left > 0; left-- {
		if got := o.says(t, pyotr, "9182", prompt.ID); !strings.Contains(got.Text, fmt.Sprintf("Tries left: %d", left)) {
			t.Errorf("a wrong PIN is answered %q", got.Text)
		}
	}
	if got := o.says(t, pyotr, "9182", prompt.ID); !strings.Contains(got.Text, "Try again in 15 min") {
		t.Errorf("the last try is answered %q", got.Text)
	}
	if got := o.says(t, pyotr, "482913", prompt.ID); !strings.Contains(got.Text, "Too many wrong tries") {
		t.Errorf("the right PIN of somebody locked out is answered %q", got.Text)
	}
	if n := o.count(t, `select count(*) from audio_member where let_in`); n != 0 {
		t.Errorf("%d are let in", n)
	}
	// His pause concerns nobody else.
	door = o.open(t, maria, way)
	o.tap(t, maria, door, "Enter the PIN")
	o.sees(t, maria, "Write its PIN")
	if got := o.says(t, maria, "482913", 0); !strings.Contains(got.Text, "You may come into Salaries") {
		t.Fatalf("the right PIN is answered %q", got.Text)
	}
	o.unsaid(t, "482913", "9182", "4444")
}

// unsaid: a PIN is in no chat, in no row and in no message of the bot's.
func (o *office) unsaid(t *testing.T, pins ...string) {
	t.Helper()
	for _, pin := range pins {
		kept := func() int {
			return o.count(t, `select (select count(*) from telegram_update where strpos(convert_from(body, 'UTF8'), '"' || $1 || '"') > 0)
				+ (select count(*) from audio_room r where r::text like '%' || $1 || '%' and r.number not like '%' || $1 || '%' and r.id not like '%' || $1 || '%')
				+ (select count(*) from audio_ask a where a.name like '%' || $1 || '%')`, pin)
		}
		o.wait(t, "the PIN is kept nowhere", func() bool { return kept() == 0 })
		for _, account := range []int64{anna, pyotr, maria} {
			for _, m := range o.tg.Messages(account) {
				if strings.Contains(m.Text, pin) && !m.Deleted && (m.From == o.tg.BotID() || pin != "482913") {
					t.Errorf("%d reads %s in %q", account, pin, m.Text)
				}
			}
		}
	}
}

func TestAPINIsNoReasonAndAReasonIsNoPIN(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	m := o.open(t, anna, "/rooms")
	o.tap(t, anna, m, "New room")
	o.tap(t, anna, m, "Private, with names")
	o.says(t, anna, "Team", o.sees(t, anna, "What is the room called?").ID)
	if got := o.says(t, anna, "Let us talk about it", 0); !strings.Contains(got.Text, "I understand commands only") {
		t.Errorf("words that are no PIN are answered %q", got.Text)
	}
	if got := o.says(t, anna, "7261", 0); !strings.Contains(got.Text, "The room is ready") {
		t.Errorf("the PIN is answered %q", got.Text)
	}
	if got := o.says(t, anna, "7261", 0); !strings.Contains(got.Text, "I understand commands only") {
		t.Errorf("a PIN that nobody asks for is answered %q", got.Text)
	}
	for i := range 2 {
		o.newRoom(t, anna, "Private, with names", fmt.Sprint("More ", i), "7261")
	}
	m = o.open(t, anna, "/rooms")
	o.tap(t, anna, m, "New room")
	o.tap(t, anna, m, "Private, with names")
	asked := o.says(t, anna, "One too many", o.after(t, anna, m.ID).ID)
	if got := o.says(t, anna, "7261", asked.ID); !strings.Contains(got.Text, "You have 3 private rooms already") {
		t.Errorf("a fourth room is answered %q", got.Text)
	}
}
