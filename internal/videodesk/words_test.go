package videodesk_test

import (
	"fmt"
	"log/slog"
	"strings"
	"time"

	"countersign/internal/calendar"
	"countersign/internal/deed"
	"countersign/internal/directory"
	"countersign/internal/notice"
	"countersign/internal/people"
	"countersign/internal/post"
	"countersign/internal/telegram/telegramtest"
	"countersign/internal/trueconf"
	"countersign/internal/trueconf/trueconftest"
	"countersign/internal/videodesk"
	"countersign/internal/videowatch"
)

// is gives somebody a language and a role; none when empty.
func (a *album) is(id, role string) {
	a.t.Helper()
	dir, err := a.Directory.Snapshot(a.t.Context())
	must(a.t, err)
	p, _ := dir.Find(id)
	u := directory.User{ExternalID: id, Name: p.Name, Email: p.Email, Telegram: p.Telegram, Locale: a.tag}
	if role != "" {
		u.Roles = []people.Role{people.ParseRole(role)}
	}
	a.Import(a.t, u)
}

// answer keeps what a tap is told that changes nothing.
func (a *album) answer(title, data string) {
	a.t.Helper()
	fmt.Fprintf(&a.text, "=== %s: answer\n(%s)\n\n", title, a.forge(a.t, administrator, a.m, data).Text)
}

// refused: what is said instead to whoever may not, or comes too late.
func (a *album) refused() {
	a.daily()
	a.start()
	a.tap("conferences", 0, 0)
	a.tap("conference", 0, 0)
	stop := a.m.Keyboard[0][0].Data
	a.answer("a button of nobody", "m:tc:x")
	a.is("kozlov", "video_viewer")
	a.answer("a viewer stops", stop)
	a.is("kozlov", "video_administrator@Laboratory")
	a.answer("no right any more", stop)
	a.is("kozlov", "video_administrator")
	servers := a.desk.Servers
	a.desk.Servers = nil
	a.answer("no such server any more", stop)
	a.desk.Servers = servers
	a.tc.Stop("100")
	a.tap("over", -1, 0)
	c := a.daily(func(c *trueconftest.Conference) { c.Session = "third@srv.example#vcs" })
	alert := func() {
		a.alert(a.t, "kozlov", administrator, trueconf.Conference{ID: c.ID, Session: c.Session})
		a.m = a.newest(administrator)
	}
	alert()
	a.tap("ignored", 1, 1)
	_, err := a.Pool.Exec(a.t.Context(), `update watch_session set told_at = now(), stop_at = now() where session = $1`, c.Session)
	must(a.t, err)
	alert()
	a.tap("too late to put it off", 1, 0)
}

// newest is the last message of the bot.
func (a *album) newest(account int64) telegramtest.Message {
	all := a.tg.Messages(account)
	for i := len(all) - 1; ; i-- {
		if all[i].From == a.tg.BotID() {
			return all[i]
		}
	}
}

// seldom: what is not often on a screen.
func (a *album) seldom() {
	a.tc.Break(trueconftest.Participants, trueconftest.Trouble{Fault: trueconftest.Trouble5})
	a.start()
	a.tap("forgotten, as far as is told", 0, 1)
	a.tc.Mend()
	a.tc.Stop("100")
	a.tc.Stop("200")
	a.start()
	a.tap("nothing runs", 0, 0)
	a.start()
	a.tap("nothing forgotten", 0, 1)
	for i := range 9 {
		a.tc.Put(trueconftest.Conference{ID: fmt.Sprint(300 + i), Topic: fmt.Sprint("Talk ", i+1), Owner: "anna", Running: true, Started: a.clock.Now()})
	}
	a.start()
	a.tap("many conferences", 0, 0)
	a.tap("the rest of them", -2, 0)
	for i := range 9 {
		a.tc.Stop(fmt.Sprint(300 + i))
	}
	now, client := a.tc, a.desk.Servers[0].Server
	a.vague(a.t)
	a.daily(func(c *trueconftest.Conference) { c.Topic = "" })
	a.tc.Stop("100")
	a.tc.Break(trueconftest.List, trueconftest.Trouble{Do: func() { a.tc.Start("100") }})
	a.start()
	a.tap("a server that tells little", 0, 0)
	a.tap("a session that is not told", 0, 0)
	old, err := trueconftest.Open(a.t.Context(), trueconftest.Options{Now: a.clock.Now, Version: "5.3.0.1"})
	must(a.t, err)
	a.t.Cleanup(func() { _ = old.Close() })
	old.Put(trueconftest.Conference{Owner: "clara", Running: true, Started: a.clock.Now().Add(-time.Hour)})
	a.desk.Servers[0].Server = a.client(a.t, headOffice, old)
	a.start()
	a.tap("conferences of an old server", 0, 0)
	a.tap("a call without a room", 0, 0)
	a.tc, a.desk.Servers[0].Server = now, client
}

// certificates: for how long they are good.
func (a *album) certificates() {
	servers := a.desk.Servers
	for title, left := range map[string]time.Duration{"good": 200 * 24 * time.Hour, "ends soon": 30 * time.Hour, "over": -49 * time.Hour} {
		f, err := trueconftest.Open(a.t.Context(), trueconftest.Options{Now: a.clock.Now, TLS: true, Until: a.clock.Now().Add(left)})
		must(a.t, err)
		a.t.Cleanup(func() { _ = f.Close() })
		s, err := trueconf.Open(trueconf.Options{
			Name: title, Address: f.URL(), Engine: f.Engine(), ClientID: trueconftest.ClientID, ClientSecret: trueconftest.ClientSecret,
			Verify: "false", Now: a.clock.Now, Pause: time.Millisecond, Timeout: 5 * time.Second,
		})
		must(a.t, err)
		a.t.Cleanup(s.Close)
		a.desk.Servers = append(a.desk.Servers, videodesk.Server{Server: s})
	}
	for _, title := range []string{"good", "ends soon", "over"} {
		a.m = a.open(a.t, administrator)
		a.m, _ = a.press(a.t, administrator, a.m, "🖥 "+title)
		a.keep("a certificate: " + title)
	}
	a.desk.Servers = servers
}

// deeds: every word of the record.
func (a *album) deeds() {
	servers := a.desk.Servers
	a.desk.Servers = append(a.desk.Servers, videodesk.Server{Server: a.client(a.t, "Archive", a.tc)})
	dir, err := a.Directory.Snapshot(a.t.Context())
	must(a.t, err)
	ivan, _ := dir.Find("kozlov")
	person, key, guest, rule := deed.By{Person: ivan.ID}, deed.By{Source: "erp1c", Key: "key_7"}, deed.By{Guest: true}, deed.By{}
	at := a.clock.Now()
	note := func(by deed.By, what, meeting string, outcomes ...string) {
		for _, o := range outcomes {
			d := deed.Deed{At: at, By: by, What: what, Server: "Archive", Meeting: meeting, People: -1, Outcome: o}
			if meeting == "" {
				d.Topic, d.Session = "Daily", "1@srv"
			}
			must(a.t, deed.Note(a.t.Context(), a.Pool, d))
			at = at.Add(-time.Minute)
		}
	}
	const meeting = "mtg_06f1z2k3m4n5p6q7r8s9t0v1w2"
	note(person, deed.Stop, "", "", deed.Done, deed.Over, deed.Other, deed.Failed)
	note(rule, deed.Stop, "", deed.CalledOff, deed.Unclear)
	note(person, deed.Snooze, "", deed.Done)
	note(person, deed.Ignore, "", deed.Done)
	note(person, deed.Ask, "", "", "approved", "refused", "over", "unasked", "orphaned")
	for _, what := range []string{deed.Arrange, deed.Call, deed.Prolong, deed.Replace, deed.Revoke} {
		note(key, what, meeting, deed.Done)
	}
	note(person, deed.Admit, meeting, deed.Done)
	note(person, deed.Decline, meeting, deed.Done)
	note(guest, deed.Open, meeting, deed.Done)
	note(guest, deed.Join, meeting, deed.Done)
	note(rule, deed.Close, meeting, "left", "idle", "too_old", "revoked", "gone")
	note(rule, deed.Forget, meeting, deed.Unclear)
	m := a.open(a.t, administrator)
	a.m, _ = a.press(a.t, administrator, m, "🖥 Archive")
	a.tap("who did what on another server", 2, 0)
	a.tap("who did what, earlier", 0, 0)
	a.tap("who did what, earlier still", 0, 1)
	a.desk.Servers = servers
}

// told keeps what somebody is sent because of something.
func (a *album) told(title string, account int64, do func() error) {
	a.t.Helper()
	last := a.newest(account).ID
	must(a.t, do())
	for n := 1; n > 0; {
		var err error
		n, err = a.board.RunOnce(a.t.Context())
		must(a.t, err)
	}
	for _, m := range a.tg.Messages(account) {
		if m.ID > last && m.From == a.tg.BotID() && !strings.Contains(m.HTML, "<b>") { // cards of what is asked come, too
			fmt.Fprintf(&a.text, "=== %s\n%s\n\n", title, m.HTML)
		}
	}
}

// asks requests a stop of the only conference that runs.
func (a *album) asks() {
	m := a.open(a.t, administrator)
	for _, at := range [][2]int{{0, 0}, {0, 0}, {0, 0}, {0, 0}, {0, 0}} {
		m, _ = a.press(a.t, administrator, m, m.Keyboard[at[0]][at[1]].Data)
	}
	_, err := a.Pool.Exec(a.t.Context(), `update video_request set looked_at = looked_at - interval '2 minutes' where outcome is null`)
	must(a.t, err)
}

// reaches requests a stop, and waits until whoever decides is asked.
func (a *album) reaches() {
	a.t.Helper()
	before := a.newest(second).ID
	a.asks()
	a.wait(a.t, "somebody is asked", func() bool {
		m := a.newest(second)
		_, asked := m.Button("✅")
		return asked && m.ID > before
	})
}

// card waits for the card of a request with some words, and keeps it.
func (a *album) card(title string, words ...string) telegramtest.Message {
	a.t.Helper()
	m := a.sees(a.t, second, words...)
	fmt.Fprintf(&a.text, "=== %s\n%s\n", title, m.HTML)
	for _, row := range m.Keyboard {
		for _, b := range row {
			fmt.Fprintf(&a.text, "[%s]", b.Text)
		}
		a.text.WriteString("\n")
	}
	a.text.WriteString("\n")
	return m
}

// ends: how requests for a stop end, and acts of which nobody knew the end.
func (a *album) ends() {
	a.board = &notice.Board{
		Store: a.desk.Notices, Directory: a.Directory, Ledger: a.DB, Texts: a.texts, Language: a.tag, Office: calendar.Standard(time.UTC),
		Post: &post.Post{Telegram: a.door.Telegram, Files: a.Files, Store: &post.Store{Pool: a.Pool}, Bot: a.door.Bot, Log: slog.New(slog.DiscardHandler)},
		Pace: a.door.Pace, Now: a.clock.Now, Log: slog.New(slog.DiscardHandler),
	}
	a.desk.Language = a.tag
	decide := func() error { return a.desk.Decide(a.t.Context()) }
	a.desk.Servers[0].StopRoute = "conference_stop"
	card := a.card("the card of a request", "Stand-up", "200")
	a.told("not approved", administrator, func() error {
		_, err := a.tg.Tap(a.t.Context(), second, second, card.ID, "❌")
		must(a.t, err)
		return decide()
	})
	a.desk.Servers[0].StopRoute = "unheard_of"
	a.told("nobody is asked", administrator, func() error { a.asks(); return nil })
	a.desk.Servers[0].StopRoute = "conference_stop"
	a.told("over before it was decided", administrator, func() error {
		a.reaches()
		a.tc.Stop("200")
		return decide()
	})
	lang := a.texts.For(a.tag)
	a.card("the card of what is over", lang.T("video.told.withdrawn", nil))
	a.tc.Put(trueconftest.Conference{ID: "200", Topic: "Board", Owner: "anna", Running: true, Recording: true, Started: a.clock.Now().Add(-time.Hour)})
	servers := a.desk.Servers
	a.told("the server left the settings", administrator, func() error {
		a.reaches()
		a.card("the card of a request about one that is recorded", "Board")
		a.desk.Servers = nil
		return decide()
	})
	a.card("the card of what left the settings", lang.T("video.told.server_gone", nil))
	a.desk.Servers = servers
	a.tc.Stop("200")
	for _, stopped := range []bool{true, false} {
		c := a.daily(func(c *trueconftest.Conference) { c.Session = fmt.Sprint("cut ", stopped) })
		_, err := a.Pool.Exec(a.t.Context(), `insert into video_act (id, at, person_id, what, server, conference, session, topic, owner, people)
			select $3, now() - interval '2 minutes', id, 'stop', $1, '100', $2, 'Daily', 'anna', 4 from person where external_id = 'kozlov'`,
			headOffice, c.Session, fmt.Sprintf("vac_%026d", len(c.Session)))
		must(a.t, err)
		if stopped {
			a.tc.Stop("100")
		}
		a.told(fmt.Sprint("found out later, stopped: ", stopped), administrator, func() error { return a.desk.Settle(a.t.Context()) })
	}
	a.desk.Servers[0].StopRoute = ""
	a.tc.Break(trueconftest.Stop, trueconftest.Trouble{Fault: trueconftest.Trouble5})
	c := a.daily(func(c *trueconftest.Conference) { c.Session = "fourth@srv.example#vcs" })
	a.start()
	a.tap("conferences", 0, 0)
	a.tap(c.Topic, 0, 0)
	a.tap("stop?", 0, 0)
	a.tap("not known yet", 0, 0)
	a.tc.Mend()
}

// watched: what the monitor says of a server.
func (a *album) watched() {
	w := &videowatch.Watch{Store: a.desk.Watch, Directory: a.Directory, Notices: a.desk.Notices, Now: a.clock.Now, Log: a.desk.Log}
	s := videowatch.Server{Client: a.desk.Servers[0].Server, Check: videowatch.Check{Every: time.Millisecond, Needed: 1, Of: 1}}
	look := func() {
		for range 3 {
			_, err := w.CheckOnce(a.t.Context(), s)
			must(a.t, err)
		}
	}
	look()
	a.start()
	a.keep("the monitor finds all well")
	a.tc.Client("another", "secret")
	a.tc.Revoke()
	a.tc.CloseEngine()
	look()
	a.tap("the monitor finds parts down", -1, 0)
	a.tc.Client(trueconftest.ClientID, trueconftest.ClientSecret)
}

// without: what the command says where there are no servers.
func (a *album) without() {
	before := len(a.tg.Messages(administrator))
	a.door.Desks = nil
	_, err := a.tg.Say(administrator, administrator, "/tc", 0)
	must(a.t, err)
	a.wait(a.t, "/tc is answered", func() bool { return len(a.tg.Messages(administrator)) > before+1 })
	a.m = a.newest(administrator)
	a.keep("/tc without servers")
	if strings.Contains(a.m.Text, "video.") {
		a.t.Error("a key is left in a text")
	}
}
