package courier_test

import (
	"slices"
	"strings"
	"testing"

	"countersign/internal/approval"
	"countersign/internal/card"
	"countersign/internal/directory"
	"countersign/internal/document"
	"countersign/internal/handout"
	"countersign/internal/ledger"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/telegram/telegramtest"
)

// wish changes what the group is told.
func (o *office) wish(t *testing.T, change func(c *directory.Chat)) {
	t.Helper()
	chats, err := o.Directory.Chats(t.Context())
	must(t, err)
	c := chats[slices.IndexFunc(chats, func(c directory.Chat) bool { return c.ExternalID == "payments" })]
	change(&c)
	_, _, err = o.Directory.PutChat(t.Context(), "test", c)
	must(t, err)
}

// large is for payments of a hundred thousand and more.
func large(c *directory.Chat) {
	c.Rules = []directory.Rule{{Type: "payment_request", Amounts: []directory.Band{{Currency: "RUB", From: new(int64(10_000_000))}}}}
}

func (o *office) pay(t *testing.T, id string, minor int64, files ...document.File) ledger.Status {
	t.Helper()
	d := ledgertest.Payment(id)
	d.Amount.Minor, d.Files = minor, files
	st, err := o.Submit(t.Context(), ledger.Submission{Key: ledgertest.Key(id), Document: d})
	must(t, err)
	return st
}

func TestGroupIsToldOfWhatItsRulesLetThroughAndSaysSoWhenTheyChange(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.bind(t, group, 0)
	o.wish(t, large)
	small, big := o.pay(t, "7201", 9_999_999), o.pay(t, "7202", 10_000_000)
	must(t, o.courier.Settle(t.Context()))
	o.calm(t)
	if got, want := len(o.cards(group, "7201")), 0; got != want {
		t.Errorf("%d messages about a small payment", got)
	}
	if got := o.cards(group, "7202"); len(got) != 1 || !strings.Contains(got[0].Text, "100,000.00") {
		t.Fatalf("about a large payment: %+v", got)
	}
	o.shows(t, big.Case.ID, 1)

	o.wish(t, func(c *directory.Chat) {
		c.Rules[0].Amounts[0].To, c.Rules[0].Amounts[0].From = new(int64(9_999_999)), nil
	})
	once(t, o.courier)
	if got := o.cards(group, "7201"); len(got) != 0 {
		t.Error("drawn although nobody asked for it")
	}
	must(t, o.courier.Settle(t.Context()))
	o.calm(t)
	o.shows(t, small.Case.ID, 1)
	if got := o.cards(group, "7201"); len(got) != 1 {
		t.Errorf("%d messages about what belongs there now", len(got))
	}
	for _, m := range o.tg.Messages(group) {
		if strings.Contains(m.Text, "7202") || strings.Contains(m.Text, "100,000") {
			t.Errorf("still told:\n%s", m.Text)
		}
	}
	calls := len(o.tg.Calls())
	must(t, o.courier.Settle(t.Context()))
	o.calm(t)
	if got := len(o.tg.Calls()) - calls; got != 0 {
		t.Errorf("%d calls where nothing changed", got)
	}
	o.wish(t, func(c *directory.Chat) { c.Rules = nil }) // and back
	must(t, o.courier.Settle(t.Context()))
	o.calm(t)
	o.shows(t, big.Case.ID, 1)
	if got := o.cards(group, "7202"); len(got) != 1 || got[0].Edits != 2 {
		t.Errorf("about the large payment again: %+v", got)
	}
}

func TestChangeOfAGroupWhileItIsLookedAtIsNotOverlooked(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.bind(t, group, 0)
	seen, err := o.Directory.Unsettled(t.Context())
	must(t, err)
	o.wish(t, large)
	must(t, o.Directory.Settle(t.Context(), seen))
	if left, err := o.Directory.Unsettled(t.Context()); err != nil || len(left) != 1 {
		t.Errorf("unsettled: %v, %v", left, err)
	}
	must(t, o.courier.Settle(t.Context()))
	if left, err := o.Directory.Unsettled(t.Context()); err != nil || len(left) != 0 {
		t.Errorf("unsettled after all: %v, %v", left, err)
	}
	chats, err := o.Directory.Chats(t.Context())
	must(t, err)
	must(t, o.Directory.ChatFault(t.Context(), chats[0].ID, "kicked"))
	if left, err := o.Directory.Unsettled(t.Context()); err != nil || len(left) != 0 {
		t.Errorf("a fault asks for everything to be shown anew: %v, %v", left, err)
	}
}

func TestHiddenFieldsAndFilesNeverReachTheGroup(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.bind(t, group, 0)
	st := o.withFile(t, "7203")
	o.calm(t)
	if got := o.cards(group, "7203"); len(got) != 2 || !strings.Contains(got[0].Text, "125,000.00") {
		t.Fatalf("before anything is hidden: %+v", got)
	}
	o.wish(t, func(c *directory.Chat) { c.Hidden, c.NoFiles = []string{"amount", "payee"}, true })
	must(t, o.courier.Settle(t.Context()))
	hidden := o.withFile(t, "7204")
	sends := len(o.tg.Calls())
	o.calm(t)
	o.Vote(t, "7204", ledgertest.Budget, approval.Reject, "Landlord LLC asks for 125 000.00")
	o.calm(t)
	o.shows(t, st.Case.ID, 1)
	o.shows(t, hidden.Case.ID, 1)
	for _, c := range o.tg.Calls()[sends:] {
		if c.Params["chat_id"] != "-1001234567890" {
			continue
		}
		for name, value := range c.Params {
			if strings.Contains(value, "Landlord") || strings.Contains(value, "125,000") || strings.Contains(value, "125 000") || strings.Contains(strings.ToLower(c.Method), "document") {
				t.Errorf("%s sends %s %q", c.Method, name, value)
			}
		}
	}
	if o.asked(t, ledgertest.Budget, "7203"); len(o.cards(ledgertest.Budget, "7204")) != 2 {
		t.Error("who is asked does not see what is hidden from the group")
	}
	directoryNames, cardNames := directory.Hideable(), card.Hideable()
	if !slices.Equal(directoryNames, cardNames) {
		t.Errorf("what the directory takes and a card hides differ: %v, %v", directoryNames, cardNames)
	}
}

func TestWhatIsProtectedCannotBeForwarded(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.bind(t, group, 0)
	check := func(number string, inGroup, private bool) {
		t.Helper()
		o.withFile(t, number)
		o.calm(t)
		for chat, want := range map[int64]bool{group: inGroup, ledgertest.Budget: private} {
			got := o.cards(chat, number)
			if len(got) != 2 {
				t.Fatalf("%d messages in %d", len(got), chat)
			}
			for _, m := range got {
				if m.Protected != want {
					t.Errorf("%s: message %d in %d is protected %t", number, m.ID, chat, m.Protected)
				}
			}
		}
	}
	check("7205", false, false)
	o.wish(t, func(c *directory.Chat) { c.Protect = true })
	check("7206", true, false)
	o.wish(t, func(c *directory.Chat) { c.Protect = false })
	o.courier.Protect = []string{"contract"}
	check("7207", false, false)
	o.courier.Protect = []string{"contract", "payment_request"}
	check("7208", true, true)
	o.courier.Protect = []string{"*"}
	check("7209", true, true)
}

func TestOpenCasesAreShownAnewInTheSupergroupAndEndedOnesAreNot(t *testing.T) {
	t.Parallel()
	for name, learn := range map[string]func(t *testing.T, o *office){
		"told by the messenger": func(t *testing.T, o *office) {
			t.Helper()
			must(t, o.Directory.MigrateChat(t.Context(), oldGroup, group))
		},
		"told twice": func(t *testing.T, o *office) {
			t.Helper()
			must(t, o.Directory.MigrateChat(t.Context(), oldGroup, group))
			must(t, o.courier.Settle(t.Context()))
			must(t, o.Directory.MigrateChat(t.Context(), oldGroup, group))
		},
		"found out by a refusal": func(t *testing.T, o *office) {
			t.Helper()
			o.Vote(t, "211", ledgertest.Budget, approval.Accept, "")
			o.calm(t)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			o.bind(t, oldGroup, 0)
			open := []approval.ID{o.withFile(t, "211").Case.ID, o.withFile(t, "212").Case.ID}
			paid := o.withFile(t, "213")
			o.Approve(t, "213")
			o.Post(t, "214")
			_, err := o.Withdraw(t.Context(), ledgertest.Key("214"), "paid in cash")
			must(t, err)
			must(t, o.courier.Settle(t.Context()))
			o.calm(t)
			must(t, o.tg.Migrate(oldGroup, group))
			learn(t, o)
			must(t, o.courier.Settle(t.Context()))
			o.calm(t)
			for _, id := range open {
				o.shows(t, id, 1)
			}
			for number, want := range map[string]int{"211": 2, "212": 2, "213": 0, "214": 0} {
				if got := o.cards(group, number); len(got) != want {
					t.Errorf("%s: %d messages in the supergroup, want %d", number, len(got), want)
				}
			}
			if got := o.noted(t); slices.ContainsFunc(got, func(row string) bool {
				return strings.Contains(row, " -4711 ") && (strings.HasPrefix(row, string(open[0])) || strings.HasPrefix(row, string(open[1])))
			}) {
				t.Errorf("the old messages of open cases are still known:\n%s", strings.Join(got, "\n"))
			}

			// what happens to an ended case later is no news; an open one is kept true
			_, err = o.Consume(t.Context(), ledgertest.Key("213"), paid.Case.Hash, "PO-1")
			must(t, err)
			o.Vote(t, "212", ledgertest.Budget, approval.Reject, "no")
			o.calm(t)
			o.shows(t, open[1], 1)
			if got := o.cards(group, "213"); len(got) != 0 {
				t.Errorf("the group is told again of what ended:\n%s", got[0].Text)
			}
		})
	}
}

func TestCaseThatEndedBeforeItWasShownInTheSupergroupTellsItsEndThere(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.bind(t, oldGroup, 0)
	o.Post(t, "215")
	o.calm(t)
	must(t, o.tg.Migrate(oldGroup, group))
	must(t, o.Directory.MigrateChat(t.Context(), oldGroup, group))
	_, err := o.Withdraw(t.Context(), ledgertest.Key("215"), "paid in cash")
	must(t, err)
	o.calm(t)
	if got := o.cards(group, "215"); len(got) != 1 || !strings.Contains(got[0].Text, "Withdrawn") {
		t.Errorf("the supergroup shows %+v", got)
	}
}

func TestGroupThatIsNoLongerToldIsLeftInPeace(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.bind(t, group, 0)
	o.withFile(t, "241")
	o.calm(t)
	o.wish(t, func(c *directory.Chat) { c.Disabled = true })
	must(t, o.tg.ChangeChat(group, func(c *telegramtest.Chat) { c.Bot = "kicked" }))
	must(t, o.courier.Settle(t.Context()))
	o.calm(t)
	calls := len(o.tg.Calls())
	o.Vote(t, "241", ledgertest.Budget, approval.Accept, "")
	o.calm(t)
	for _, c := range o.tg.Calls()[calls:] {
		if strings.HasPrefix(strings.ToLower(c.Method), "send") && c.Params["chat_id"] == "-1001234567890" {
			t.Errorf("%s %v", c.Method, c.Params)
		}
	}
}

func TestFileThatIsTooLargeIsOfferedByALinkThatEndsWithIt(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.bind(t, group, 0)
	o.courier.MaxFile = 4
	o.courier.Links = &handout.Desk{Store: &handout.Store{Pool: o.Pool}, Directory: o.Directory, Files: o.Files, PublicURL: "https://pay.example.org"}
	live := func() (n int) {
		t.Helper()
		must(t, o.Pool.QueryRow(t.Context(), `select count(*) from file_link where ended_at is null`).Scan(&n))
		return n
	}
	o.withFile(t, "7301")
	o.calm(t)
	links := map[string]bool{}
	for _, chat := range []int64{group, ledgertest.Budget} {
		got := o.cards(chat, "7301")
		if len(got) != 2 || got[1].Document != nil || got[1].ReplyTo != got[0].ID || !strings.Contains(got[1].Text, "Счёт.pdf") {
			t.Fatalf("%d shows %+v", chat, got)
		}
		b, ok := got[1].Button("Download")
		if !ok || !strings.HasPrefix(b.URL, "https://pay.example.org/files/") || strings.Contains(got[1].Text, "https://") {
			t.Errorf("%d: button %+v under %s", chat, b, got[1].Text)
		}
		links[b.URL] = true
	}
	if len(links) != 2 || live() != 2 || len(o.tg.CallsOf("sendDocument")) != 0 {
		t.Errorf("%d different links, %d live, want one for each chat", len(links), live())
	}
	var owned int
	must(t, o.Pool.QueryRow(t.Context(), `select count(*) from file_link where chat = 'payments' or connection is not null`).Scan(&owned))
	if owned != 2 {
		t.Errorf("of %d links it is noted whose they are, want both", owned)
	}
	calls := o.sends() + o.edits()
	must(t, o.Redraw(t.Context(), o.caseOf(t, "7301")))
	o.calm(t)
	if got := o.sends() + o.edits() - calls; got != 0 {
		t.Errorf("%d calls for what is shown already", got)
	}

	o.wish(t, func(c *directory.Chat) { c.NoFiles = true }) // the group gets no files any more
	must(t, o.courier.Settle(t.Context()))
	o.calm(t)
	if n := live(); n != 1 {
		t.Errorf("%d links are live, want that of the person asked", n)
	}
	o.revise(t, "7301", func(*document.Document) {}) // without the file
	o.Vote(t, "7301", ledgertest.Budget, approval.Accept, "")
	o.calm(t)
	for _, chat := range []int64{group, ledgertest.Budget} {
		for _, m := range o.tg.Messages(chat) {
			if _, ok := m.Button("Download"); ok {
				t.Errorf("%d still offers it:\n%s", chat, m.Text)
			}
		}
	}
	if n := live(); n != 0 {
		t.Errorf("%d links are live to a file that the document has no more", n)
	}

	o.courier.Links = nil // no address that people can reach
	o.withFile(t, "7302")
	o.calm(t)
	if got := o.cards(ledgertest.Budget, "7302"); len(got) != 2 || len(got[1].Keyboard) != 0 || !strings.Contains(got[1].Text, "Too large") {
		t.Errorf("without links: %+v", got)
	}
}

func (o *office) caseOf(t *testing.T, number string) approval.ID {
	t.Helper()
	st, err := o.Document(t.Context(), ledgertest.Key(number))
	must(t, err)
	return st.Case.ID
}
