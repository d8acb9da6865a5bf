package card_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/internal/approval"
	"countersign/internal/card"
	"countersign/internal/goldentest"
	"countersign/internal/locale/localetest"
	"countersign/internal/markup"
)

// TestCardForOtherChatsTellsLittleAndAsksNobody holds in every situation and language: no
// account, no name of somebody who decides, no button that decides.
func TestCardForOtherChatsTellsLittleAndAsksNobody(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 21, 9, 30, 0, 0, time.UTC)
	for name, tell := range situations() {
		for _, tag := range []string{"en", "ru", "de", "es"} {
			v, lang := tell(t).view(), localetest.Texts(t).For(tag)
			posted, followed := card.Posted(v, at, lang), card.Followed(v, lang)
			state := lang.T("state."+string(v.Case.State), nil)
			if v.Case.Consumed != nil {
				state = "💸"
			}
			for what, c := range map[string]card.Card{"posted": posted, "followed": followed} {
				if err := checkHTML(c.HTML); err != nil || markup.Plain(c.HTML) != c.Plain || markup.Len16(c.Plain) > 4096 {
					t.Fatalf("%s/%s %s: %v in\n%s", name, tag, what, err, c.HTML)
				}
				if !strings.Contains(c.Plain, state) {
					t.Errorf("%s/%s %s does not say %q:\n%s", name, tag, what, state, c.Plain)
				}
				for _, s := range v.Case.Slots {
					if p, _ := v.People.Person(s.Person); p.Name != "" && strings.Contains(c.Plain, p.Name) {
						t.Errorf("%s/%s %s names %s", name, tag, what, p.Name)
					}
				}
				if account := v.Doc.Payee.Account; account != "" && strings.Contains(c.Plain, account) {
					t.Errorf("%s/%s %s tells the account", name, tag, what)
				}
				for _, b := range slices.Concat(c.Buttons...) {
					if _, err := card.ParseTap(b.Data); err == nil {
						t.Errorf("%s/%s %s has a button that decides", name, tag, what)
					}
				}
			}
			if id, ok := card.ParseRefresh(posted.Buttons[0][0].Data); !ok || id != v.Case.ID || len(posted.Buttons[0][0].Data) > 64 {
				t.Errorf("%s/%s: first button %+v", name, tag, posted.Buttons[0][0])
			}
			if !strings.Contains(posted.Plain, lang.DateTime(at, v.Zone)) || strings.Contains(followed.Plain, ":30") {
				t.Errorf("%s/%s: the time is told by\n%s\n%s", name, tag, posted.Plain, followed.Plain)
			}
			if v.Case.State != approval.InProgress && len(followed.Buttons) > 0 {
				t.Errorf("%s/%s: an ended case has buttons", name, tag)
			}
		}
	}
}

func TestOnlyARefreshIsReadAsOne(t *testing.T) {
	t.Parallel()
	id := approval.ID("cas_" + strings.Repeat("0", 26))
	if got, ok := card.ParseRefresh(card.Refresh(id)); !ok || got != id {
		t.Errorf("%q, %v", got, ok)
	}
	for _, data := range []string{"", "i:", "i:cas_1", "v:" + string(id), string(id), "i:" + string(id) + "x", "i:cas_" + strings.Repeat("'", 26)} {
		if id, ok := card.ParseRefresh(data); ok {
			t.Errorf("%q is read as %s", data, id)
		}
	}
}

// TestPostedCardsReadAsWritten shows what other chats see, before and after anybody told us of
// the card, in each state that a case can have.
func TestPostedCardsReadAsWritten(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 21, 9, 30, 0, 0, time.UTC)
	for _, tag := range []string{"en", "ru", "de", "es"} {
		lang := localetest.Texts(t).For(tag)
		var out strings.Builder
		shown := map[approval.State]bool{}
		for _, name := range slices.Sorted(maps.Keys(situations())) {
			v := situations()[name](t).view()
			if shown[v.Case.State] && v.Case.Consumed == nil {
				continue
			}
			shown[v.Case.State] = true
			for i, c := range []card.Card{card.Posted(v, at, lang), card.Followed(v, lang)} {
				fmt.Fprintf(&out, "=== %s, %s\n%s\n", name, []string{"posted", "followed"}[i], c.HTML)
				for _, row := range c.Buttons {
					for _, b := range row {
						fmt.Fprintf(&out, "[%s]", b.Text)
					}
					out.WriteString("\n")
				}
				out.WriteString("\n")
			}
		}
		if !shown[approval.Expired] || len(shown) < 6 {
			t.Errorf("shown are %v", shown)
		}
		goldentest.Same(t, "posted."+tag, out.String())
	}
}
