package chat_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"countersign/internal/chat"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/telegram"
	"countersign/internal/telegram/telegramtest"
)

// answeredIn lists the commands that a function of the door tells apart, as its code has them.
func answeredIn(t *testing.T, file, function string) []string {
	t.Helper()
	code, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	must(t, err)
	var out []string
	for _, d := range code.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Name.Name != function {
			continue
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if c, ok := n.(*ast.CaseClause); ok {
				for _, e := range c.List {
					if word, ok := e.(*ast.BasicLit); ok {
						name, err := strconv.Unquote(word.Value)
						must(t, err)
						out = append(out, name)
					}
				}
			}
			return true
		})
	}
	if len(out) == 0 {
		t.Fatalf("%s tells no commands apart", function)
	}
	slices.Sort(out)
	return out
}

// The menu of each place has exactly what is answered there.
func TestMenusHaveTheCommandsThatAreAnsweredThere(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	private, group := answeredIn(t, "message.go", "command"), answeredIn(t, "groups.go", "group")
	without := func(all []string, names ...string) []string {
		return slices.DeleteFunc(slices.Clone(all), func(name string) bool { return slices.Contains(names, name) })
	}
	want := map[telegram.Scope][]string{
		telegram.ScopePrivate: without(private, "start", "bind", "unbind"), // a button of the messenger's; the others say where they belong
		telegram.ScopeGroups:  without(group, "start", "unbind"),           // which takes somebody who runs the group
		telegram.ScopeAdmins:  without(group, "start"),
	}
	seen := map[telegram.Scope]map[string]bool{}
	for _, m := range chat.Menus(o.door.Texts, "rooms", "tc") {
		var names []string
		for _, c := range m.Commands {
			names = append(names, c.Name)
			if c.Description == "" || c.Description == "command."+c.Name {
				t.Errorf("%s %q: /%s is not described", m.Scope, m.Language, c.Name)
			}
		}
		slices.Sort(names)
		if !slices.Equal(names, want[m.Scope]) {
			t.Errorf("%s %q offers %v, and %v are answered", m.Scope, m.Language, names, want[m.Scope])
		}
		if seen[m.Scope] == nil {
			seen[m.Scope] = map[string]bool{}
		}
		seen[m.Scope][m.Language] = true
	}
	for scope, languages := range seen {
		if got := strings.Join(slices.Sorted(maps.Keys(languages)), " "); got != " de en es ru" {
			t.Errorf("%s is there in %q", scope, got)
		}
	}
}

func TestEveryCommandOfTheMenuIsAnswered(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	must(t, o.tg.AddChat(telegramtest.Chat{ID: -100_123, Type: telegramtest.Supergroup, Title: "Payments", Members: []int64{ledgertest.Budget}}))
	english := o.door.Texts.For("en")
	for _, m := range chat.Menus(o.door.Texts) {
		if m.Language != "" {
			continue
		}
		where := int64(ledgertest.Budget)
		if m.Scope != telegram.ScopePrivate {
			where = -100_123
		}
		for _, c := range m.Commands {
			before := len(o.tg.Messages(where))
			_, err := o.tg.Say(ledgertest.Budget, where, "/"+c.Name, 0)
			must(t, err)
			o.wait(t, func() bool { return len(o.tg.Messages(where)) >= before+2 })
			all := o.tg.Messages(where)
			switch all[len(all)-1].Text {
			case english.T("command.unknown", nil), english.T("command.private_only", nil):
				t.Errorf("%s offers /%s, which is answered %q", m.Scope, c.Name, all[len(all)-1].Text)
			}
		}
	}
}

func TestMenusAreSetOnceAndOnlyWhereTheyDiffer(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	announce := func() { must(t, o.door.Announce(t.Context(), chat.Hook{URL: o.url}, func(telegram.Me) {})) }
	announce()
	sets := func() int {
		n := 0
		for _, method := range []string{"setMyCommands", "setMyDescription", "setMyShortDescription"} {
			n += len(o.tg.CallsOf(method))
		}
		return n
	}
	first := sets()
	for _, key := range []string{"all_private_chats/", "all_private_chats/ru", "all_group_chats/de", "all_chat_administrators/es"} {
		if len(o.tg.Commands()[key]) == 0 {
			t.Errorf("no menu for %s: %v", key, o.tg.Commands())
		}
	}
	if about := o.tg.About(); !strings.Contains(about["description/ru"], "платежи") || !strings.Contains(about["short_description/"], "Approvals") {
		t.Errorf("the bot says of itself: %v", about)
	}
	announce()
	if sets() != first {
		t.Errorf("%d texts were set again", sets()-first)
	}
	must(t, o.door.Telegram.SetCommands(t.Context(), telegram.ScopeGroups, "de", []telegram.MenuCommand{{Name: "x", Description: "y"}}))
	announce()
	if sets() != first+2 || o.tg.Commands()["all_group_chats/de"][0].Name != "bind" { // that one, and ours
		t.Errorf("%d texts were set after one was changed: %v", sets()-first, o.tg.Commands()["all_group_chats/de"])
	}
}

func TestWhatTheOperatorSaysOfTheBotStays(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	must(t, o.door.Telegram.SetProfile(t.Context(), "", telegram.Profile{Long: "Ours."}))
	must(t, o.door.Telegram.SetProfile(t.Context(), "ru", telegram.Profile{Short: "Наш."}))
	must(t, o.door.Announce(t.Context(), chat.Hook{URL: o.url}, func(telegram.Me) {}))
	about := o.tg.About()
	if about["description/"] != "Ours." || about["description/ru"] != "" || about["short_description/ru"] != "Наш." || about["short_description/de"] == "" {
		t.Errorf("the bot says of itself: %v", about)
	}
}

func TestBotAPIThatKnowsNoMenusIsWarnedOfAndWorks(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	var said bytes.Buffer
	o.door.Log = slog.New(slog.NewTextHandler(&said, nil))
	for _, method := range []string{"setMyCommands", "getMyCommands", "getMyDescription"} {
		defer o.tg.FailAlways(method, telegramtest.Refuse(404, "Not Found"))()
	}
	must(t, o.door.Announce(t.Context(), chat.Hook{URL: o.url}, func(telegram.Me) {}))
	if n := strings.Count(said.String(), "not set"); n != 2 || len(o.tg.CallsOf("setMyCommands")) != 1 {
		t.Errorf("%d warnings: %s", n, &said)
	}
	if info, err := o.door.Telegram.GetWebhookInfo(t.Context()); err != nil || info.URL != o.url {
		t.Errorf("%+v, %v", info, err)
	}
}
