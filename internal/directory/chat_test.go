package directory_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/directory"
)

const (
	group      = -4242
	supergroup = -1001234567890
)

func finance() directory.Chat {
	return directory.Chat{ExternalID: "finance", TelegramID: group, Title: "Финансы", Notices: []string{"payment_request", "contract", "contract"}}
}

func (h house) mustPutChat(tb testing.TB, c directory.Chat) directory.Chat {
	tb.Helper()
	stored, _, err := h.PutChat(tb.Context(), "erp", c)
	if err != nil {
		tb.Fatal(err)
	}
	return stored
}

func (h house) chat(tb testing.TB, externalID string) directory.Chat {
	tb.Helper()
	chats, err := h.Chats(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	for _, c := range chats {
		if c.ExternalID == externalID {
			return c
		}
	}
	tb.Fatalf("no chat %q", externalID)
	return directory.Chat{}
}

func TestWhatWasLeftOutOfAChatStaysAsItIs(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	keep := []directory.ChatField{directory.KeepFallback, directory.KeepDisabled}
	fresh, _, err := h.PutChat(t.Context(), "erp", finance(), keep...)
	if err != nil || fresh.Fallback || fresh.Disabled {
		t.Fatalf("a new chat: %+v, %v", fresh, err)
	}
	c := finance()
	c.Fallback, c.Disabled = true, true
	h.mustPutChat(t, c)
	c = finance()
	c.Title = "Treasury"
	kept, _, err := h.PutChat(t.Context(), "erp", c, keep...)
	if err != nil || kept.Title != "Treasury" || !kept.Fallback || !kept.Disabled {
		t.Errorf("left out: %+v, %v", kept, err)
	}
	if said := h.mustPutChat(t, c); said.Fallback || said.Disabled {
		t.Errorf("said to be false: %+v", said)
	}
}

func TestChatIsPutChangedAndFoundByDocumentType(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	stored, created, err := h.PutChat(t.Context(), "erp", finance())
	if err != nil || !created {
		t.Fatalf("%v, %v", created, err)
	}
	want := directory.Chat{ID: stored.ID, ExternalID: "finance", TelegramID: group, Title: "Финансы", Notices: []string{"contract", "payment_request"}, Rules: []directory.Rule{}, Hidden: []string{}, Kind: directory.Group}
	if d := cmp.Diff(want, stored); d != "" {
		t.Error(d)
	}
	before := h.version(t)
	again, created, err := h.PutChat(t.Context(), "erp", finance())
	if err != nil || created || h.version(t) != before {
		t.Errorf("again: %v, %v", created, err)
	}
	if d := cmp.Diff(want, again); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(want, h.chat(t, "finance")); d != "" {
		t.Error(d)
	}
	for documentType, want := range map[string]int{"contract": 1, "payment_request": 1, "payment": 0, "": 0} {
		if got, err := h.ChatsFor(t.Context(), documentType); err != nil || len(got) != want {
			t.Errorf("%q: %v, %v", documentType, got, err)
		}
	}
	c := finance()
	c.Disabled = true
	h.mustPutChat(t, c)
	if got, err := h.ChatsFor(t.Context(), "contract"); err != nil || len(got) != 0 {
		t.Errorf("disabled, yet %v, %v", got, err)
	}
	if d := cmp.Diff([]string{"chat.added by erp", "chat.changed by erp"}, h.journal(t, "finance")); d != "" {
		t.Error(d)
	}
}

func TestTopicsOfOneSupergroupAreDifferentPlaces(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for i, name := range []string{"all", "payments", "contracts"} {
		h.mustPutChat(t, directory.Chat{ExternalID: name, TelegramID: supergroup, Thread: int64(i), Title: name})
	}
	at, err := h.ChatsAt(t.Context(), supergroup)
	if err != nil || len(at) != 3 || at[0].Kind != directory.Supergroup {
		t.Errorf("%+v, %v", at, err)
	}
	_, _, err = h.PutChat(t.Context(), "erp", directory.Chat{ExternalID: "other", TelegramID: supergroup, Thread: 1, Title: "x"})
	if !errors.Is(err, directory.ErrTaken) || !strings.Contains(err.Error(), `"payments"`) {
		t.Errorf("the same topic: %v", err)
	}
}

func TestBadChatIsRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	tests := map[string]func(*directory.Chat){
		"no name":            func(c *directory.Chat) { c.ExternalID = "" },
		"zero byte in name":  func(c *directory.Chat) { c.ExternalID = "a\x00" },
		"no title":           func(c *directory.Chat) { c.Title = " " },
		"long title":         func(c *directory.Chat) { c.Title = strings.Repeat("t", 256) },
		"bidi title":         func(c *directory.Chat) { c.Title = "a\u2066b" },
		"a person":           func(c *directory.Chat) { c.TelegramID = 42 },
		"no id":              func(c *directory.Chat) { c.TelegramID = 0 },
		"too low":            func(c *directory.Chat) { c.TelegramID = -1<<52 - 1 },
		"kind does not fit":  func(c *directory.Chat) { c.Kind = directory.Supergroup },
		"unknown kind":       func(c *directory.Chat) { c.TelegramID, c.Kind = supergroup, "forum" },
		"topic of a group":   func(c *directory.Chat) { c.Thread = 1 },
		"topic of a channel": func(c *directory.Chat) { c.TelegramID, c.Kind, c.Thread = supergroup, directory.Channel, 1 },
		"negative topic":     func(c *directory.Chat) { c.TelegramID, c.Thread = supergroup, -1 },
		"empty type":         func(c *directory.Chat) { c.Notices = []string{""} },
		"control in type":    func(c *directory.Chat) { c.Notices = []string{"a\tb"} },
		"too many types":     func(c *directory.Chat) { c.Notices = strings.Fields(types(101)) },
	}
	for name, spoil := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := finance()
			spoil(&c)
			if _, _, err := h.PutChat(t.Context(), "erp", c); !errors.Is(err, directory.ErrInvalid) {
				t.Error(err)
			}
		})
	}
	if c := h.mustPutChat(t, directory.Chat{ExternalID: "news", TelegramID: supergroup, Kind: directory.Channel, Title: "News"}); c.Kind != directory.Channel {
		t.Errorf("channel: %+v", c)
	}
}

func types(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat("x", i+1)[:min(i+1, 90)] + string(rune('a'+i%26)) + string(rune('a'+i/26)) + " ")
	}
	return b.String()
}

func TestGroupThatBecameASupergroupIsFollowed(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.mustPutChat(t, finance())
	for range 2 { // Telegram says it in both chats
		if err := h.MigrateChat(t.Context(), group, supergroup); err != nil {
			t.Fatal(err)
		}
	}
	c := h.chat(t, "finance")
	if c.TelegramID != supergroup || c.MigratedFrom != group || c.Kind != directory.Supergroup {
		t.Errorf("%+v", c)
	}
	// An ERP that still has the old id in its settings must not undo it.
	u := finance()
	u.Title = "Finance"
	if c := h.mustPutChat(t, u); c.TelegramID != supergroup || c.Title != "Finance" || c.MigratedFrom != group {
		t.Errorf("put with the old id: %+v", c)
	}
	if d := cmp.Diff([]string{"chat.added by erp", "chat.migrated by telegram", "chat.changed by erp"}, h.journal(t, "finance")); d != "" {
		t.Error(d)
	}
	if err := h.MigrateChat(t.Context(), -1, -2_000_000_000_000); err != nil {
		t.Errorf("a chat nobody registered: %v", err)
	}
	if err := h.MigrateChat(t.Context(), supergroup, supergroup); err != nil {
		t.Errorf("to itself: %v", err)
	}
	if err := h.MigrateChat(t.Context(), supergroup, 5); !errors.Is(err, directory.ErrInvalid) {
		t.Errorf("to a person: %v", err)
	}
}

func TestGroupThatBecomesARegisteredOneIsDisabled(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.mustPutChat(t, finance())
	h.mustPutChat(t, directory.Chat{ExternalID: "new", TelegramID: supergroup, Title: "New", Notices: []string{"contract"}})
	for range 2 {
		if err := h.MigrateChat(t.Context(), group, supergroup); err != nil {
			t.Fatal(err)
		}
		h.clock.advance(time.Second)
	}
	if c := h.chat(t, "finance"); !c.Disabled || c.TelegramID != group || !strings.Contains(c.Fault, "registered already") {
		t.Errorf("%+v", c)
	}
	if got, err := h.ChatsFor(t.Context(), "contract"); err != nil || len(got) != 1 || got[0].ExternalID != "new" {
		t.Errorf("%+v, %v", got, err)
	}
	if n := len(h.journal(t, "finance")); n != 2 {
		t.Errorf("%d journal rows", n)
	}
}

func TestFaultOfAChatIsKeptUntilItPassesOrTheChatMoves(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	c := h.mustPutChat(t, finance())
	for range 3 {
		if err := h.ChatFault(t.Context(), c.ID, "bot was kicked"); err != nil {
			t.Fatal(err)
		}
	}
	first := h.clock.Now()
	h.clock.advance(time.Hour)
	u := finance()
	u.Title = "Finance"
	if c = h.mustPutChat(t, u); c.Fault != "bot was kicked" || !c.FaultAt.Equal(first) {
		t.Errorf("after a change of the title: %+v", c)
	}
	if got, err := h.ChatsFor(t.Context(), "contract"); err != nil || len(got) != 1 || got[0].Fault == "" {
		t.Errorf("%+v, %v", got, err)
	}
	if err := h.ChatFault(t.Context(), c.ID, ""); err != nil {
		t.Fatal(err)
	}
	if c = h.chat(t, "finance"); c.Fault != "" || !c.FaultAt.IsZero() {
		t.Errorf("after it passed: %+v", c)
	}
	if err := h.ChatFault(t.Context(), c.ID, "no right to write"); err != nil {
		t.Fatal(err)
	}
	u.TelegramID = group - 1
	if c = h.mustPutChat(t, u); c.Fault != "" {
		t.Errorf("another place: %+v", c)
	}
	if n := len(h.journal(t, "finance")); n != 6 {
		t.Errorf("%d journal rows: %v", n, h.journal(t, "finance"))
	}
	for id, want := range map[string]error{"cht_0": directory.ErrUnknown, "cht_\x00": directory.ErrUnknown, "cht_" + strings.Repeat("0", 26): directory.ErrUnknown} {
		if err := h.ChatFault(t.Context(), id, "x"); !errors.Is(err, want) {
			t.Errorf("%q: %v", id, err)
		}
	}
	if err := h.ChatFault(t.Context(), c.ID, "a\nb"); !errors.Is(err, directory.ErrInvalid) {
		t.Error(err)
	}
}

func TestOneChatPutTwiceAtOnceIsCreatedOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var wg sync.WaitGroup
	var created [4]bool
	for i := range created {
		s := h.another()
		wg.Go(func() {
			var err error
			if _, created[i], err = s.PutChat(t.Context(), "erp", finance()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	n := 0
	for _, c := range created {
		if c {
			n++
		}
	}
	if n != 1 {
		t.Errorf("created %d times", n)
	}
}

// Anybody can put the bot into a group of his own and ask there all day long.
func TestRefusalsInAChatDoNotFillTheJournal(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	refused := func(account int64, why string) int {
		t.Helper()
		if err := h.ChatRefused(t.Context(), directory.Place{TelegramID: group, Title: "x", Account: account}, why); err != nil {
			t.Fatal(err)
		}
		return len(h.journal(t, "-4242"))
	}
	for range 20 {
		refused(1, "may not unbind")
	}
	before := h.version(t)
	if n := refused(1, "may not unbind"); n != 1 || h.version(t) != before {
		t.Errorf("%d notes of the same, and the directory has version %d, had %d", n, h.version(t), before)
	}
	if n := refused(1, "not written under one's own name"); n != 2 {
		t.Errorf("%d notes of two things that one asked for", n)
	}
	for account := range int64(50) {
		refused(2+account, "may not unbind")
	}
	most := refused(1000, "may not unbind")
	if most != 10 {
		t.Errorf("%d notes of what fifty asked for at once", most)
	}
	h.clock.advance(16 * time.Minute)
	if n := refused(1, "may not unbind"); n != most+1 {
		t.Errorf("%d notes of %d and one that came later", n, most)
	}
}
