package videodesk_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/internal/markup"
	"countersign/internal/trueconf/trueconftest"
	"countersign/internal/videodesk"
)

func TestServersAreShownToWhoeverMayLook(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	lab := o.serve(t)
	o.desk.Servers = append(o.desk.Servers, videodesk.Server{Server: o.client(t, "Laboratory", lab)})
	for account, want := range map[int64]string{
		viewer: "🖥 Head office|🖥 Laboratory", administrator: "🖥 Head office|🖥 Laboratory", second: "🖥 Head office", nobody: "", stranger: "",
	} {
		m := o.open(t, account)
		if got := strings.Join(labels(m), "|"); got != want {
			t.Errorf("%d is offered %q, want %q", account, got, want)
		}
		if want == "" && (strings.Contains(m.Text, "office") || strings.Contains(m.Text, "Laboratory")) {
			t.Errorf("%d is told of servers: %s", account, m.Text)
		}
	}
	o.sees(t, nobody, "You may not look at any video server", "video_viewer")
	o.sees(t, stranger, "/login")
}

func TestStatusTellsThePartsApart(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	m := o.walk(t, viewer, "🖥 Head office")
	for _, want := range []string{"Media engine: ✅ works", "Web and API: ✅ works", "Credentials of the gateway: ✅", "Version: 5.5.1.10009", "Certificate: not told", "As of "} {
		if !strings.Contains(m.Text, want) {
			t.Errorf("%q is missing in\n%s", want, m.Text)
		}
	}
	if slices.Contains(labels(m), "📒 Who did what") {
		t.Error("a viewer is offered who did what")
	}
	o.tc.CloseEngine()
	m, _ = o.press(t, viewer, m, "🔄 Refresh")
	if !strings.Contains(m.Text, "Media engine: ❌ The server cannot be reached") || !strings.Contains(m.Text, "Web and API: ✅") {
		t.Errorf("without an engine:\n%s", m.Text)
	}
	m, _ = o.press(t, viewer, m, "← Video servers")
	if !strings.Contains(m.Text, "Choose a server") {
		t.Errorf("back is\n%s", m.Text)
	}
}

func TestEachTroubleOfAServerIsSaidInWordsThatHelp(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	home := o.walk(t, viewer, "🖥 Head office")
	list := func() string {
		m, _ := o.press(t, viewer, home, "🎥 Conferences")
		text := m.Text
		o.press(t, viewer, m, "← Back")
		return text
	}
	if got := list(); !strings.Contains(got, "Nothing is running now") {
		t.Errorf("a quiet server:\n%s", got)
	}
	for want, fault := range map[string]trueconftest.Fault{
		"lacks the right conferences:read": trueconftest.Forbidden, "answers with an error": trueconftest.Trouble5, "cannot be reached": trueconftest.Cut,
	} {
		for _, e := range []trueconftest.Endpoint{trueconftest.Calls, trueconftest.List} {
			o.tc.Break(e, trueconftest.Trouble{Fault: fault})
		}
		if got := list(); !strings.Contains(got, want) || !strings.Contains(got, "🖥 Head office") {
			t.Errorf("%s: want %q in\n%s", fault, want, got)
		}
		o.tc.Mend()
	}
	o.tc.Client("another", "secret")
	o.tc.Revoke()
	if got := list(); !strings.Contains(got, "does not accept the credentials") || strings.Contains(got, trueconftest.ClientSecret) {
		t.Errorf("wrong credentials:\n%s", got)
	}
	o.shut()
	if got := list(); !strings.Contains(got, "cannot be reached") {
		t.Errorf("a server that is away:\n%s", got)
	}
}

func TestConferencesAreListedOldestFirstPageByPage(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for i := range 150 {
		o.tc.Put(trueconftest.Conference{
			ID: fmt.Sprint(1000 + i), Topic: fmt.Sprintf("Talk %03d", i), Owner: "anna", Running: true, Started: o.clock.Now().Add(-time.Duration(i+1) * time.Minute),
			People: []trueconftest.Person{{ID: "anna@srv.example", Name: "Anna", Role: 2}},
		})
	}
	m := o.walk(t, viewer, "🖥 Head office", "🎥 Conferences")
	for _, want := range []string{"150 conferences are running", "1. Talk 149", "8. Talk 142", "2 h 30 min", "1 participant"} {
		if !strings.Contains(m.Text, want) {
			t.Errorf("%q is missing in\n%s", want, m.Text)
		}
	}
	first := m.ID
	m, _ = o.press(t, viewer, m, "More ▶️")
	if m.ID != first || !strings.Contains(m.Text, "9. Talk 141") || strings.Contains(m.Text, "8. Talk") {
		t.Errorf("the second page:\n%s", m.Text)
	}
	for range 20 {
		if _, more := m.Button("More ▶️"); !more {
			break
		}
		m, _ = o.press(t, viewer, m, "More ▶️")
	}
	if !strings.Contains(m.Text, "150. Talk 000") || strings.Contains(m.Text, "144. Talk") {
		t.Errorf("the last page:\n%s", m.Text)
	}
	for i := range 149 { // all but the oldest are over
		o.tc.Stop(fmt.Sprint(1000 + i))
	}
	m, _ = o.press(t, viewer, m, "🔄 Refresh")
	if !strings.Contains(m.Text, "1. Talk 149") || len(m.Keyboard) != 2 {
		t.Errorf("a page beyond the end:\n%s\n%v", m.Text, labels(m))
	}
}

func TestConferenceShowsWhoIsInItAndAsWhat(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.daily(func(c *trueconftest.Conference) {
		for i := range 20 {
			c.People = append(c.People, trueconftest.Person{ID: fmt.Sprintf("u%02d@srv.example", i), Name: fmt.Sprintf("User %02d", i)})
		}
	})
	m := o.walk(t, viewer, "🖥 Head office", "🎥 Conferences", "1. Daily")
	for _, want := range []string{
		"🎥 Daily", "Owner: anna", "(2 h)", "In it now: 24 participants", "Being recorded: yes", "Number: 100",
		"👑 Anna A. (owner)", "⭐ Boris (moderator)", "👤 User 00",
	} {
		if !strings.Contains(m.Text, want) {
			t.Errorf("%q is missing in\n%s", want, m.Text)
		}
	}
	if _, may := m.Button("⏹ Stop it"); may || strings.Contains(m.Text, "Gus") {
		t.Errorf("a viewer's first page:\n%s\n%v", m.Text, labels(m))
	}
	m, _ = o.press(t, viewer, m, "More ▶️")
	for _, want := range []string{"🌐 Gus (guest)", "☎️ Room 9 (room system or telephone)", "User 19"} {
		if !strings.Contains(m.Text, want) {
			t.Errorf("%q is missing in\n%s", want, m.Text)
		}
	}
	o.tc.Stop("100")
	m, _ = o.press(t, viewer, m, "🔄 Refresh")
	if !strings.Contains(m.Text, "not running any more") {
		t.Errorf("one that is over:\n%s", m.Text)
	}
}

func TestUsersAreCounted(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.tc.PutUser(
		trueconftest.User{ID: "anna", Status: 2}, trueconftest.User{ID: "boris", Status: 1}, trueconftest.User{ID: "clara", Status: 5}, trueconftest.User{ID: "dan"})
	m := o.walk(t, viewer, "🖥 Head office", "👥 Users online")
	if !strings.Contains(m.Text, "Signed in: 3") || !strings.Contains(m.Text, "In a call or a conference: 2") {
		t.Errorf("online:\n%s", m.Text)
	}
}

// Topics, owners and names of servers may be anything: they are shown as they are, and no
// button carries them.
func TestHostileNamesAreOnlyShown(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	const evil = "a|b:c%00 <b>&\"'</b> \u202e🙂"
	server := evil + strings.Repeat("ж", 60)
	o.desk.Servers[0] = videodesk.Server{Server: o.client(t, server, o.tc)}
	o.daily(func(c *trueconftest.Conference) {
		c.Topic, c.Owner = evil+strings.Repeat("<i>", 300), "o<wner&"+strings.Repeat("x", 300)
		for i := range 40 {
			c.People = append(c.People, trueconftest.Person{ID: fmt.Sprintf("p%d@srv.example", i), Name: strings.Repeat("<a href='", 40)})
		}
	})
	for i := range 30 {
		o.tc.Put(trueconftest.Conference{ID: fmt.Sprint("x", i), Topic: strings.Repeat("&<>\n\t😀", 80), Owner: strings.Repeat("&", 64), Running: true})
	}
	m := o.open(t, operator)
	home, _ := o.press(t, operator, m, labels(m)[0])
	list, _ := o.press(t, operator, home, "🎥 Conferences")
	one, _ := o.press(t, operator, list, "1. ")
	ask, _ := o.press(t, operator, one, "⏹ Stop it")
	if !strings.Contains(ask.Text, "Stop this conference?") || !strings.Contains(ask.Text, "<b>&\"'</b>") || strings.Contains(ask.Text, "\u202e") {
		t.Errorf("asked:\n%s", ask.Text)
	}
	o.press(t, operator, ask, "⏹ Stop it for everybody")
	receipt := o.sees(t, operator, "The conference was stopped", "<b>&\"'</b>")
	if c, _ := o.tc.Conference("100"); c.Running {
		t.Error("it runs still")
	}
	final, _ := o.tg.Message(operator, m.ID)
	if receipt.ID != m.ID {
		t.Error("more than one message was used")
	}
	for _, v := range final.History {
		if markup.Len16(v.Text) > 4096 {
			t.Errorf("%d units on a screen", markup.Len16(v.Text))
		}
		for _, row := range v.Keyboard {
			for _, b := range row {
				if len(b.Data) > 64 || strings.ContainsAny(b.Data, "|<ж%") {
					t.Errorf("button data %q", b.Data)
				}
			}
		}
	}
}

// A call that has no room has no number: it is shown, and nothing is sent to stop it.
func TestCallWithoutARoomIsNotOfferedToBeStopped(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	old, err := trueconftest.Open(t.Context(), trueconftest.Options{Now: o.clock.Now, Version: "5.3.0.1"})
	must(t, err)
	t.Cleanup(func() { _ = old.Close() })
	o.desk.Servers[0] = videodesk.Server{Server: o.client(t, headOffice, old)}
	old.Put(trueconftest.Conference{Owner: "clara", Running: true, Started: o.clock.Now().Add(-time.Hour)})
	m := o.walk(t, operator, "🖥 Head office", "🎥 Conferences", "1. Without a topic")
	if _, may := m.Button("⏹"); may || !strings.Contains(m.Text, "a call without a room of its own") {
		t.Errorf("shown\n%s\n%v", m.Text, labels(m))
	}
}
