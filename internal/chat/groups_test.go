package chat_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"countersign/internal/directory"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/people"
	"countersign/internal/telegram/telegramtest"
)

const (
	otherGroup = -1009876543210
	topicID    = 31
)

// room adds a forum with one topic, run by Pyotr, in which Olga is too.
func (o *office) room(t *testing.T) {
	t.Helper()
	must(t, o.tg.AddChat(telegramtest.Chat{
		ID: otherGroup, Type: telegramtest.Supergroup, Title: "Tre\u202easury\n", Forum: true,
		Members: []int64{ledgertest.Budget, ledgertest.Finance}, Admins: []int64{ledgertest.Budget},
	}))
	must(t, o.tg.Topic(otherGroup, topicID, true))
}

func (o *office) code(t *testing.T, chat string, notices ...string) string {
	t.Helper()
	code, _, err := o.Directory.MakeChatCode(t.Context(), "test", chat, notices)
	must(t, err)
	return code.Reveal()
}

// answered says something in a chat and gives the bot's answer to it.
func (o *office) answered(t *testing.T, said telegramtest.Said, words ...string) telegramtest.Message {
	t.Helper()
	id, err := o.tg.Post(said)
	must(t, err)
	var found telegramtest.Message
	o.wait(t, func() bool {
		for _, m := range o.tg.Messages(said.ChatID) {
			if m.ReplyTo == id && m.From == o.tg.BotID() {
				found = m
				return true
			}
		}
		return false
	})
	for _, w := range words {
		if !strings.Contains(found.Text, w) {
			t.Errorf("%q is answered with %q, want %q", said.Text, found.Text, w)
		}
	}
	return found
}

func (o *office) chatNamed(t *testing.T, name string) (directory.Chat, bool) {
	t.Helper()
	all, err := o.Directory.Chats(t.Context())
	must(t, err)
	for _, c := range all {
		if c.ExternalID == name {
			return c, true
		}
	}
	return directory.Chat{}, false
}

func TestGroupAndTopicAreBoundByACodeAndGetTheOpenCases(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.room(t)
	o.Post(t, "8101")
	o.card(t, ledgertest.Budget, "8101")
	code := o.code(t, "treasury", "payment_request")
	m := o.answered(t, telegramtest.Said{UserID: ledgertest.Finance, ChatID: otherGroup, ThreadID: topicID, Text: "/bind@" + o.tg.BotName() + " " + strings.ToLower(code)}, "treasury", "Payment request")
	if m.ThreadID != topicID {
		t.Errorf("answered in topic %d", m.ThreadID)
	}
	c, _ := o.chatNamed(t, "treasury")
	if c.TelegramID != otherGroup || c.Thread != topicID || c.Title != "Treasury" || len(c.Notices) != 1 || c.Disabled {
		t.Errorf("bound as %+v", c)
	}
	if shown := o.sees(t, otherGroup, "8101", "Awaiting"); shown.ThreadID != topicID {
		t.Errorf("the open case is shown in topic %d", shown.ThreadID)
	}
	o.answered(t, telegramtest.Said{UserID: ledgertest.Finance, ChatID: otherGroup, Text: "/bind " + code}, "not valid") // General: a place of its own
	o.answered(t, telegramtest.Said{UserID: ledgertest.Finance, ChatID: otherGroup, Text: "/bind " + o.code(t, "general")}, "general", "—")
	if _, ok := o.chatNamed(t, "general"); !ok {
		t.Error("the group beside its topics is not bound")
	}
	o.answered(t, telegramtest.Said{UserID: ledgertest.Finance, ChatID: otherGroup, Text: "/bind " + o.code(t, "third")}, "another name")
	notes, err := o.Directory.Journal(t.Context(), "treasury", 0, 10)
	must(t, err)
	if text := fmt.Sprintf("%s %s", notes[0].What, notes[0].Actor); text != fmt.Sprintf("chat.bound telegram account %d", ledgertest.Finance) {
		t.Errorf("the journal says %q", text)
	}
	for _, n := range notes {
		if strings.Contains(string(n.Before)+string(n.After), strings.ReplaceAll(code, "-", "")) || strings.Contains(string(n.After), code) {
			t.Error("the code is in the journal")
		}
	}
}

func TestCodesThatDoNotBindAreAnsweredAndJournalled(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.room(t)
	say := func(text string, more func(s *telegramtest.Said), words ...string) {
		t.Helper()
		s := telegramtest.Said{UserID: ledgertest.Finance, ChatID: otherGroup, Text: text}
		if more != nil {
			more(&s)
		}
		o.answered(t, s, words...)
	}
	code := o.code(t, "treasury")
	say("/bind", nil, "after the command")
	say("/bind "+code, func(s *telegramtest.Said) { s.Anonymous = true }, "under your own name")
	say("/bind "+code, func(s *telegramtest.Said) { s.Forwarded = true }, "under your own name")
	say("/unbind", func(s *telegramtest.Said) { s.Anonymous = true }, "under your own name")
	old := o.code(t, "late")
	_, err := o.Pool.Exec(t.Context(), `update chat_code set ended_at = now() where external_id = 'late'`)
	must(t, err)
	say("/bind "+old, nil, "not valid")
	newer := o.code(t, "treasury")
	say("/bind "+code, nil, "not valid") // a newer one was made
	if _, ok := o.chatNamed(t, "treasury"); ok {
		t.Fatal("bound by a code that is not valid")
	}
	for _, wrong := range []string{"AAAAA-AAAAA", strings.Repeat("x", 3000), "\u202e'; drop table chat; --"} {
		say("/bind "+wrong, nil, "not valid")
	}
	say("/bind "+newer, nil, "too many") // even the right one
	say("/bind "+newer, func(s *telegramtest.Said) { s.UserID = ledgertest.Budget }, "treasury")
	notes, err := o.Directory.Journal(t.Context(), fmt.Sprint(otherGroup), 0, 100)
	must(t, err)
	why := map[string]int{}
	for _, n := range notes {
		switch {
		case strings.Contains(string(n.After), "wrong code"):
			why["wrong"]++
		case strings.Contains(string(n.After), "own name"):
			why["nameless"]++
		}
	}
	if why["wrong"] != 5 || why["nameless"] != 2 { // what comes again is noted once
		t.Errorf("the journal has %v", why)
	}
}

func TestOneCodeInTwoPlacesAtOnceBindsOne(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	code := o.code(t, "treasury")
	bound := make(chan error, 8)
	for i := range cap(bound) {
		go func() {
			_, err := o.Directory.BindChat(context.WithoutCancel(t.Context()), directory.Place{
				TelegramID: otherGroup - int64(i), Title: "x", Kind: directory.Supergroup, Account: 9000 + int64(i), Update: int64(i + 1),
			}, code)
			bound <- err
		}()
	}
	well := 0
	for range cap(bound) {
		if err := <-bound; err == nil {
			well++
		}
	}
	if well != 1 {
		t.Errorf("%d places are bound by one code", well)
	}
}

func TestCommandThatIsActedOnTwiceBindsOnceAndSaysSo(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	code := o.code(t, "treasury", "payment_request")
	p := directory.Place{TelegramID: otherGroup, Title: "x", Kind: directory.Supergroup, Account: ledgertest.Finance, Update: 77}
	for range 2 { // the process died before the update was settled
		if c, err := o.Directory.BindChat(t.Context(), p, code); err != nil || c.ExternalID != "treasury" {
			t.Errorf("%+v, %v", c, err)
		}
	}
	p.TelegramID--
	if _, err := o.Directory.BindChat(t.Context(), p, code); err == nil {
		t.Error("the same update binds another place")
	}
}

func TestOnlyWhoRunsTheGroupAndTheGatewayUnbinds(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	administrator := map[string]bool{"petrov": true, "sidorova": true}
	o.door.Administrator = func(_ context.Context, p people.Person) (bool, error) { return administrator[p.ExternalID], nil }
	must(t, o.tg.ChangeChat(groupID, func(c *telegramtest.Chat) {
		c.Members = []int64{ledgertest.Budget, ledgertest.Finance, ledgertest.Treasurer, 6666}
		c.Admins = []int64{ledgertest.Budget, ledgertest.Treasurer, 6666}
	}))
	o.tg.User(6666, "Mallory", "en")
	for account, why := range map[int64]string{
		6666: "nobody the gateway knows", ledgertest.Finance: "does not run the group", ledgertest.Treasurer: "no administrator of the gateway",
	} {
		o.answered(t, telegramtest.Said{UserID: account, ChatID: groupID, Text: "/unbind"}, "Only an administrator")
		if c, _ := o.chatNamed(t, "payments"); c.Disabled {
			t.Fatalf("unbound by somebody who is %s", why)
		}
	}
	o.answered(t, telegramtest.Said{UserID: ledgertest.Budget, ChatID: groupID, Text: "/unbind"}, "no notices any more")
	if c, _ := o.chatNamed(t, "payments"); !c.Disabled {
		t.Error("still bound")
	}
	o.answered(t, telegramtest.Said{UserID: ledgertest.Budget, ChatID: groupID, Text: "/unbind"}, "no notices any more")
}

func TestAdministratorsHearOnceThatAGroupIsLostAndOnceThatItIsBack(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	must(t, o.tg.AddChat(telegramtest.Chat{ID: otherGroup, Type: telegramtest.Supergroup, Title: "Operations", Members: []int64{ledgertest.Budget}}))
	_, _, err := o.Directory.PutChat(t.Context(), "test", directory.Chat{ExternalID: "ops", TelegramID: otherGroup, Title: "Operations", Fallback: true})
	must(t, err)
	told := func(words string) (n int) {
		for range 3 {
			must(t, o.door.TellChats(t.Context()))
		}
		_, err := o.board.RunOnce(t.Context())
		must(t, err)
		for _, m := range o.tg.Messages(otherGroup) {
			if strings.Contains(m.Text, words) {
				n++
			}
		}
		return n
	}
	if n := told("Payments"); n != 0 {
		t.Errorf("told %d times of nothing", n)
	}
	fault := func() string { c, _ := o.chatNamed(t, "payments"); return c.Fault }
	for round, lost := range []string{"kicked", "restricted", "left"} {
		must(t, o.tg.ChangeChat(groupID, func(c *telegramtest.Chat) { c.Bot = lost }))
		o.wait(t, func() bool { return fault() != "" })
		if n := told("no longer arrive in “Payments”"); n != round+1 {
			t.Errorf("%s: told %d times in all", lost, n)
		}
		must(t, o.tg.ChangeChat(groupID, func(c *telegramtest.Chat) { c.Bot = "member" }))
		o.wait(t, func() bool { return fault() == "" })
		if n := told("arrive in “Payments” (payments) again"); n != round+1 {
			t.Errorf("%s: told %d times in all that it is well", lost, n)
		}
	}
}
