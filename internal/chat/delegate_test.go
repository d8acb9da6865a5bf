package chat_test

import (
	"cmp"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/internal/directory"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/people"
	"countersign/internal/telegram/telegramtest"
)

// toldAll waits until there is something in the outbox, and lets it be told.
func (o *office) toldAll(t *testing.T) {
	t.Helper()
	o.wait(t, func() bool { return o.notices(t) > 0 })
	_, err := o.board.RunOnce(t.Context())
	must(t, err)
}

// given are the delegations that are alive.
func (o *office) given(t *testing.T) []directory.Given {
	t.Helper()
	all, err := o.Directory.Delegations(t.Context(), "")
	must(t, err)
	return all
}

func (o *office) forge(t *testing.T, account, message int64, data string) telegramtest.Answered {
	t.Helper()
	q, err := o.tg.Forge(account, account, message, data)
	must(t, err)
	a, err := q.Wait(t.Context())
	must(t, err)
	return a
}

// data is what the button of a panel sends.
func data(t *testing.T, m telegramtest.Message, label string) string {
	t.Helper()
	b, ok := m.Button(label)
	if !ok {
		t.Fatalf("no button %s: %q", label, labels(m))
	}
	return b.Data
}

func TestADelegationIsPutTogetherMadeAndTakenBack(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.Post(t, "41")
	o.card(t, ledgertest.Budget)
	o.say(t, ledgertest.Budget, "/delegate")
	o.sees(t, ledgertest.Budget, "Nobody decides for you")
	o.press(t, ledgertest.Budget, "➕ New delegation")
	o.press(t, ledgertest.Budget, "Deputy")
	o.sees(t, ledgertest.Budget, "Choose, or write a name")
	o.say(t, ledgertest.Budget, "orlo")
	o.press(t, ledgertest.Budget, "👤 Maria Orlova")
	o.press(t, ledgertest.Budget, "Amount")
	o.sees(t, ledgertest.Budget, "Up to which amount?")
	o.say(t, ledgertest.Budget, "1,000 RUB") // one, or a thousand
	o.sees(t, ledgertest.Budget, "cannot read this amount for certain")
	o.say(t, ledgertest.Budget, "200 000,50 rub")
	o.sees(t, ledgertest.Budget, "up to RUB\u00a0200,000.50")
	o.press(t, ledgertest.Budget, "Role")
	o.press(t, ledgertest.Budget, "Budget holder")
	o.press(t, ledgertest.Budget, "Documents")
	o.press(t, ledgertest.Budget, "Payment request")
	o.press(t, ledgertest.Budget, "Company")
	o.say(t, ledgertest.Budget, "LLC-A")
	o.lastCard(t, ledgertest.Budget, "Documents: Payment request\nCompany: LLC-A")
	o.press(t, ledgertest.Budget, "Until")
	o.press(t, ledgertest.Budget, "A week")
	o.press(t, ledgertest.Budget, "✅ Delegate")
	o.lastCard(t, ledgertest.Budget, "Done. The deputy will be told.")
	all := o.given(t)
	if len(all) != 1 {
		t.Fatalf("%+v", all)
	}
	g, s := all[0], all[0].Scope
	y, m, day := time.Now().UTC().Date()
	if g.Principal != o.find(t, "petrov").ID || g.Deputy != o.find(t, "orlova").ID || s.Role != "budget_holder" || s.Type != "payment_request" ||
		s.Company != "LLC-A" || s.UpTo.Minor != 20000050 || g.Hands != 1 || !g.Until.Equal(time.Date(y, m, day+7, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("%+v", g)
	}
	c := o.card(t, ledgertest.Second)
	o.tap(t, ledgertest.Second, c, "Details")
	o.sees(t, ledgertest.Second, fmt.Sprintf("Delegation No. %d: Maria Orlova decides for Pyotr Petrov until", g.ID), "up to RUB\u00a0200,000.50")
	o.toldAll(t)
	o.sees(t, ledgertest.Second, "Pyotr Petrov has made you deputy", "Budget holder · Payment request · LLC-A · up to RUB\u00a0200,000.50")
	if n := o.notices(t); n != 1 {
		t.Errorf("told %d times", n)
	}
	o.say(t, ledgertest.Second, "/delegate")
	theirs := o.sees(t, ledgertest.Second, fmt.Sprintf("No. %d: you decide for Pyotr Petrov", g.ID))
	if got := labels(theirs); len(got) != 1 {
		t.Errorf("the deputy has buttons %q", got)
	}
	o.forge(t, ledgertest.Second, theirs.ID, fmt.Sprintf("m:dl:end:%d:yes", g.ID)) // of another
	o.lastCard(t, ledgertest.Second, "no such delegation of yours")
	if len(o.given(t)) != 1 {
		t.Fatal("a deputy ended the delegation of another")
	}
	end := fmt.Sprintf("↩ End No. %d", g.ID)
	o.press(t, ledgertest.Budget, end)
	o.lastCard(t, ledgertest.Budget, "End this delegation at once?")
	o.press(t, ledgertest.Budget, end)
	o.lastCard(t, ledgertest.Budget, "Ended. This deputy no longer decides for you.")
	if len(o.given(t)) != 0 {
		t.Error("it did not end")
	}
	o.wait(t, func() bool {
		got, _ := o.tg.Message(ledgertest.Second, c.ID)
		return len(got.Keyboard) == 0 || !strings.Contains(got.Text, "Your decision is needed")
	})
}

func TestRefusalsOfADelegationAreSaidInRussianWords(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.say(t, ledgertest.Treasurer, "/settings")
	o.press(t, ledgertest.Treasurer, "🌐 Language")
	o.press(t, ledgertest.Treasurer, "Русский")
	o.lastCard(t, ledgertest.Treasurer, "Язык: Русский")
	o.say(t, ledgertest.Treasurer, "/delegate Maria")
	o.press(t, ledgertest.Treasurer, "👤 Maria Orlova")
	o.press(t, ledgertest.Treasurer, "Окончание")
	for text, want := range map[string]string{"31.2": "Такой даты", "1.1.2020": "Такой даты", "вчера": "Такой даты", "5.12.9999": "Такой даты"} {
		before := len(o.tg.Messages(ledgertest.Treasurer))
		o.say(t, ledgertest.Treasurer, text)
		o.wait(t, func() bool {
			all := o.tg.Messages(ledgertest.Treasurer)
			return len(all) > before+1 && strings.Contains(all[len(all)-1].Text, want)
		})
	}
	zone := time.UTC
	day := func(days int) string { return time.Now().In(zone).AddDate(0, 0, days).Format("2.1.2006") }
	o.say(t, ledgertest.Treasurer, day(3))
	o.lastCard(t, ledgertest.Treasurer, "Новое замещение")
	o.press(t, ledgertest.Treasurer, "Начало")
	o.lastCard(t, ledgertest.Treasurer, "Напишите первый день")
	o.say(t, ledgertest.Treasurer, day(9))
	o.lastCard(t, ledgertest.Treasurer, "Последний день раньше первого")
	o.say(t, ledgertest.Treasurer, day(2))
	form := o.lastCard(t, ledgertest.Treasurer, "Заместитель: Maria Orlova")
	o.standsIn(t, "orlova", "kozlov") // she gave hers to him meanwhile
	o.tap(t, ledgertest.Treasurer, form, "✅ Назначить")
	o.lastCard(t, ledgertest.Treasurer, "сам передал решения вам")
	must(t, o.Directory.Deactivate(t.Context(), "test", "orlova", "left"))
	o.press(t, ledgertest.Treasurer, "✅ Назначить")
	o.lastCard(t, ledgertest.Treasurer, "больше не работает в системе")
	o.say(t, ledgertest.Treasurer, "/cancel")
	o.lastCard(t, ledgertest.Treasurer, "Отменено. Заместитель не назначен.")
	o.press(t, ledgertest.Treasurer, "✅ Назначить")
	o.lastCard(t, ledgertest.Treasurer, "форма уже закрыта")
	if all := o.given(t); len(all) != 0 {
		t.Errorf("%+v", all)
	}
}

// standsIn makes a delegation from now on for a month.
func (o *office) standsIn(t *testing.T, principal, deputy string) {
	t.Helper()
	_, _, err := o.Directory.Delegate(t.Context(), "test", directory.NewDelegation{Delegation: people.Delegation{
		Principal: o.find(t, principal).ID, Deputy: o.find(t, deputy).ID, Until: time.Now().AddDate(0, 1, 0), Hands: 1,
	}})
	must(t, err)
}

// However often the button is pressed, and by how many replicas it is handled, one delegation
// comes of a form; and a form that shows somebody else makes none.
func TestAFormIsMadeOnceAndOnlyAsItIsShown(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.say(t, ledgertest.Budget, "/delegate olga")
	o.press(t, ledgertest.Budget, "👤 Olga Sidorova")
	o.press(t, ledgertest.Budget, "Until")
	o.press(t, ledgertest.Budget, "A week")
	form := o.lastCard(t, ledgertest.Budget, "Deputy: Olga Sidorova")
	old := data(t, o.panel(t, ledgertest.Budget, "✅ Delegate"), "✅ Delegate")
	parts := strings.Split(old, ":")
	o.forge(t, ledgertest.Budget, form.ID, "m:dl:s:"+parts[3]+":d:"+string(o.find(t, "orlova").ID))
	o.lastCard(t, ledgertest.Budget, "Deputy: Maria Orlova")
	o.forge(t, ledgertest.Budget, form.ID, old)
	o.lastCard(t, ledgertest.Budget, "The form has changed since")
	if all := o.given(t); len(all) != 0 {
		t.Fatalf("the old form made %+v", all)
	}
	fresh := data(t, o.panel(t, ledgertest.Budget, "✅ Delegate"), "✅ Delegate")
	o.forge(t, ledgertest.Treasurer, form.ID, fresh) // not his
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { o.forge(t, ledgertest.Budget, form.ID, fresh) })
	}
	wg.Wait()
	all := o.given(t)
	if len(all) != 1 || all[0].Deputy != o.find(t, "orlova").ID {
		t.Fatalf("%+v", all)
	}
	for _, hostile := range []string{
		"m:dl:", "m:dl:end", "m:dl:end:x:yes", "m:dl:end:99999999999999999999:yes", "m:dl:end:-1:yes", "m:dl:f", "m:dl:f:zzzzzzzzzzzzzz:d", "m:dl:f:-1:d",
		"m:dl:f:" + parts[3] + ":z", "m:dl:s:" + parts[3] + ":d:per_x", "m:dl:s:" + parts[3] + ":u:0", "m:dl:s:" + parts[3] + ":u:367", "m:dl:go", "m:dl:go:1:", "m:dl:go:" + parts[3] + ":deadbeef",
	} {
		o.forge(t, ledgertest.Budget, form.ID, hostile)
	}
	o.forge(t, ledgertest.Budget, form.ID, "m:dl:new")
	m := o.lastCard(t, ledgertest.Budget, "New delegation")
	self := strings.Split(data(t, o.panel(t, ledgertest.Budget, "Deputy"), "Deputy"), ":")[3]
	o.forge(t, ledgertest.Budget, m.ID, "m:dl:s:"+self+":d:"+string(o.find(t, "petrov").ID))
	o.lastCard(t, ledgertest.Budget, "This person is no longer there")
	if again := o.given(t); len(again) != 1 || again[0].ID != all[0].ID {
		t.Errorf("after forged buttons: %+v", again)
	}
}

// Whoever is told that there is no deputy must have none.
func TestADelegationThatWasMadeIsNotSaidToBeCancelled(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.say(t, ledgertest.Budget, "/delegate olga")
	o.press(t, ledgertest.Budget, "👤 Olga Sidorova")
	o.press(t, ledgertest.Budget, "Until")
	o.press(t, ledgertest.Budget, "A week")
	made := data(t, o.panel(t, ledgertest.Budget, "✅ Delegate"), "✅ Delegate")
	form := o.panel(t, ledgertest.Budget, "✅ Delegate").ID
	o.press(t, ledgertest.Budget, "✅ Delegate")
	o.lastCard(t, ledgertest.Budget, "Done. The deputy will be told.")
	o.say(t, ledgertest.Budget, "/cancel")
	o.lastCard(t, ledgertest.Budget, "nothing to cancel")
	if all := o.given(t); len(all) != 1 {
		t.Fatalf("%+v", all)
	}
	o.forge(t, ledgertest.Budget, form, made) // the tap comes once more
	o.lastCard(t, ledgertest.Budget, "No. 1: Olga Sidorova decides for you")
	if all := o.given(t); len(all) != 1 {
		t.Errorf("%+v", all)
	}
}

// A right must not go to another of the same name.
func TestDeputiesOfOneNameAreToldApart(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	_, err := o.Directory.PutUser(t.Context(), "test", directory.User{ExternalID: "orlova2", Email: "orlova2@example.org", Name: "maria Orlova"})
	must(t, err)
	first := o.find(t, "orlova")
	both := []string{"👤 Maria Orlova (" + cmp.Or(first.Email, "orlova") + ")", "👤 maria Orlova (orlova2@example.org)"}
	o.say(t, ledgertest.Budget, "/delegate orlova")
	o.panel(t, ledgertest.Budget, both[0])
	o.press(t, ledgertest.Budget, both[1])
	o.lastCard(t, ledgertest.Budget, "Deputy: maria Orlova (orlova2@example.org)")
	o.press(t, ledgertest.Budget, "Until")
	o.press(t, ledgertest.Budget, "A week")
	o.press(t, ledgertest.Budget, "✅ Delegate")
	o.lastCard(t, ledgertest.Budget, "maria Orlova (orlova2@example.org) decides for you")
	o.say(t, ledgertest.Budget, "/away 5.12 orlova")
	o.panel(t, ledgertest.Budget, both[0])
	o.panel(t, ledgertest.Budget, both[1])
	o.say(t, ledgertest.Budget, "/delegate sidorova")
	o.panel(t, ledgertest.Budget, "👤 Olga Sidorova") // there is one of the name
}

func TestAnAccountThatDecidesNothingDelegatesNothing(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.say(t, ledgertest.Budget, "/delegate olga")
	o.press(t, ledgertest.Budget, "👤 Olga Sidorova")
	o.press(t, ledgertest.Budget, "Until")
	o.press(t, ledgertest.Budget, "A week")
	must(t, o.Directory.Unlink(t.Context(), "test", o.find(t, "petrov").ID, "lost"))
	if a := o.forge(t, ledgertest.Budget, o.panel(t, ledgertest.Budget, "✅ Delegate").ID, "m:dl:go:1:x"); !strings.Contains(a.Text, "do not know your account") {
		t.Errorf("told %q", a.Text)
	}
	o.tg.User(9001, "Stranger", "en")
	_, err := o.tg.StartBot(9001, "")
	must(t, err)
	o.say(t, 9001, "/delegate")
	o.sees(t, 9001, "not connected")
	if all := o.given(t); len(all) != 0 {
		t.Errorf("%+v", all)
	}
}

func TestALimitThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.say(t, ledgertest.Budget, "/delegate olga")
	o.press(t, ledgertest.Budget, "👤 Olga Sidorova")
	o.press(t, ledgertest.Budget, "Amount")
	o.sees(t, ledgertest.Budget, "Up to which amount?")
	for _, text := range []string{
		"abc", "RUB", "100000", "0 RUB", "-5 RUB", "1e5 RUB", "1.000 RUB", "1,000.00 RUB", "1,5 JPY", "99999999999999999999 RUB", "10 QQQ", "٣٠ RUB", "0x10 EUR", "1. RUB",
	} {
		before := len(o.tg.Messages(ledgertest.Budget))
		o.say(t, ledgertest.Budget, text)
		o.wait(t, func() bool {
			all := o.tg.Messages(ledgertest.Budget)
			return len(all) > before+1 && strings.Contains(all[len(all)-1].Text, "cannot read this amount")
		})
	}
	o.say(t, ledgertest.Budget, "1 500,5 eur")
	o.lastCard(t, ledgertest.Budget, "up to EUR\u00a01,500.50")
}

// A tap and a text are handled side by side: neither takes back what the other chose.
func TestTwoChoicesAtOnceAreBothKept(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.say(t, ledgertest.Budget, "/delegate")
	o.press(t, ledgertest.Budget, "➕ New delegation")
	form := o.panel(t, ledgertest.Budget, "Deputy")
	no := strings.Split(data(t, form, "Deputy"), ":")[3]
	tx, err := o.Pool.Begin(t.Context())
	must(t, err)
	_, err = tx.Exec(t.Context(), `update delegation_draft set company = 'LLC-9', changes = changes + 1`)
	must(t, err)
	q, err := o.tg.Forge(ledgertest.Budget, ledgertest.Budget, form.ID, "m:dl:s:"+no+":d:"+string(o.find(t, "orlova").ID))
	must(t, err)
	o.wait(t, func() bool { // it has read, and waits to write
		return o.count(t, `select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like 'update delegation_draft%'`) > 0
	})
	must(t, tx.Commit(t.Context()))
	_, err = q.Wait(t.Context())
	must(t, err)
	if n := o.count(t, `select count(*) from delegation_draft where deputy <> '' and company = 'LLC-9'`); n != 1 {
		t.Error("one choice took back the other")
	}
}
