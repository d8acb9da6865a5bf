package main

import (
	"net/http"
	"strings"
	"testing"

	"countersign/internal/telegram/telegramtest"
)

func TestLostTelephoneIsFrozenAtOnceAndEverywhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "polling", 2)
	w.post("4711", payment("4711", "125000.00"))
	card := w.sees(pyotr, "4711", "✅ Approve")
	if _, err := w.tg.Say(ivan, ivan, "/lost petrov@example.org", 0); err != nil {
		t.Fatal(err)
	}
	w.tap(ivan, w.sees(ivan, "Freeze Pyotr Petrov (petrov@example.org)?"), "🧊 Freeze")
	w.sees(ivan, "Frozen: Pyotr Petrov")
	w.sees(pyotr, "reported lost")
	late, err := w.tg.Forge(pyotr, pyotr, card.ID, card.Keyboard[0][0].Data) // the button may be gone by now
	if err != nil {
		t.Fatal(err)
	}
	if a, err := late.Wait(w.limited(patience)); err != nil || !strings.Contains(a.Text, "do not know your account") {
		t.Errorf("the lost telephone still decides: %q, %v", a.Text, err)
	}
	if err := w.tg.WaitFor(w.limited(patience), func() bool {
		m, ok := w.tg.Message(pyotr, card.ID)
		return ok && len(m.Keyboard) == 0
	}); err != nil {
		t.Errorf("the card keeps its buttons: %v\n%s", err, w.transcript(pyotr))
	}
	w.sees(anna, "4711", "Pyotr Petrov (not connected to Telegram yet)")
	if out := w.command("users", "list", "--links"); !strings.Contains(out, "frozen") {
		t.Errorf("users list --links: %s", out)
	}
	w.command("users", "import", w.csv) // his account is in the file: it is not given back
	if out := w.command("users", "list", "--links"); !strings.Contains(out, "frozen") {
		t.Errorf("after an import: %s", out)
	}
	w.command("users", "unfreeze", "petrov")
	w.command("users", "import", w.csv)
	w.tap(pyotr, w.sees(pyotr, "4711", "✅ Approve"), "✅ Approve")
	w.sees(olga, "4711")

	const administrators = -1001700000001
	if err := w.tg.AddChat(telegramtest.Chat{ID: administrators, Type: telegramtest.Supergroup, Title: "Administrators"}); err != nil {
		t.Fatal(err)
	}
	w.call(http.MethodPut, "/v1/chats/administrators", map[string]any{"telegram_chat_id": administrators, "title": "Administrators", "fallback": true}, http.StatusCreated)
	w.command("users", "freeze", "petrov", "--reason", "he left on Friday")
	w.sees(pyotr, "An administrator froze your connection")
	w.sees(administrators, "Pyotr Petrov (petrov) was frozen by", "he left on Friday")
}

func TestPersonUnlinksInTheChat(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "webhook", 1)
	w.post("4711", payment("4711", "125000.00"))
	card := w.sees(pyotr, "4711", "✅ Approve")
	if _, err := w.tg.Say(pyotr, pyotr, "/unlink", 0); err != nil {
		t.Fatal(err)
	}
	w.tap(pyotr, w.sees(pyotr, "Disconnect Pyotr Petrov"), "🔌 Disconnect")
	w.sees(pyotr, "Disconnected.")
	if err := w.tg.WaitFor(w.limited(patience), func() bool {
		m, ok := w.tg.Message(pyotr, card.ID)
		return ok && len(m.Keyboard) == 0
	}); err != nil {
		t.Errorf("the card keeps its buttons: %v\n%s", err, w.transcript(pyotr))
	}
	if _, err := w.tg.Say(pyotr, pyotr, "/login", 0); err != nil {
		t.Fatal(err)
	}
	w.sees(pyotr, "give your administrator this number: 1002") // no login service is configured here
}
