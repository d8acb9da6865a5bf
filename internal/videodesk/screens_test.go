package videodesk_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"countersign/internal/goldentest"
	"countersign/internal/notice"
	"countersign/internal/telegram/telegramtest"
	"countersign/internal/trueconf"
	"countersign/internal/trueconf/trueconftest"
)

// album collects what an administrator is shown, screen after screen.
type album struct {
	*office

	t     *testing.T
	tag   string               // of the language
	m     telegramtest.Message // the screen that is shown
	board *notice.Board
	text  strings.Builder
}

// keep writes a screen down. How long probes took, and the database's clock, are left out.
func (a *album) keep(title string) {
	html := a.m.HTML
	html = regexp.MustCompile(`\(\d+ (ms|мс)\)`).ReplaceAllString(html, "(N $1)")
	for _, at := range a.moments() {
		html = strings.ReplaceAll(html, at, "‹then›")
	}
	fmt.Fprintf(&a.text, "=== %s\n%s\n", title, html)
	for _, row := range a.m.Keyboard {
		for _, b := range row {
			fmt.Fprintf(&a.text, "[%s]", b.Text)
		}
		a.text.WriteString("\n")
	}
	a.text.WriteString("\n")
}

// moments are the times on the database's clock, as the screens have them.
func (a *album) moments() (all []string) {
	rows, err := a.Pool.Query(a.t.Context(), `select at from video_act union all select ended_at from video_act where ended_at is not null union all select at from video_request
		union all select checked_at from watch_server where checked_at is not null union all select since from watch_part`)
	must(a.t, err)
	defer rows.Close()
	for rows.Next() {
		var at time.Time
		must(a.t, rows.Scan(&at))
		for _, tag := range []string{"en", "ru", "de", "es"} {
			all = append(all, a.texts.For(tag).DateTime(at, time.UTC))
		}
	}
	return all
}

// tap presses the button at a place, rows from the end when below zero.
func (a *album) tap(title string, row, column int) {
	a.t.Helper()
	if row < 0 {
		row += len(a.m.Keyboard)
	}
	b := a.m.Keyboard[row][column]
	var told telegramtest.Answered
	a.m, told = a.press(a.t, administrator, a.m, b.Data)
	if told.Text != "" {
		fmt.Fprintf(&a.text, "=== %s: answer\n(%s)\n\n", title, told.Text)
	}
	a.keep(title)
}

// start goes to the screen of the server.
func (a *album) start() {
	m := a.open(a.t, administrator)
	a.m, _ = a.press(a.t, administrator, m, m.Keyboard[0][0].Data)
}

func TestScreensReadAsWritten(t *testing.T) {
	t.Parallel()
	for _, tag := range []string{"en", "ru", "de", "es"} {
		t.Run(tag, func(t *testing.T) {
			t.Parallel()
			a := &album{t: t, tag: tag, office: newOfficeAt(t, telegramtest.ManualClock(time.Date(2026, 6, 15, 9, 30, 0, 0, time.UTC)))}
			a.is("kozlov", "video_administrator")
			a.is("orlova", "video_administrator")
			a.is("ivanova", "")
			a.looking()
			a.stopping()
			a.asking()
			a.ends()
			a.refused()
			a.seldom()
			a.certificates()
			a.deeds()
			a.watched()
			a.troubles(tag)
			a.without()
			goldentest.Same(t, "screens."+tag, a.text.String())
			if strings.Contains(a.text.String(), "{{") {
				t.Error("a placeholder is left in a text")
			}
		})
	}
}

// looking: every screen that only shows.
func (a *album) looking() {
	a.daily()
	a.lonely()
	a.tc.PutUser(trueconftest.User{ID: "anna", Status: 2}, trueconftest.User{ID: "boris", Status: 1})
	a.m = a.open(a.t, nobody)
	a.keep("/tc without a right")
	a.m = a.open(a.t, administrator)
	a.keep("/tc")
	a.tap("server", 0, 0)
	a.tap("conferences", 0, 0)
	a.tap("conference", 1, 0)
	a.start()
	a.tap("forgotten", 0, 1)
	a.start()
	a.tap("online", 1, 0)
	a.start()
	a.tap("my alerts", 1, 1)
	a.tap("one kind off", 0, 0)
	a.start()
	a.tap("who did what, nothing yet", 2, 0)
}

// stopping: asked, done, and what comes instead.
func (a *album) stopping() {
	a.start()
	a.tap("conferences", 0, 0)
	a.tap("conference", 1, 0)
	a.tap("stop?", 0, 0)
	a.tap("stopped", 0, 0)
	a.daily(func(c *trueconftest.Conference) { c.Session = "again@srv.example#vcs" })
	a.start()
	a.tap("conferences", 0, 0)
	a.tap("conference", 1, 0)
	a.tap("stop?", 0, 0)
	a.tc.Start("100")
	a.tap("another session runs", 0, 0)
	a.tap("that one", 0, 0)
	a.tap("stop?", 0, 0)
	a.tc.Stop("100")
	a.tap("over meanwhile", 0, 0)
	a.start()
	a.tap("who did what", 2, 0)
	c := a.lonely()
	a.alert(a.t, "kozlov", administrator, trueconf.Conference{ID: c.ID, Session: c.Session})
	a.m = a.sees(a.t, administrator, "alert")
	a.keep("under an alert")
	a.tap("put off", 1, 0)
	a.tap("shown", 0, 0)
}

// Screens lead nowhere outside: what needs the login of another system is not offered.
func TestScreensHoldNoAddresses(t *testing.T) {
	t.Parallel()
	for _, tag := range []string{"en", "ru", "de", "es"} {
		text, err := os.ReadFile(filepath.Join("testdata", "screens."+tag+".golden"))
		must(t, err)
		for _, part := range []string{"href", "://", "/tools/"} {
			if strings.Contains(string(text), part) {
				t.Errorf("%s: a screen has %q", tag, part)
			}
		}
	}
}

// asking: a stop that takes an approval.
func (a *album) asking() {
	a.routed(a.t)
	a.start()
	a.tap("conferences", 0, 0)
	a.tap("conference", 0, 0)
	a.tap("ask?", 0, 0)
	a.tap("asked", 0, 0)
}

// troubles: what is said when a server is not well.
func (a *album) troubles(tag string) {
	lang := a.texts.For(tag)
	for _, kind := range []trueconf.Kind{
		trueconf.Credentials, trueconf.Right, trueconf.TLS, trueconf.Timeout, trueconf.Unreachable, trueconf.TooOld, trueconf.NotFound,
		trueconf.BadRequest, trueconf.NotSupported, trueconf.Other,
	} {
		fmt.Fprintf(&a.text, "=== trouble: %s\n%s\n\n", kind, lang.T(troubleOf(&trueconf.Error{Kind: kind, Right: "conferences"})))
	}
	fmt.Fprintf(&a.text, "=== trouble: a right that is not named\n%s\n\n", lang.T(troubleOf(&trueconf.Error{Kind: trueconf.Right})))
	a.shut()
	a.start()
	a.keep("a server that is away")
	a.tap("conferences of a server that is away", 0, 0)
}
