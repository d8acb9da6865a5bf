package chat_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"countersign/internal/approval"
	"countersign/internal/directory"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/people"
	"countersign/internal/telegram/telegramtest"
)

func (o *office) say(t *testing.T, account int64, text string) {
	t.Helper()
	_, err := o.tg.Say(account, account, text, 0)
	must(t, err)
}

// panel waits for a message with a button in somebody's private chat.
func (o *office) panel(t *testing.T, account int64, label string) telegramtest.Message {
	t.Helper()
	var found telegramtest.Message
	o.wait(t, func() bool {
		for _, m := range o.tg.Messages(account) {
			if _, ok := m.Button(label); ok && m.ID >= found.ID {
				found = m
			}
		}
		return found.ID != 0
	})
	return found
}

func (o *office) press(t *testing.T, account int64, label string) {
	t.Helper()
	o.tap(t, account, o.panel(t, account, label), label)
}

func (o *office) find(t *testing.T, externalID string) people.Person {
	t.Helper()
	dir, err := o.Directory.Snapshot(t.Context())
	must(t, err)
	p, ok := dir.Find(externalID)
	if !ok {
		t.Fatalf("nobody is called %s", externalID)
	}
	return p
}

func TestWhoIsAwayIsDecidedForByHisDeputy(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.Post(t, "21")
	o.card(t, ledgertest.Budget)
	o.say(t, ledgertest.Budget, "/away")
	o.press(t, ledgertest.Budget, "A week")
	o.sees(t, ledgertest.Budget, "Who decides for you")
	day := time.Now().UTC().AddDate(0, 0, 6).Format("2.1")
	o.say(t, ledgertest.Budget, "/away until "+day+" deputy maria orl")
	o.press(t, ledgertest.Budget, "👤 Maria Orlova")
	o.sees(t, ledgertest.Budget, "deputy: Maria Orlova")
	o.toldAll(t)
	o.sees(t, ledgertest.Second, "Pyotr Petrov has made you deputy")
	c := o.card(t, ledgertest.Second)
	if !strings.Contains(c.Text, "You decide for Pyotr Petrov") {
		t.Errorf("the card says %s", c.Text)
	}
	o.sees(t, ledgertest.Budget, "Maria Orlova (for Pyotr Petrov)")
	o.tap(t, ledgertest.Second, c, "✅")
	o.sees(t, ledgertest.Budget, "Maria Orlova (for Pyotr Petrov) — approved")
	st, err := o.Document(t.Context(), ledgertest.Key("21"))
	must(t, err)
	p := o.find(t, "petrov")
	for _, s := range st.Case.Slots {
		if s.Vote != nil && (s.For != p.ID || s.Person != o.find(t, "orlova").ID) {
			t.Errorf("on record is %+v", s)
		}
	}
	o.say(t, ledgertest.Budget, "/away off")
	o.sees(t, ledgertest.Budget, "Welcome back")
	if given, err := o.Directory.Delegations(t.Context(), p.ID); err != nil || len(given) > 0 {
		t.Errorf("still deputies: %+v, %v", given, err)
	}
	if told, err := o.Directory.TellNext(t.Context(), func(directory.Tx, directory.Given) error { return errors.New("told twice") }); told || err != nil {
		t.Errorf("%t, %v", told, err)
	}
}

func TestAnAbsenceWithoutADeputyIsShownToTheOthers(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.Post(t, "22")
	o.Vote(t, "22", ledgertest.Budget, approval.Accept, "")
	o.Vote(t, "22", ledgertest.Finance, approval.Accept, "")
	o.card(t, ledgertest.Treasurer)
	o.say(t, ledgertest.Second, "/away")
	o.press(t, ledgertest.Second, "Until tomorrow")
	o.press(t, ledgertest.Second, "No deputy")
	o.sees(t, ledgertest.Treasurer, "Maria Orlova (away until")
}

func TestWhatIsNoDayOrNobodyIsSaidSo(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for _, text := range []string{"/away 31.2", "/away yesterday", "/away 1.1.2020", "/away until", "/away 5.12.9999"} {
		before := len(o.tg.Messages(ledgertest.Budget))
		o.say(t, ledgertest.Budget, text)
		o.wait(t, func() bool {
			all := o.tg.Messages(ledgertest.Budget)
			return len(all) > before+1 && strings.Contains(all[len(all)-1].Text, "no day within the next year")
		})
	}
	o.say(t, ledgertest.Budget, "/away "+time.Now().UTC().AddDate(0, 1, 0).Format(time.DateOnly)+" @nobody <b>")
	o.sees(t, ledgertest.Budget, "Nobody is called nobody <b>")
	o.tg.User(9001, "Stranger", "ru")
	_, err := o.tg.StartBot(9001, "")
	must(t, err)
	o.say(t, 9001, "/away")
	o.sees(t, 9001, "не подключён")
}

// TestOldAndForgedButtonsOfAPanelDoNoHarm: a panel of another, a time that is past, a
// deputy who has left, words that are none.
func TestOldAndForgedButtonsOfAPanelDoNoHarm(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	must(t, o.Directory.Deactivate(t.Context(), "test", "orlova", "left"))
	o.say(t, ledgertest.Budget, "/away")
	m := o.panel(t, ledgertest.Budget, "A week")
	for _, data := range []string{
		"m:", "m:x", "m:away:days:-1", "m:away:days:9999999999999999999", "m:away:go:zzzzzzzzzz:", "m:away:go:1:", "m:away:go::", "m:away:go:t4zzzz:" + string(o.find(t, "orlova").ID),
		"m:away:go:t4zzzz:" + string(o.find(t, "petrov").ID), "m:away:go:t4zzzz:per_x'; drop table person", "m:away:off:off:off:\x00",
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		q, err := o.tg.Forge(ledgertest.Budget, m.ChatID, m.ID, data)
		must(t, err)
		_, err = q.Wait(ctx)
		must(t, err)
		cancel()
	}
	gone, err := o.Directory.Absences(t.Context(), "")
	given, also := o.Directory.Delegations(t.Context(), "")
	if err != nil || also != nil || len(gone)+len(given) > 0 {
		t.Errorf("%+v %+v %v %v", gone, given, err, also)
	}
}
