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

// What OriginateResponse and the extension "failed" give as a reason.
const (
	reasonNoAnswer   = "3"
	reasonBusy       = "5"
	reasonCongestion = "8"
)

// spoolFailed is the channel that runs the extension "failed". It is nobody's call.
const spoolFailed = "OutgoingSpoolFailed"

// mostEnded is of how many calls it is remembered what was told of their end.
const mostEnded = 1024

// call is one whose phone's channel is up.
type call struct {
	job      string
	ringing  bool
	answered bool
	cause    Cause // why it will fail
	code     int
	replied  bool // the failure was told without a cause: the hang-up follows, or it was that of a double
}

// calls makes events of what Asterisk tells. It is not safe for concurrent use.
type calls struct {
	up     map[string]*call  // by Uniqueid
	inside map[string]string // the room of a channel, of those who were seen to come in
	failed []string          // jobs, the oldest first
	left   []string          // channels that were told to have left before Asterisk said so
}

func newCalls() *calls { return &calls{up: map[string]*call{}, inside: map[string]string{}} }

// jobOf is the job of a phone's channel. Other channels of the same call have the account
// code, too: the phone's is the one that the call began with.
func jobOf(m message) string {
	job, ours := strings.CutPrefix(m.get("AccountCode"), account)
	if !ours || !isJob(job) || m.get("Uniqueid") != m.get("Linkedid") || m.get("Channel") == spoolFailed {
		return ""
	}
	return job
}

// hear takes an event. It is called in the order of their coming.
func (c *Client) hear(m message) {
	c.mu.Lock()
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
	for _, m := range list {
		if job := jobOf(m); job != "" {
			up := m.get("ChannelState") == stateUp
			s.up[m.get("Uniqueid")] = &call{job: job, ringing: true, answered: up}
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
	case "OriginateResponse":
		if m.get("Response") == "Failure" {
			return s.refused(jobIn(m.get("ActionID")), m.get("Reason"))
		}
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
		s.failed = slices.DeleteFunc(s.failed, func(j string) bool { return j == job }) // it is called anew
	}
	return c
}

func (s *calls) state(m message) []Event {
	c := s.learn(m)
	switch state := m.get("ChannelState"); {
	case c == nil || c.answered:
	case state == stateRinging && !c.ringing:
		c.ringing = true
		return []Event{{Kind: Ringing, Job: c.job, Channel: m.get("Channel")}}
	case state == stateUp:
		c.answered = true
		return []Event{{Kind: Answered, Job: c.job, Channel: m.get("Channel")}}
	}
	return nil
}

// dialled notes why a phone's channel will end.
func (s *calls) dialled(m message) {
	c := s.up[m.get("DestUniqueid")]
	if c == nil || c.cause != Unexplained {
		return
	}
	switch m.get("DialStatus") {
	case "BUSY":
		c.cause = Busy
	case "NOANSWER":
		c.cause = NoAnswer
	case "CONGESTION":
		c.cause = Congestion
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
	return append(all, s.end(m)...)
}

func (s *calls) end(m message) []Event {
	c := s.up[m.get("Uniqueid")]
	if c == nil {
		return nil
	}
	delete(s.up, m.get("Uniqueid"))
	code, err := strconv.Atoi(m.get("Cause"))
	if err == nil && code > 0 {
		c.code = code
	}
	if c.answered {
		return []Event{{Kind: HungUp, Job: c.job, Channel: m.get("Channel"), Code: c.code}}
	}
	if by := causeOf(c.code); by != Unexplained {
		c.cause = by
	}
	if c.cause == Unexplained && !c.replied {
		return nil // what follows knows more
	}
	return s.fail(Event{Job: c.job, Cause: c.cause, Code: c.code})
}

// refused takes the news that a call came to nothing. While the call is up that is either
// before its hang-up, which knows more, or of a second call with the same job, which there
// cannot be: the first one goes on.
func (s *calls) refused(job, reason string) []Event {
	if job == "" {
		return nil
	}
	cause := Unexplained
	switch reason {
	case reasonNoAnswer:
		cause = NoAnswer
	case reasonBusy:
		cause = Busy
	case reasonCongestion:
		cause = Congestion
	}
	for _, c := range s.up {
		if c.job == job && (cause == Unexplained || c.answered) {
			c.replied = true
			return nil
		}
	}
	return s.fail(Event{Job: job, Cause: cause})
}

// fail tells of a failed call once.
func (s *calls) fail(e Event) []Event {
	if slices.Contains(s.failed, e.Job) {
		return nil
	}
	s.failed = noted(s.failed, e.Job)
	e.Kind = Failed
	return []Event{e}
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
	case "FAILED": // the extension "failed": the only news of a call file
		return s.refused(job, m.get("Reason"))
	case "REFUSED":
		e := Event{Kind: Refused, Job: job, Room: m.get("Room"), Channel: m.get("Channel")}
		switch {
		case m.get("Locked") == "1":
			e.Cause = RoomLocked
		case m.get("Asked") == "1":
			e.Cause = WrongPIN
		}
		return []Event{e}
	}
	return nil
}

// join may be told before the channel's own news that it was answered.
func (s *calls) join(m message) []Event {
	var all []Event
	if c := s.learn(m); c != nil && !c.answered {
		c.answered = true
		all = append(all, Event{Kind: Answered, Job: c.job, Channel: m.get("Channel")})
	}
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
	switch kind {
	case Muted:
		e.Muted = true
	case Unmuted:
		e.Muted = false
	default:
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
