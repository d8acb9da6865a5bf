package chat_test

import (
	"sync"
	"testing"
	"time"

	"countersign/internal/ledger/ledgertest"
)

// atOnce lets some replicas look for digests at the same time, at a moment.
func (o *office) atOnce(t *testing.T, now time.Time, replicas int) {
	t.Helper()
	door := *o.door
	door.Now = func() time.Time { return now }
	found := make([]error, replicas)
	var wg sync.WaitGroup
	for i := range replicas {
		wg.Go(func() { found[i] = door.Digests(t.Context()) })
	}
	wg.Wait()
	for _, err := range found {
		must(t, err)
	}
}

func (o *office) notices(t *testing.T) int {
	t.Helper()
	return o.count(t, `select count(*) from notice`)
}

func TestWhatWaitsIsToldOnceADayAtTheHourOfThePerson(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.Post(t, "D1")
	o.Post(t, "D2")
	o.card(t, ledgertest.Budget, "D2")
	o.say(t, ledgertest.Budget, "/settings Asia/Vladivostok")
	o.lastCard(t, ledgertest.Budget, "Asia/Vladivostok")
	o.press(t, ledgertest.Budget, "📬 Daily digest")
	o.press(t, ledgertest.Budget, "8:00")
	o.lastCard(t, ledgertest.Budget, "Daily digest: 8:00")
	zone, err := time.LoadLocation("Asia/Vladivostok")
	must(t, err)
	y, m, day := time.Now().In(zone).Date()
	eight := time.Date(y, m, day+1, 8, 0, 0, 0, zone) // tomorrow: today's eight may be past
	o.atOnce(t, eight.Add(-time.Second), 1)
	if n := o.notices(t); n != 0 {
		t.Fatalf("%d were told before the hour", n)
	}
	o.atOnce(t, eight, 4)
	o.atOnce(t, eight.Add(time.Hour), 2)
	if n := o.notices(t); n != 1 {
		t.Fatalf("%d messages in a day, want one", n)
	}
	_, err = o.board.RunOnce(t.Context())
	must(t, err)
	told := o.sees(t, ledgertest.Budget, "2 documents await your decision", "The longest wait:", "In all: RUB\u00a0250,000.00", "1. No. D1 · Landlord LLC")
	o.tap(t, ledgertest.Budget, told, "1")
	if p := o.sees(t, ledgertest.Budget, "⬆️", "D1"); p.ReplyTo == 0 {
		t.Error("its button does not lead to the card")
	}
	o.tap(t, ledgertest.Budget, told, "Show all")
	o.becomes(t, ledgertest.Budget, told.ID, "2. No. D2")
	o.atOnce(t, eight.AddDate(0, 0, 1), 2)
	if n := o.notices(t); n != 2 {
		t.Errorf("%d messages in two days", n)
	}
	o.press(t, ledgertest.Budget, "📬 Daily digest")
	o.press(t, ledgertest.Budget, "Off")
	o.lastCard(t, ledgertest.Budget, "Daily digest: Off")
	o.atOnce(t, eight.AddDate(0, 0, 2), 1)
	if n := o.notices(t); n != 2 {
		t.Errorf("%d messages after it was turned off", n)
	}
}

func TestWhoIsWaitedForByNothingHearsNothing(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.say(t, ledgertest.Finance, "/settings")
	o.press(t, ledgertest.Finance, "🌐 Language")
	o.press(t, ledgertest.Finance, "Русский")
	o.press(t, ledgertest.Finance, "📬 Ежедневная сводка")
	o.press(t, ledgertest.Finance, "0:00")
	m := o.lastCard(t, ledgertest.Finance, "Ежедневная сводка: 0:00")
	midnight := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, 1)
	o.atOnce(t, midnight, 1)
	o.Post(t, "D3")
	o.Vote(t, "D3", ledgertest.Budget, "accept", "")
	o.atOnce(t, midnight.Add(time.Hour), 1) // that was his day
	if n := o.notices(t); n != 0 {
		t.Fatalf("%d messages of nothing", n)
	}
	o.atOnce(t, midnight.AddDate(0, 0, 1).Add(7*time.Hour), 1) // missed for too long
	o.atOnce(t, midnight.AddDate(0, 0, 2), 1)
	if n := o.notices(t); n != 1 {
		t.Fatalf("%d messages", n)
	}
	_, err := o.board.RunOnce(t.Context())
	must(t, err)
	o.sees(t, ledgertest.Finance, "1 документ ожидает вашего решения", "Дольше всего ждёт:", "Всего на сумму: 125", "№ D3")
	for _, data := range []string{"m:set:digest:24", "m:set:digest:-1", "m:set:digest:x", "m:set:digest:9:9:9", "m:set:digest:99999999999999999999"} {
		q, err := o.tg.Forge(ledgertest.Finance, ledgertest.Finance, m.ID, data)
		must(t, err)
		_, err = q.Wait(t.Context())
		must(t, err)
	}
	s, err := o.Directory.Setting(t.Context(), o.find(t, "sidorova").ID)
	if err != nil || !s.Digest.On || s.Digest.Hour > 9 {
		t.Errorf("%+v, %v", s, err)
	}
}
