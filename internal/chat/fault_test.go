package chat_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"countersign/internal/approval"
	"countersign/internal/inbox"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/telegram/telegramtest"
)

// own runs statements as the owner of the schema.
func (o *office) own(t *testing.T, statements ...string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), o.OwnerURL)
	must(t, err)
	defer func() { _ = conn.Close(t.Context()) }()
	for _, sql := range statements {
		_, err := conn.Exec(t.Context(), sql)
		must(t, err)
	}
}

// breaks makes the next votes fail with a state of SQL.
func (o *office) breaks(t *testing.T, code string, times int) {
	t.Helper()
	o.own(t, `create sequence broken`, `grant usage, select on sequence broken to public`, fmt.Sprintf(`create function break_vote() returns trigger language plpgsql as $$
		begin
			if nextval('broken') <= %d then
				raise exception 'broken on purpose' using errcode = '%s';
			end if;
			return new;
		end $$`, times, code), `create trigger broken before insert on vote for each row execute function break_vote()`)
}

func (o *office) mend(t *testing.T) {
	t.Helper()
	o.own(t, `drop trigger broken on vote`)
}

// tries handles an update as the inbox does, again and again, without its pauses.
func (o *office) tries(t *testing.T, body string) (parked bool) {
	t.Helper()
	for try := range 6 {
		_, err := o.door.Handle(t.Context(), &inbox.Item{ID: 990001, Body: []byte(body), Attempt: try + 1})
		if err == nil || errors.Is(err, inbox.ErrLater) {
			t.Fatalf("try %d: %v", try+1, err)
		}
		if errors.Is(err, inbox.ErrPark) {
			return true
		}
	}
	return false
}

const ourFault = "Something went wrong. Nothing was recorded"

func TestTapThatMeetsALastingFaultIsParkedAndToldOnce(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.breaks(t, "P0001", 1000)
	o.Post(t, "13")
	card := o.card(t, ledgertest.Budget)
	pressed, err := o.tg.Press(ledgertest.Budget, ledgertest.Budget, card.ID, "✅")
	must(t, err)
	a, err := pressed.Wait(t.Context())
	if err != nil || !strings.Contains(a.Text, ourFault) {
		t.Errorf("told %q, %v", a.Text, err)
	}
	if state, outcome := o.settled(t, pressed.UpdateID); state != "parked" || !strings.Contains(outcome, "broken on purpose") {
		t.Errorf("%s %q", state, outcome)
	}
	if got := o.count(t, `select last_value from broken`); got != 4 {
		t.Errorf("tried %d times, want 4", got)
	}
	o.mend(t)
	if a := o.tap(t, ledgertest.Budget, card, "✅"); !strings.Contains(a.Text, "recorded") || strings.Contains(a.Text, "Nothing") {
		t.Errorf("mended, and told %q", a.Text)
	}
}

func TestReasonThatMeetsALastingFaultIsParkedAndToldOnce(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.breaks(t, "P0001", 1000)
	q := o.questioned(t, "13")
	if !o.tries(t, text(990001, q.ID+50, 0, "The contract has ended")) {
		t.Error("not parked")
	}
	if got := o.showing(ledgertest.Budget, ourFault); got != 1 {
		t.Errorf("told %d times", got)
	}
	o.mend(t)
	o.tap(t, ledgertest.Budget, q, "Duplicate")
	o.sees(t, ledgertest.Requester, "Rejected", "Duplicate")
}

func TestFaultThatPassesIsWaitedForHoweverOftenItComes(t *testing.T) {
	t.Parallel()
	for name, code := range map[string]string{"a lock that is held": "55P03", "the database restarts": "57P03"} {
		for kind, body := range map[string]func(o *office, q telegramtest.Message) string{
			"text": func(_ *office, q telegramtest.Message) string { return text(990001, q.ID+50, 0, "Duplicate") },
			"tap":  func(o *office, q telegramtest.Message) string { return button(o, 990001, q.ID, q.Keyboard[0][0].Data) },
		} {
			t.Run(name+", "+kind, func(t *testing.T) {
				t.Parallel()
				o := newOffice(t)
				q := o.questioned(t, "13")
				messages := len(o.tg.Messages(ledgertest.Budget))
				o.breaks(t, code, 25)
				it := &inbox.Item{ID: 990001, Body: []byte(body(o, q)), Attempt: 4}
				for tries := 1; ; tries++ {
					_, err := o.door.Handle(t.Context(), it)
					if err == nil {
						break
					}
					if !errors.Is(err, inbox.ErrLater) || tries > 25 {
						t.Fatalf("try %d: %v", tries, err)
					}
				}
				o.reads(t, q, "“Duplicate”", "have been recorded")
				if got := len(o.tg.Messages(ledgertest.Budget)); got != messages {
					t.Errorf("%d messages, were %d", got, messages)
				}
				if got := o.state(t, "13"); got != approval.Rejected {
					t.Errorf("the case is %s", got)
				}
			})
		}
	}
}

func TestVoteThatIsOnRecordIsNotCalledLostByAFault(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	q := o.questioned(t, "13")
	o.Vote(t, "13", ledgertest.Budget, approval.Reject, "It was me")
	o.own(t, `create function break_dialog() returns trigger language plpgsql as $$ begin raise exception 'broken on purpose'; end $$`,
		`create trigger broken before update on dialog for each row execute function break_dialog()`)
	if !o.tries(t, text(990001, q.ID+50, 0, "Duplicate")) || o.showing(ledgertest.Budget, "already decided: rejected") != 1 {
		t.Error("not parked, or not told")
	}
	if got := o.showing(ledgertest.Budget, ourFault); got != 0 {
		t.Errorf("told %d times that nothing was recorded", got)
	}
}

func TestPressThatIsHandledAgainAsksOnce(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.Post(t, "13")
	card := o.card(t, ledgertest.Budget)
	reject, _ := card.Button("❌")
	for update := range int64(6) { // of one update and of impatient presses
		it := &inbox.Item{ID: 990001 + update/3, Body: []byte(button(o, 990001+update/3, card.ID, reject.Data)), Attempt: 1}
		outcome, err := o.door.Handle(t.Context(), it)
		if err != nil || !strings.HasPrefix(outcome, "asked for a reason") {
			t.Errorf("%q, %v", outcome, err)
		}
	}
	if got := o.showing(ledgertest.Budget, question); got != 1 {
		t.Errorf("asked %d times", got)
	}
	_, err := o.Pool.Exec(t.Context(), `update dialog set asked_at = asked_at - interval '2 minutes'`)
	must(t, err)
	o.tap(t, ledgertest.Budget, card, "❌") // the question may be far above by now
	if got := o.showing(ledgertest.Budget, question); got != 2 {
		t.Errorf("asked %d times, want once more", got)
	}
	_, err = o.tg.Say(ledgertest.Budget, ledgertest.Budget, "The contract has ended", 0)
	must(t, err)
	for _, m := range o.tg.Messages(ledgertest.Budget) {
		if strings.Contains(m.Text, question) {
			o.reads(t, m, "The contract has ended", "have been recorded")
		}
	}
}

func TestQuestionWhoseArrivalIsNeverKnownIsNotRepeatedForEver(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.Post(t, "13")
	card := o.card(t, ledgertest.Budget)
	o.quiet(t)
	mended := o.tg.FailAlways("sendMessage", telegramtest.Lose()) // each arrives, and no answer does
	pressed, err := o.tg.Press(ledgertest.Budget, ledgertest.Budget, card.ID, "❌")
	must(t, err)
	if state, outcome := o.settled(t, pressed.UpdateID); state != "parked" {
		t.Errorf("%s %q", state, outcome)
	}
	mended()
	if got := o.showing(ledgertest.Budget, question); got < 2 || got > 4 {
		t.Errorf("asked %d times", got)
	}
	o.tap(t, ledgertest.Budget, o.sees(t, ledgertest.Budget, question), "Duplicate") // any of them will do
	o.sees(t, ledgertest.Requester, "Rejected", "Duplicate")
}

func TestQuestionThatTheMessengerRefusesIsSaidSo(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.Post(t, "13")
	card := o.card(t, ledgertest.Budget)
	o.quiet(t)
	o.tg.FailNext("sendMessage", telegramtest.Refuse(403, "Forbidden: bot was blocked by the user"))
	if a := o.tap(t, ledgertest.Budget, card, "❌"); !strings.Contains(a.Text, ourFault) {
		t.Errorf("told %q", a.Text)
	}
	o.tap(t, ledgertest.Budget, card, "❌")
	o.tap(t, ledgertest.Budget, o.sees(t, ledgertest.Budget, question), "Duplicate")
	o.sees(t, ledgertest.Requester, "Rejected", "Duplicate")
}

func TestFaultOnTheWayToAVoteCountsTooAndIsToldOnce(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	q := o.questioned(t, "13")
	o.own(t, `alter table dialog rename to away`)
	if !o.tries(t, text(990001, q.ID+50, 0, "Duplicate")) || !o.tries(t, button(o, 990002, q.ID, q.Keyboard[0][0].Data)) {
		t.Error("not parked")
	}
	if got := o.showing(ledgertest.Budget, "could not be confirmed"); got != 1 {
		t.Errorf("told %d times", got)
	}
}

func TestCommandThatMeetsALastingFaultCounts(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.own(t, `alter table slot rename to away`)
	body := strings.Replace(text(990001, 1, 0, "/queue"), `"text":`, `"entities":[{"type":"bot_command","offset":0,"length":6}],"text":`, 1)
	_, err := o.door.Handle(t.Context(), &inbox.Item{ID: 990001, Body: []byte(body), Attempt: 1})
	if err == nil || errors.Is(err, inbox.ErrLater) {
		t.Errorf("%v", err)
	}
}
