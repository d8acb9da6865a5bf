package asterisktest_test

import (
	"bufio"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"countersign/internal/asterisk/asterisktest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// line is a client that takes what comes, message by message.
type line struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
}

func serve(t *testing.T, o asterisktest.Options) *asterisktest.Server {
	t.Helper()
	s, err := asterisktest.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func dial(t *testing.T, s *asterisktest.Server) *line {
	t.Helper()
	conn, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	l := &line{t, conn, bufio.NewReader(conn)}
	if got, _ := l.r.ReadString('\n'); got != "Asterisk Call Manager/5.0.4\r\n" {
		t.Fatalf("greets with %q", got)
	}
	return l
}

// login is a line that is logged in.
func login(t *testing.T, s *asterisktest.Server) *line {
	t.Helper()
	l := dial(t, s)
	if got := l.ask("Action: Login", "Username: "+asterisktest.User, "Secret: "+asterisktest.Secret); got != "Success: Authentication accepted" {
		t.Fatal(got)
	}
	return l
}

func (l *line) say(lines ...string) {
	l.t.Helper()
	if _, err := fmt.Fprint(l.conn, strings.Join(lines, "\r\n")+"\r\n\r\n"); err != nil {
		l.t.Fatal(err)
	}
}

// hear reads one message; nil at the end.
func (l *line) hear() map[string]string {
	m := map[string]string{}
	for {
		text, err := l.r.ReadString('\n')
		if err != nil {
			return nil
		}
		if text = strings.TrimSpace(text); text == "" {
			return m
		}
		key, value, _ := strings.Cut(text, ": ")
		m[key] = value
	}
}

// ask sends an action and gives its response, passing over events.
func (l *line) ask(lines ...string) string {
	l.t.Helper()
	l.say(lines...)
	for {
		m := l.hear()
		if m == nil {
			return "the end"
		}
		if m["Response"] != "" && m["Event"] == "" {
			return strings.TrimSuffix(m["Response"]+": "+m["Message"], ": ")
		}
	}
}

// until reads up to an event and lists the names of all.
func (l *line) until(last string) (names []string, m map[string]string) {
	for {
		m = l.hear()
		if m == nil {
			l.t.Fatalf("the end before %s: %q", last, names)
		}
		if names = append(names, m["Event"]); m["Event"] == last {
			return names, m
		}
	}
}

func originate(id, number, room string, more ...string) []string {
	return append([]string{
		"Action: Originate", "ActionID: a-" + id, "Channel: Local/" + number + "@telegram-out/n", "Context: conf-in", "Exten: " + room, "Priority: 1",
		"Timeout: 1000", "Account: countersign:" + id, "ChannelId: " + id, "Async: true", "Variable: JOB=" + id,
	}, more...)
}

// The messages are those of the real one.
func TestWhatIsRefused(t *testing.T) {
	t.Parallel()
	s := serve(t, asterisktest.Options{})
	out := dial(t, s)
	for _, story := range []struct{ action, want string }{
		{"Action: Ping", "Error: Permission denied"},
		{"Action: Login\r\nUsername: x\r\nSecret: y", "Error: Authentication failed"}, // which ends the connection
	} {
		if got := out.ask(story.action); got != story.want {
			t.Errorf("%q before the login: %q", story.action, got)
		}
	}
	l := login(t, s)
	for _, story := range []struct{ action, want string }{
		{"Action: Ping", "Success"},
		{"Action: Nonsense", "Error: Invalid/unknown command: Nonsense. Use Action: ListCommands to show available commands."},
		{"X: y", "Error: Missing action in request"},
		{"Action: Command\r\nCommand: core stop now", "Error: Permission denied"},
		{"Action: Ping\r\nX: " + strings.Repeat("x", 1100), "Error: Failed to parse message: line too long"},
		{"Action: ConfbridgeList\r\nConference: ROOM1", "Error: No active conferences."},
		{"Action: Ping" + strings.Repeat("\r\nA: b", 130), "Error: Too many lines in message or allocation failure"},
		{"Action: ConfbridgeMute\r\nConference: ROOM1\r\nChannel: x", "Error: No active conferences."},
		{"Action: Hangup\r\nChannel: x", "Error: No such channel"},
		{"Action: Hangup", "Error: No channel specified"},
		{"Action: Originate\r\nChannel: Local/1@telegram-out\r\nApplication: System\r\nData: id", "Error: Originate Access Forbidden: Application"},
		{"Action: Originate\r\nChannel: Local/1@telegram-out\r\nContext: conf-in", "Error: Originate with 'Exten' requires 'Context' and 'Priority'"},
		{"Action: Originate\r\nChannel: 1", "Error: Invalid channel"},
		{"Action: ShowDialPlan\r\nContext: nosuch", "Error: Did not find context nosuch"},
		{"Action: Logoff", "Goodbye: Thanks for all the fish."},
	} {
		if got := l.ask(story.action); got != story.want {
			t.Errorf("%q: %q", story.action, got)
		}
	}
	if m := l.hear(); m != nil {
		t.Errorf("after the end: %v", m)
	}
}

func TestCallAsTheRealOneTellsIt(t *testing.T) {
	t.Parallel()
	s := serve(t, asterisktest.Options{})
	l := login(t, s)
	l.say(originate("job-1", "+79991110001", "ROOM1", "CallerID: \"Anna\" <100>")...)
	names, m := l.until("ConfbridgeJoin")
	want := []string{
		"FullyBooted", "", "Newchannel", "Newchannel", "NewAccountCode", "NewAccountCode", "DialBegin", "Newstate", "DialState", "Newstate", "DialEnd",
		"OriginateResponse", "ConfbridgeStart", "ConfbridgeJoin",
	}
	slices.Sort(names[:2]) // the start may be told before or after
	slices.Sort(want[:2])
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
	if m["Uniqueid"] != "job-1" || m["AccountCode"] != "countersign:job-1" || m["CallerIDName"] != "Anna" || m["Conference"] != "ROOM1" {
		t.Errorf("%v", m)
	}
	l.say(originate("job-1", "+79991110001", "ROOM1")...)
	if _, m := l.until("OriginateResponse"); m["Response"] != "Failure" || m["Reason"] != "0" || m["Uniqueid"] != "<unknown>" || len(s.Calls()) != 1 || s.Dials("79991110001") != 2 {
		t.Errorf("a second call with the same id: %v, %v", m, s.Calls())
	}
	l.say(originate("job-2", "79995550480", "ROOM1")...)
	l.until("DialState")
	if !s.GiveUp("79995550480") {
		t.Error("it does not ring")
	}
	if _, m := l.until("OriginateResponse"); m["Reason"] != "3" {
		t.Errorf("nobody picked up: %v", m)
	}
	l.say(originate("job-3", "79995550480", "ROOM1")...)
	l.until("DialState")
	if !s.PickUp("79995550480") || s.PickUp("79995550480") {
		t.Error("it is picked up once")
	}
	l.until("ConfbridgeJoin")
	if !s.HangUp("79995550480") {
		t.Error("it is not up")
	}
	l.until("ConfbridgeLeave")
	l.say(originate("job-4", "79995550480", "ROOM1")...) // its own time ends the ringing
	if _, m := l.until("OriginateResponse"); m["Reason"] != "3" {
		t.Errorf("the time is over: %v", m)
	}
	if err := s.Restart(t.Context()); err != nil || len(s.Calls()) != 0 {
		t.Error(err, s.Calls())
	}
	if got := login(t, s).ask("Action: ConfbridgeListRooms"); got != "Error: No active conferences." {
		t.Error(got)
	}
}

// A comma begins another variable, and half a name is good for muting: what a client must not use.
func TestTrapsOfTheRealOne(t *testing.T) {
	t.Parallel()
	s := serve(t, asterisktest.Options{})
	l := login(t, s)
	l.say(originate("job-1", "79991110001", "ROOM1", "Variable: LANG=en,ROLE=admin")...)
	l.until("ConfbridgeJoin")
	if c := s.Calls()[0]; !c.Admin || c.Vars["LANG"] != "en" {
		t.Errorf("%+v", c)
	}
	if got := l.ask("Action: ConfbridgeMute", "Conference: ROOM1", "Channel: Local/"); got != "Success: User muted" || !s.Calls()[0].Muted {
		t.Error(got)
	}
	channel := s.Calls()[0].Channel
	s.Deafen("job-1")
	for _, want := range []string{"Success: User kicked", "Error: No participants found!"} {
		if got := l.ask("Action: ConfbridgeKick", "Conference: ROOM1", "Channel: "+channel); got != want || !s.Calls()[0].InRoom {
			t.Errorf("a kick that is lost: %q", got)
		}
	}
	if got := l.ask("Action: Hangup", "Channel: /^Local.*/"); got != "Success: Channel Hungup" || len(s.Calls()) != 0 {
		t.Errorf("a pattern: %q, %v", got, s.Calls())
	}
}

func TestTroubles(t *testing.T) {
	t.Parallel()
	s := serve(t, asterisktest.Options{})
	gate := make(chan struct{})
	s.Break("Ping", asterisktest.Trouble{Fault: asterisktest.Denied, After: 1, Times: 1}, asterisktest.Trouble{Gate: gate, Times: 1}, asterisktest.Trouble{Fault: asterisktest.Cut, Times: 1})
	l := login(t, s)
	for _, want := range []string{"Success", "Error: Permission denied"} {
		if got := l.ask("Action: Ping"); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	close(gate)
	for _, want := range []string{"Success", "the end"} {
		if got := l.ask("Action: Ping"); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if s.Count("Ping") != 4 {
		t.Errorf("%d pings", s.Count("Ping"))
	}
}
