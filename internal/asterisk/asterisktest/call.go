package asterisktest

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Phone is what a telephone does when it is called.
type Phone int

// The phones. A number that [Server.Phone] did not tell of is one by its last digits, as the
// telephones of the real server's tests are: 486, 404, 603, 503, 480, 55, 66, 77.
const (
	Answers      Phone = iota // at once
	Busy                      // …486
	Unknown                   // …404: the network knows no such number
	Rejects                   // …603
	Congested                 // …503: the trunk has no line
	NeverAnswers              // …480: rings until PickUp, GiveUp or the time is over
	KeysPIN                   // …55: answers, keys 1234#
	KeysWrong                 // …66: answers, keys 9999# three times
	HangsUpSoon               // …77: answers, and hangs up when it is in the room
)

// What phones key in.
const (
	RightPIN = "1234"
	wrongPIN = "9999"
)

// Causes of a hang-up, as telephone networks number them.
const (
	noCause    = 0
	unknown    = 1
	normal     = 16
	busy       = 17
	rejected   = 21
	congestion = 34
)

// Call is one that is up.
type Call struct {
	ID      string // of the phone's channel, its Uniqueid
	Channel string
	Number  string // as called
	Room    string // that it is to go to
	Account string
	Name    string // caller id
	Caller  string
	Vars    map[string]string
	Up      bool // answered
	InRoom  bool
	Muted   bool
	Admin   bool

	second bool   // the other half
	file   string // the call file that asked for it
	asked  string // the action id
	first  string // the Linkedid
	deaf   bool   // the next kick says that it was done, and is not
	immune bool   // no kick finds it
	timer  *time.Timer
}

func (c *Call) stop() {
	if c.timer != nil {
		c.timer.Stop()
	}
}

// Phone says what a number's telephone does from now on.
func (s *Server) Phone(number string, p Phone) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.phones[plain(number)] = p
}

func plain(number string) string { return strings.TrimPrefix(number, "+") }

func (s *Server) phone(number string) Phone {
	if p, known := s.phones[plain(number)]; known {
		return p
	}
	for _, by := range []struct {
		end string
		is  Phone
	}{{"486", Busy}, {"404", Unknown}, {"603", Rejects}, {"503", Congested}, {"480", NeverAnswers}, {"55", KeysPIN}, {"66", KeysWrong}, {"77", HangsUpSoon}} {
		if strings.HasSuffix(number, by.end) {
			return by.is
		}
	}
	return Answers
}

// Calls lists those that are up.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Call, 0, len(s.calls))
	for _, c := range s.calls {
		one := *c
		one.Vars, one.timer = maps.Clone(c.Vars), nil
		all = append(all, one)
	}
	return all
}

// Dials counts the calls that were asked for to a number, those that came to nothing included.
func (s *Server) Dials(number string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, a := range s.actions {
		if to, _ := target(action(a).get("Channel")); action(a).get("Action") == "Originate" && plain(to) == plain(number) {
			n++
		}
	}
	return n
}

// PickUp has a phone that rings answer.
func (s *Server) PickUp(number string) bool {
	return s.of(number, func(c *Call) bool { return !c.Up }, s.answered)
}

// HangUp has whoever holds a phone hang up.
func (s *Server) HangUp(number string) bool {
	return s.of(number, func(*Call) bool { return true }, func(c *Call) {
		if c.Up {
			s.over(c)
			return
		}
		s.failed(c, "CHANUNAVAIL", rejected)
	})
}

// GiveUp ends the ringing of a phone that nobody picked up.
func (s *Server) GiveUp(number string) bool {
	return s.of(number, func(c *Call) bool { return !c.Up }, s.timedOut)
}

// Deafen has the next kick of a call say that it was done, and do nothing.
func (s *Server) Deafen(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.calls {
		c.deaf = c.deaf || c.ID == id
	}
}

func (s *Server) of(number string, which func(*Call) bool, do func(*Call)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.calls {
		if plain(c.Number) == plain(number) && which(c) {
			do(c)
			return true
		}
	}
	return false
}

// target takes a channel's address apart: a number in the context that calls phones.
func target(channel string) (number string, ok bool) {
	m := regexp.MustCompile(`^Local/(\+?[0-9]+)@telegram-out(?:/n)?$`).FindStringSubmatch(channel)
	if m == nil {
		return "", false
	}
	return m[1], true
}

// call makes one. With the id of one that is up it comes to nothing, and the first goes on.
func (s *Server) call(a action, timeout time.Duration) {
	number, ok := target(a.get("Channel"))
	name, from := caller(a.get("CallerID"))
	c := &Call{
		file: a.get("File"), ID: a.get("ChannelId"), Channel: a.get("Channel"), Number: number, Room: a.get("Exten"), Account: a.get("Account"),
		Name: name, Caller: from, Vars: variables(a), asked: a.get("ActionID"),
	}
	double := slices.ContainsFunc(s.calls, func(o *Call) bool { return c.ID != "" && o.ID == c.ID })
	if !ok || double || a.get("Context") != "conf-in" {
		s.check(c)
		s.hopeless(c, "0")
		s.put(c)
		return
	}
	s.channels++
	if c.ID == "" {
		c.ID = fmt.Sprintf("%d.%d", s.o.Now().Unix(), s.channels)
	}
	c.first = c.ID
	c.Channel = fmt.Sprintf("%s-%08x;1", strings.TrimSuffix(c.Channel, "/n"), s.channels)
	s.calls = append(s.calls, c)
	for _, half := range []*Call{c, c.half()} {
		bare := *half
		bare.Account = ""
		s.tell("call", "Newchannel", bare.snapshot()...)
	}
	s.tell("call", "NewAccountCode", append(c.snapshot(), "OldAccountCode", "")...)
	s.tell("call", "NewAccountCode", append(c.half().snapshot(), "OldAccountCode", "")...)
	s.tell("call", "DialBegin", append(c.dest(), "DialString", number)...)
	if s.late(c) {
		s.failed(c, "CONGESTION", congestion)
		return
	}
	s.ring(c, timeout)
}

// check runs the context of the dialplan that tells what there is.
func (s *Server) check(c *Call) {
	job, asked := strings.CutSuffix(strings.TrimPrefix(c.Channel, "Local/"), "@countersign-check/n")
	if !asked || s.o.Without == "countersign-check" {
		return
	}
	half := &Call{ID: c.ID + ";2", first: c.ID, Channel: c.Channel, Account: c.Account}
	said := [][]string{{"Result", "CHECK", "Trunk", s.o.Trunk, "Module", "1", "Shift", "good"}}
	for _, name := range s.o.NoModules {
		said = append(said, []string{"Result", "NO_MODULE", "Module", name})
	}
	for _, name := range s.o.NoPrompts {
		said = append(said, []string{"Result", "NO_PROMPT", "Prompt", name})
	}
	for _, more := range said {
		s.tell("user", "UserEvent", append(append(half.snapshot(), "UserEvent", "Countersign", "Job", job), more...)...)
	}
}

func (s *Server) ring(c *Call, timeout time.Duration) {
	rings := func() {
		s.tell("call", "Newstate", c.snapshot()...)
		s.tell("call", "DialState", append(c.dest(), "DialStatus", "RINGING")...)
	}
	switch s.phone(c.Number) {
	case Busy:
		s.failed(c, "BUSY", busy)
	case Congested:
		s.failed(c, "CONGESTION", congestion)
	case Unknown:
		s.failed(c, "CHANUNAVAIL", unknown)
	case Rejects:
		s.failed(c, "CHANUNAVAIL", rejected)
	case NeverAnswers:
		rings()
		c.timer = time.AfterFunc(timeout, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			if slices.Contains(s.calls, c) && !c.Up {
				s.timedOut(c)
			}
		})
	default:
		rings()
		s.answered(c)
	}
}

func (s *Server) answered(c *Call) {
	c.stop()
	c.Up = true
	s.tell("call", "Newstate", c.snapshot()...)
	s.tell("call", "DialEnd", append(c.dest(), "DialStatus", "ANSWER")...)
	s.tell("call", "OriginateResponse", "ActionID", c.asked, "Response", "Success", "Channel", c.Channel, "Context", "conf-in",
		"Exten", c.Room, "Reason", "4", "Uniqueid", c.ID, "CallerIDNum", known(c.Caller), "CallerIDName", known(c.Name))
	s.enter(c)
}

// failed ends a call that the network did not connect.
func (s *Server) failed(c *Call, status string, cause int) {
	c.stop()
	s.forget(c)
	s.tell("call", "DialEnd", append(c.dest(), "DialStatus", status)...)
	s.tell("call", "Hangup", append(c.snapshot(), "Cause", count(cause), "Cause-txt", "")...)
	s.hopeless(c, "0")
}

func (s *Server) timedOut(c *Call) {
	c.stop()
	s.forget(c)
	s.response(c, "3")
	s.tell("call", "Hangup", append(c.snapshot(), "Cause", count(noCause), "Cause-txt", "Unknown")...)
	s.spoolFailed(c, "3")
}

// hopeless is the end of a call that has no channel any more, or never had.
func (s *Server) hopeless(c *Call, reason string) {
	s.spoolFailed(c, reason)
	s.response(c, reason)
}

func (s *Server) response(c *Call, reason string) {
	s.tell("call", "OriginateResponse", "ActionID", c.asked, "Response", "Failure", "Channel", strings.TrimSuffix(c.Channel, ";1"), "Context", "conf-in",
		"Exten", c.Room, "Reason", reason, "Uniqueid", "<unknown>", "CallerIDNum", known(c.Caller), "CallerIDName", known(c.Name))
}

// spoolFailed runs the extension "failed" of the dialplan.
func (s *Server) spoolFailed(c *Call, reason string) {
	s.channels++
	id := fmt.Sprintf("%d.%d", s.o.Now().Unix(), s.channels)
	f := &Call{ID: id, first: id, Channel: "OutgoingSpoolFailed", Room: "failed", Account: c.Account, Name: c.Name, Caller: c.Caller}
	s.tell("call", "Newchannel", f.snapshot()...)
	s.tell("user", "UserEvent", append(f.snapshot(), "UserEvent", "Countersign", "Result", "FAILED", "Reason", reason, "Job", c.Vars["JOB"])...)
	s.tell("call", "Hangup", append(f.snapshot(), "Cause", "0", "Cause-txt", "Unknown")...)
}

// over ends a call that was answered.
func (s *Server) over(c *Call) {
	if !c.Up { // to the real one it is as if nobody had picked up
		s.timedOut(c)
		return
	}
	s.leave(c)
	s.forget(c)
	s.tell("call", "Hangup", append(c.snapshot(), "Cause", count(normal), "Cause-txt", "Normal Clearing")...)
	s.tell("call", "Hangup", append(c.half().snapshot(), "Cause", count(normal), "Cause-txt", "Normal Clearing")...)
}

func (s *Server) forget(c *Call) {
	s.put(c)
	s.calls = slices.DeleteFunc(s.calls, func(o *Call) bool { return o == c })
}

// half is the other channel of the call: it is not the phone's way into the room.
func (c *Call) half() *Call {
	return &Call{ID: c.ID + ";2", Channel: strings.TrimSuffix(c.Channel, "1") + "2", first: c.first, Account: c.Account, Name: c.Name, Caller: c.Caller, Up: c.Up, second: true, Number: c.Number}
}

// snapshot is how all events tell of a channel.
func (c *Call) snapshot() []string {
	state, words := "5", "Ringing"
	switch {
	case c.Channel == "OutgoingSpoolFailed" || c.Account == "":
		state, words = "0", "Down"
	case c.Up:
		state, words = "6", "Up"
	}
	context, exten := "telegram-out", c.Number
	if c.Up && !c.second || c.Room == "failed" {
		context, exten = "conf-in", c.Room
	}
	return []string{
		"Channel", c.Channel, "ChannelState", state, "ChannelStateDesc", words, "CallerIDNum", known(c.Caller), "CallerIDName", known(c.Name),
		"ConnectedLineNum", "<unknown>", "ConnectedLineName", "<unknown>", "Language", "en", "AccountCode", c.Account,
		"Context", context, "Exten", exten, "Priority", "1", "Uniqueid", c.ID, "Linkedid", c.first,
	}
}

// dest is the same for a channel that is dialled.
func (c *Call) dest() []string {
	pairs := c.snapshot()
	for i := 0; i < len(pairs); i += 2 {
		pairs[i] = "Dest" + pairs[i]
	}
	return pairs
}

func known(s string) string {
	if s == "" {
		return "<unknown>"
	}
	return s
}

// tell sends an event to all who may hear of its class.
func (s *Server) tell(class, event string, pairs ...string) {
	if !slices.Contains(s.o.Read, class) {
		return
	}
	text := message(append([]string{"Event", event, "Privilege", class + ",all"}, pairs...)...)
	for n := range s.sessions {
		if n.user {
			n.send(text)
		}
	}
}
