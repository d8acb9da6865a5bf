package audiodesk_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"countersign/internal/audiodesk"
	"countersign/internal/directory"
	"countersign/internal/people"
	"countersign/internal/telegram/telegramtest"
)

// login gives somebody the account of whoever has his login now, before an administrator says
// that it is he.
func (o *office) login(t *testing.T, id string, account int64) {
	t.Helper()
	must(t, pgx.BeginFunc(t.Context(), o.Pool, func(tx pgx.Tx) error {
		_, err := o.Directory.LinkIn(t.Context(), tx, "link", directory.NewLink{
			Account: account, Terms: directory.Terms{Confirm: directory.ByAdmin},
			Proof: directory.Proof{Issuer: "https://login.example", Subject: id, Email: id + "@example.org"},
		})
		return err
	}))
}

// TestAStolenLoginOpensNoRoom: an account that waits for an administrator's word is nobody's
// here, at whichever door.
func TestAStolenLoginOpensNoRoom(t *testing.T) {
	t.Parallel()
	o := newHouse(t, telegramtest.RealClock())
	o.connect(t, o.desk)
	o.Post(t, "4711")
	o.share(t, pyotr, pyotrsPhone)
	o.share(t, anna, annasPhone)
	room := o.newRoom(t, anna, "Private, with names", "Salaries", "48291")
	o.tap(t, anna, room, "Call me")
	o.sameAccount(t)

	hers := map[string]string{}
	for _, verb := range []string{"rooms", "room", "join"} {
		hers[verb] = o.pressed(t, anna, verb)
	}
	o.login(t, "ivanova", nobody)
	if m := o.open(t, nobody, "/rooms"); !strings.Contains(m.Text, "not confirmed yet") || len(labels(m)) != 0 {
		t.Errorf("the command shows %q %q", m.Text, labels(m))
	}
	if m := o.open(t, nobody, "/rooms "+o.number(t)); !strings.Contains(m.Text, "not confirmed yet") || len(labels(m)) != 0 {
		t.Errorf("the number of a room shows %q %q", m.Text, labels(m))
	}
	for verb, token := range hers {
		got, err := o.desk.Hosted().Tap(t.Context(), o.visitor(t, nobody, "stolen "+verb, token))
		if must(t, err); !strings.Contains(got.Notice, "not confirmed yet") || len(got.Lines) != 0 {
			t.Errorf("%s shows %q %q", verb, got.Notice, got.Lines)
		}
	}
	if m := o.share(t, nobody, "4930100009"); !strings.Contains(m.Text, "not confirmed yet") || o.count(t, `select count(*) from audio_number where account = $1`, int64(nobody)) != 0 {
		t.Errorf("a number is answered %q", m.Text)
	}
	o.talksWithout(t)
}

// sameAccount: her link is ended, and made anew by the account that she has given her number
// by, while her phone is to be called.
func (o *office) sameAccount(t *testing.T) {
	t.Helper()
	m := o.open(t, anna, "/rooms")
	o.tap(t, anna, m, "New room")
	o.tap(t, anna, m, "Private, with names")
	asked := o.after(t, anna, m.ID)
	e, err := o.Directory.User(t.Context(), "ivanova")
	must(t, err)
	must(t, o.Directory.Unlink(t.Context(), "test", e.ID, "stolen"))
	o.login(t, "ivanova", anna)
	must(t, o.desk.Dial(t.Context()))
	if n := o.count(t, `select count(*) from audio_call where outcome = 'no_number'`); n != 1 || o.pbx.Dials(annasPhone) != 0 {
		t.Errorf("her phone rang %d times, %d calls ended", o.pbx.Dials(annasPhone), n)
	}
	if got := o.says(t, anna, "Team", asked.ID); !strings.Contains(got.Text, "not confirmed yet") {
		t.Errorf("the name of a room is answered %q", got.Text)
	}
	o.wait(t, "her screen is left alone", func() bool {
		must(t, o.desk.Draw(t.Context()))
		return o.count(t, `select count(*) from audio_screen`) == 0
	})
}

// talksWithout: nobody is rung into a talk, or told of it, as her.
func (o *office) talksWithout(t *testing.T) {
	t.Helper()
	_, err := o.discuss(t, o.desk, ask{nobody, "4711", "stolen"})
	if text, known := audiodesk.Refusal(o.texts.For("en"), err); !errors.Is(err, people.ErrUnconfirmed) || !known || !strings.Contains(text, "not confirmed yet") {
		t.Errorf("a talk by her name: %v, %q", err, text)
	}
	out, err := o.discuss(t, o.desk, ask{pyotr, "4711", "his"})
	must(t, err)
	if out.Phones != 1 || out.Numberless != 0 || out.Unable != 0 {
		t.Errorf("called: %+v", out)
	}
	her := o.person(t, nobody).ID
	if n := o.count(t, `select (select count(*) from audio_member where person_id = $1) + (select count(*) from notice where audience::text like '%' || $1 || '%')`, her); n != 0 {
		t.Errorf("she is asked %d times", n)
	}
}
