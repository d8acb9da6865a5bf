package chat_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"countersign/internal/ledger/ledgertest"
	"countersign/internal/telegram/telegramtest"
)

// lastCard is the newest message with the words.
func (o *office) lastCard(t *testing.T, account int64, words string) telegramtest.Message {
	t.Helper()
	var found telegramtest.Message
	o.wait(t, func() bool {
		for _, m := range o.tg.Messages(account) {
			if strings.Contains(m.Text, words) {
				found = m
			}
		}
		return found.ID != 0
	})
	return found
}

func TestSettingsChangeWhatAPersonIsShownAtOnce(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.Post(t, "31")
	before := o.card(t, ledgertest.Budget)
	o.say(t, ledgertest.Budget, "/settings")
	o.press(t, ledgertest.Budget, "🌐 Language")
	o.press(t, ledgertest.Budget, "Русский")
	if after := o.lastCard(t, ledgertest.Budget, "Требуется ваше решение"); after.ID != before.ID {
		t.Errorf("another card came: %d after %d", after.ID, before.ID)
	}
	o.lastCard(t, ledgertest.Budget, "Язык: Русский")
	o.press(t, ledgertest.Budget, "🕑 Часовой пояс")
	o.press(t, ledgertest.Budget, "Asia")
	o.press(t, ledgertest.Budget, "Vladivostok")
	o.lastCard(t, ledgertest.Budget, "Asia/Vladivostok ("+time.Now().UTC().Add(10*time.Hour).Format("15:"))
	if p := o.find(t, "petrov"); p.Locale != "ru" || p.Zone.String() != "Asia/Vladivostok" {
		t.Errorf("%+v", p)
	}
	o.Import(t, ledgertest.User("petrov", "Pyotr Petrov", "budget_holder", ledgertest.Budget)) // the ERP says it again
	if p := o.find(t, "petrov"); p.Locale != "ru" || p.Zone.String() != "Asia/Vladivostok" {
		t.Errorf("after an import: %+v", p)
	}
	o.say(t, ledgertest.Budget, "/settings america/new")
	o.press(t, ledgertest.Budget, "New York")
	o.lastCard(t, ledgertest.Budget, "America/New_York")
	o.say(t, ledgertest.Budget, "/settings Atlantis/Deep")
	o.lastCard(t, ledgertest.Budget, "Такого часового пояса")
}

func TestInQuietHoursCardsComeAtOnceWithoutASound(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.Post(t, "32")
	if c := o.card(t, ledgertest.Budget, "32"); c.Silent {
		t.Error("a card came without a sound")
	}
	now := time.Now().UTC()
	o.say(t, ledgertest.Budget, fmt.Sprintf("/settings %d-%d", now.Hour(), (now.Hour()+3)%24))
	o.lastCard(t, ledgertest.Budget, "Quiet hours: "+fmt.Sprint(now.Hour())+":00")
	o.Post(t, "33")
	o.wait(t, func() bool {
		for _, m := range o.tg.Messages(ledgertest.Budget) {
			if _, ok := m.Button("✅"); ok && strings.Contains(m.Text, "33") {
				return m.Silent
			}
		}
		return false
	})
	o.press(t, ledgertest.Budget, "🔕 Quiet hours")
	o.press(t, ledgertest.Budget, "None")
	o.lastCard(t, ledgertest.Budget, "Quiet hours: None")
}

// TestCardsComeInTheLanguageOfTheMessenger: of whoever chose none, from the first word on,
// and when he gives a command in another; not with each tap on another device.
func TestCardsComeInTheLanguageOfTheMessenger(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	speaks := func(tag string) { o.tg.ChangeUser(ledgertest.Budget, func(u *telegramtest.User) { u.Lang = tag }) }
	speaks("de-AT")
	o.say(t, ledgertest.Budget, "/help")
	o.sees(t, ledgertest.Budget, "Dokumente, die auf")
	o.Post(t, "71")
	card := o.card(t, ledgertest.Budget, "Ihre Entscheidung ist gefragt")
	speaks("es")
	if a := o.tap(t, ledgertest.Budget, card, "ℹ"); a.Text != "" {
		t.Errorf("told %q", a.Text)
	}
	o.quiet(t)
	o.lastCard(t, ledgertest.Budget, "Ihre Entscheidung ist gefragt")
	o.say(t, ledgertest.Budget, "/queue")
	o.sees(t, ledgertest.Budget, "Se requiere su decisión", "71")
}
