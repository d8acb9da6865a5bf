package asterisk

import (
	"slices"
	"strconv"
	"strings"
)

// The states of a channel that matter, as Asterisk numbers them.
const (
	stateRinging = "5"
	stateUp      = "6"
)

// spoolFailed is the channel that runs the extension "failed". It is no call, and comes after one.
const spoolFailed = "OutgoingSpoolFailed"

// mostEnded is of how many calls it is remembered what was told of their end.
const mostEnded = 1024

// call is one whose phone's channel is up.
type call struct {
	job      string
	ringing  bool
	answered bool
}

// calls makes events of what Asterisk tells. It is not safe for concurrent use.
//
// Asterisk keeps the order of what befalls channels: their beginning, their states, their
// hang-up. What it tells of dialling, of rooms, and what the dialplan tells, comes beside that,
// and under load long before it. So a failure without a cause is told at the hang-up of the
// channel that runs the extension "failed": the phone's own channel, if there was one, is gone
// by then.
type calls struct {
	up     map[string]*call  // by Uniqueid
	inside map[string]string // the room of a channel, of those who were seen to come in
	why    map[string]Cause  // of jobs that will fail, as far as it is known
	ended  []string          // jobs whose end was told, the oldest first
	left   []string          // channels that were told to have left before Asterisk said so
}

func newCalls() *calls {
	return &calls{up: map[string]*call{}, inside: map[string]string{}, why: map[string]Cause{}}
}

// jobOf is the job of a phone's channel. Other channels of the same call have the account
// code, too: the phone's is the one that the call began with.
func jobOf(m message) string {
	if id := m.get("Uniqueid"); id == "" || id != m.get("Linkedid") || m.get("Channel") == spoolFailed {
		return ""
	}
	return accounted(m.get("AccountCode"))
}

// accounted is the job in an account code; "" when it is not one of ours.
func accounted(code string) string {
	if job, ours := strings.CutPrefix(code, account); ours && isJob(job) {
		return job
	}
	return ""
}

// hear takes an event. It is called in the order of their coming.
func (c *Client) hear(m message) {
	c.mu.Lock()
	c.began(m)
	if c.tried(m) {
		c.mu.Unlock()
		return
	}
	all := c.calls.hear(m)
	if kind := m.get("Event"); kind == "ConfbridgeLeave" || kind == "Hangup" {
		for _, ch := range c.gone[m.get("Channel")] {
			close(ch)
		}
		delete(c.gone, m.get("Channel"))
	}
	c.mu.Unlock()
	for _, e := range all {
		e.At = c.o.Now()
		c.events.push(e)
	}
}

// found takes the list of channels that are up in place of what was known.
func (s *calls) found(list []message) {
	clear(s.up)
	clear(s.inside)
	clear(s.why)
	for _, m := range list {
		if job := jobOf(m); job != "" {
			up := m.get("ChannelState") == stateUp
			s.up[m.get("Uniqueid")] = &call{job: job, ringing: true, answered: up}
		}
		if m.get("Application") == "ConfBridge" && m.get("BridgeId") != "" { // without one it is asked for the PIN
			s.inside[m.get("Channel")], _, _ = strings.Cut(m.get("ApplicationData"), ",")
		}
	}
}

// hear tells what an event of Asterisk means.
func (s *calls) hear(m message) []Event {
	switch m.get("Event") {
	case "Newchannel", "NewAccountCode":
		s.learn(m)
	case "Newstate":
		return s.state(m)
	case "DialEnd":
		s.dialled(m)
	case "Hangup":
		return s.hungUp(m)
	case "UserEvent":
		return s.user(m)
	case "ConfbridgeStart":
		return []Event{{Kind: Begun, Room: m.get("Conference")}}
	case "ConfbridgeEnd":
		return []Event{{Kind: Ended, Room: m.get("Conference")}}
	case "ConfbridgeJoin":
		return s.join(m)
	case "ConfbridgeLeave":
		return s.leave(m)
	case "ConfbridgeMute":
		return s.person(m, Muted)
	case "ConfbridgeUnmute":
		return s.person(m, Unmuted)
	}
	return nil
}

// learn knows a call by its channel. Its job may be told later than its beginning.
func (s *calls) learn(m message) *call {
	job := jobOf(m)
	if job == "" {
		return s.up[m.get("Uniqueid")]
	}
	c := s.up[m.get("Uniqueid")]
	if c == nil && len(s.up) < mostItems {
		c = &call{job: job}
		s.up[m.get("Uniqueid")] = c
		s.anew(job)
	}
	return c
}

// anew has the end of a job told again: it is called once more. Such a call may fail before it
// has a channel, as under load by the id of the one before, which Asterisk 22 has yet to forget.
func (s *calls) anew(job string) {
	s.ended = slices.DeleteFunc(s.ended, func(j string) bool { return j == job })
}

func (s *calls) state(m message) []Event {
	c := s.learn(m)
	switch state := m.get("ChannelState"); {
	case c == nil || c.answered:
	case state == stateRinging && !c.ringing:
		c.ringing = true
		return []Event{{Kind: Ringing, Job: c.job, Channel: m.get("Channel")}}
	case state == stateUp:
		return s.answer(m)
	}
	return nil
}

// answer tells once that a call was picked up. What follows from it may be told before.
func (s *calls) answer(m message) []Event {
	c := s.learn(m)
	if c == nil || c.answered {
		return nil
	}
	c.answered = true
	return []Event{{Kind: Answered, Job: c.job, Channel: m.get("Channel")}}
}

// because notes why a job will fail. What tells more stays.
func (s *calls) because(job string, cause Cause) {
	if job != "" && cause != Unexplained && len(s.why) < mostItems {
		s.why[job] = cause
	}
}

// dialled takes how the dialling of a phone ended.
func (s *calls) dialled(m message) {
	if m.get("DestUniqueid") == m.get("DestLinkedid") {
		s.because(accounted(m.get("DestAccountCode")), map[string]Cause{"BUSY": Busy, "NOANSWER": NoAnswer, "CONGESTION": Congestion}[m.get("DialStatus")])
	}
}

// hungUp is the last that is told of a channel. Asterisk tells of rooms beside it, and may tell
// that somebody left when his channel is gone already.
func (s *calls) hungUp(m message) []Event {
	var all []Event
	name := m.get("Channel")
	if room := s.inside[name]; room != "" {
		all = s.person(append(m, field{"Conference", room}), Left)
		delete(s.inside, name)
		s.left = noted(s.left, name)
	}
	if name == spoolFailed {
		return append(all, s.fail(accounted(m.get("AccountCode")), 0)...)
	}
	return append(all, s.end(m)...)
}

func (s *calls) end(m message) []Event {
	c := s.up[m.get("Uniqueid")]
	if c == nil {
		return nil
	}
	delete(s.up, m.get("Uniqueid"))
	code, err := strconv.Atoi(m.get("Cause"))
	if err != nil || code < 0 {
		code = 0
	}
	if c.answered {
		delete(s.why, c.job)
		s.ended = noted(s.ended, c.job)
		return []Event{{Kind: HungUp, Job: c.job, Channel: m.get("Channel"), Code: code}}
	}
	s.because(c.job, causeOf(code))
	if s.why[c.job] == Unexplained {
		return nil // the extension "failed" knows more
	}
	return s.fail(c.job, code)
}

// fail tells of a failed call once. While a call with the job is up it was a second one, which
// there cannot be: the first one goes on.
func (s *calls) fail(job string, code int) []Event {
	cause := s.why[job]
	delete(s.why, job)
	for _, c := range s.up {
		if c.job == job {
			return nil
		}
	}
	if job == "" || slices.Contains(s.ended, job) {
		return nil
	}
	s.ended = noted(s.ended, job)
	return []Event{{Kind: Failed, Job: job, Cause: cause, Code: code}}
}

func noted(list []string, one string) []string {
	if len(list) == mostEnded {
		list = list[1:]
	}
	return append(list, one)
}

// user takes what the dialplan tells.
func (s *calls) user(m message) []Event {
	job := m.get("Job")
	if m.get("UserEvent") != "Countersign" || !isJob(job) {
		return nil
	}
	switch m.get("Result") {
	case "FAILED": // its reasons, as Asterisk numbers them
		s.because(job, map[string]Cause{"3": NoAnswer, "5": Busy, "8": Congestion}[m.get("Reason")])
	case "REFUSED":
		e := Event{Kind: Refused, Job: job, Room: m.get("Room"), Channel: m.get("Channel")}
		switch {
		case m.get("Locked") == "1":
			e.Cause = RoomLocked
		case m.get("Asked") == "1":
			e.Cause = WrongPIN
		}
		return append(s.answer(m), e)
	}
	return nil
}

func (s *calls) join(m message) []Event {
	all := s.answer(m)
	if len(s.inside) < mostItems {
		s.inside[m.get("Channel")] = m.get("Conference")
	}
	return append(all, s.person(m, Joined)...)
}

func (s *calls) leave(m message) []Event {
	name := m.get("Channel")
	delete(s.inside, name)
	if i := slices.Index(s.left, name); i >= 0 {
		s.left = slices.Delete(s.left, i, i+1)
		return nil
	}
	return s.person(m, Left)
}

func (s *calls) person(m message, kind Kind) []Event {
	e := Event{Kind: kind, Room: m.get("Conference"), Channel: m.get("Channel"), Job: jobOf(m), Admin: yes(m, "Admin"), Muted: yes(m, "Muted")}
	if c := s.up[m.get("Uniqueid")]; e.Job == "" && c != nil {
		e.Job = c.job
	}
	if kind == Muted || kind == Unmuted {
		if slices.Contains(s.left, e.Channel) {
			return nil // nobody is there any more
		}
		e.Muted = kind == Muted
	}
	return []Event{e}
}

// causeOf reads the cause of a hang-up as telephone networks number it.
func causeOf(code int) Cause {
	switch code {
	case 17:
		return Busy
	case 18, 19, 20:
		return NoAnswer
	case 21:
		return Rejected
	case 1, 2, 3, 22, 28:
		return UnknownNumber
	case 27, 34, 38, 41, 42, 44:
		return Congestion
	}
	return Unexplained
}
