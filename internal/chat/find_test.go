package chat_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"countersign/internal/ledger"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/telegram/telegramtest"
)

func TestFindListsDocumentsAndIsLeafedThrough(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for i := range 11 {
		o.Post(t, fmt.Sprintf("N%02d", i))
	}
	for _, number := range []string{"N00", "N01"} {
		o.card(t, ledgertest.Budget, number)
	}
	for _, text := range []string{"/find rent <b>", "/find  RENT"} {
		_, err := o.tg.Say(ledgertest.Budget, ledgertest.Budget, text, 0)
		must(t, err)
	}
	o.sees(t, ledgertest.Budget, "Nothing was found for “rent <b>”")
	list := o.sees(t, ledgertest.Budget, "Found for “RENT”")
	if len(list.Keyboard) != 9 || !strings.Contains(list.Keyboard[0][0].Text, "N10") || list.Keyboard[8][0].Text != "More ▶" {
		t.Fatalf("list %+v", list.Keyboard)
	}
	page := func(rows int) telegramtest.Message {
		t.Helper()
		var found telegramtest.Message
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		if o.tg.WaitFor(ctx, func() bool {
			for _, m := range o.tg.Messages(ledgertest.Budget) {
				if m.ID == list.ID {
					found = m
				}
			}
			return len(found.Keyboard) == rows
		}) != nil {
			t.Fatalf("%d rows, want %d: %+v", len(found.Keyboard), rows, found.Keyboard)
		}
		return found
	}
	o.tap(t, ledgertest.Budget, list, "More")
	second := page(4)
	if !strings.Contains(second.Keyboard[0][0].Text, "N02") || second.Keyboard[3][0].Text != "◀ Back" {
		t.Fatalf("second part %+v", second.Keyboard)
	}
	o.tap(t, ledgertest.Budget, second, "N01")
	if m := o.sees(t, ledgertest.Budget, "⬆️", "N01"); m.ReplyTo == 0 {
		t.Error("it does not point at the card")
	}
	o.tap(t, ledgertest.Budget, second, "Back")
	page(9)
	more := list.Keyboard[8][0].Data
	for _, c := range []struct {
		account int64
		data    string
	}{
		{ledgertest.Budget, "f:p:x:1"},
		{ledgertest.Budget, "f:p:fnd_00000000000000000000000000:0"},
		{ledgertest.Budget, "f:"},
		{ledgertest.Budget, "f:p:" + strings.Repeat("9", 50)},
		{ledgertest.Budget, strings.Replace(more, ":8", ":-8", 1)},
		{ledgertest.Finance, more},
	} {
		forged, err := o.tg.Forge(c.account, c.account, list.ID, c.data)
		must(t, err)
		if a, err := forged.Wait(t.Context()); err != nil || !strings.Contains(a.Text, "no longer kept") {
			t.Errorf("%d, %q: %q, %v", c.account, c.data, a.Text, err)
		}
	}
}

func TestWhoHasNoCardIsShownTheState(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	d := ledgertest.Payment("4719")
	d.OnBehalfOf = "orlova"
	_, err := o.Submit(t.Context(), ledger.Submission{Key: ledgertest.Key("4719"), Document: d})
	must(t, err)
	_, err = o.tg.Say(ledgertest.Second, ledgertest.Second, "/find", 0)
	must(t, err)
	o.tap(t, ledgertest.Second, o.sees(t, ledgertest.Second, "Your documents"), "4719")
	if m := o.sees(t, ledgertest.Second, "4719", "Awaiting approval", "As of"); len(m.Keyboard) > 0 {
		t.Errorf("buttons %+v", m.Keyboard)
	}
}
