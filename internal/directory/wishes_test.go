package directory_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/directory"
)

func large() directory.Chat {
	c := finance()
	c.Rules = []directory.Rule{
		{Type: "payment_request", Companies: []string{"LLC-A", "LLC-B"}, Amounts: []directory.Band{
			{Currency: "RUB", From: new(int64(10_000_000))}, {Currency: "EUR", From: new(int64(100)), To: new(int64(200))},
		}},
		{Type: "payment_request", Companies: []string{"LLC-C"}},
	}
	return c
}

func TestRulesNarrowWhatAChatIsToldOf(t *testing.T) {
	t.Parallel()
	for m, want := range map[directory.Matter]bool{
		{Type: "contract", Company: "any", Currency: "USD", Minor: 1}: true,
		{Type: "contract"}: true,
		{Type: "invoice"}:  false,
		{Type: ""}:         false,
		{Type: "payment_request", Company: "LLC-A", Currency: "RUB", Minor: 9_999_999}:  false,
		{Type: "payment_request", Company: "LLC-A", Currency: "RUB", Minor: 10_000_000}: true,
		{Type: "payment_request", Company: "LLC-B", Currency: "EUR", Minor: 99}:         false,
		{Type: "payment_request", Company: "LLC-B", Currency: "EUR", Minor: 100}:        true,
		{Type: "payment_request", Company: "LLC-B", Currency: "EUR", Minor: 200}:        true,
		{Type: "payment_request", Company: "LLC-B", Currency: "EUR", Minor: 201}:        false,
		{Type: "payment_request", Company: "LLC-B", Currency: "USD", Minor: 1 << 40}:    false,
		{Type: "payment_request", Company: "LLC-C", Currency: "USD", Minor: 1}:          true,
		{Type: "payment_request", Company: "LLC-C"}:                                     true,
		{Type: "payment_request", Company: "llc-a", Currency: "RUB", Minor: 1 << 40}:    false,
		{Type: "payment_request", Currency: "RUB", Minor: 1 << 40}:                      false,
	} {
		if got := large().Wants(m); got != want {
			t.Errorf("%+v: %v, want %v", m, got, want)
		}
	}
}

func TestWishesOfAChatAreStoredAndJournalled(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	c := large()
	c.Hidden, c.NoFiles, c.Protect = []string{"payee.account", "amount", "amount"}, true, true
	stored := h.mustPutChat(t, c)
	if d := cmp.Diff(c.Rules, stored.Rules); d != "" || !slices.Equal(stored.Hidden, []string{"amount", "payee.account"}) || !stored.NoFiles || !stored.Protect {
		t.Errorf("%+v\n%s", stored, d)
	}
	if d := cmp.Diff(stored, h.chat(t, "finance")); d != "" {
		t.Errorf("as read again (-stored +read):\n%s", d)
	}
	before := h.version(t)
	if h.mustPutChat(t, c); h.version(t) != before {
		t.Error("the same again is a change")
	}
	c.Rules[0].Amounts[0].From = new(int64(1))
	if h.mustPutChat(t, c); h.version(t) == before {
		t.Error("another limit is no change")
	}
	for _, text := range []string{`"hidden": ["amount", "payee.account"]`, `"no_files": true`, `"protect": true`, `"from": 1`} {
		notes, err := h.Journal(t.Context(), "finance", 0, 1)
		if err != nil || len(notes) != 1 || !strings.Contains(string(notes[0].After), text) {
			t.Errorf("the journal has no %s: %s, %v", text, notes[0].After, err)
		}
	}
}

func TestBadWishesOfAChatAreRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for name, change := range map[string]func(c *directory.Chat){
		"rule about a type that is not wanted": func(c *directory.Chat) { c.Rules = []directory.Rule{{Type: "invoice"}} },
		"unknown field":                        func(c *directory.Chat) { c.Hidden = []string{"everything"} },
		"currency":                             func(c *directory.Chat) { c.Rules[0].Amounts[0].Currency = "rub" },
		"limits the wrong way round":           func(c *directory.Chat) { c.Rules[0].Amounts[0].To = new(int64(1)) },
		"company":                              func(c *directory.Chat) { c.Rules[0].Companies[0] = "a\nb" },
		"too many rules":                       func(c *directory.Chat) { c.Rules = slices.Repeat(c.Rules, 60) },
	} {
		c := large()
		change(&c)
		if _, _, err := h.PutChat(t.Context(), "erp", c); !errors.Is(err, directory.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMaskThatIsLeftOutStaysAndTakesTheFilesAway(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	keep := []directory.ChatField{directory.KeepHidden, directory.KeepFiles, directory.KeepProtect}
	put := func(change func(c *directory.Chat), keep ...directory.ChatField) directory.Chat {
		c := finance()
		change(&c)
		stored, _, err := h.PutChat(t.Context(), "erp", c, keep...)
		if err != nil {
			t.Fatal(err)
		}
		return stored
	}
	none := func(*directory.Chat) {}
	hide := func(c *directory.Chat) { c.Hidden = []string{"amount"} }
	if c := put(none, keep...); c.NoFiles || c.Protect || len(c.Hidden) > 0 {
		t.Errorf("a new chat: %+v", c)
	}
	if c := put(hide, directory.KeepFiles, directory.KeepProtect); !c.NoFiles {
		t.Errorf("files show what is hidden: %+v", c)
	}
	if c := put(none, keep...); !c.NoFiles || len(c.Hidden) != 1 {
		t.Errorf("left out, yet changed: %+v", c)
	}
	if c := put(hide); c.NoFiles {
		t.Errorf("said to be sent, yet %+v", c)
	}
	if c := put(none, keep...); c.NoFiles || len(c.Hidden) != 1 {
		t.Errorf("what was said does not stay: %+v", c)
	}
}
