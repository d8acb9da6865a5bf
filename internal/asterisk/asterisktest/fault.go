package asterisktest

import (
	"maps"
	"strconv"
	"strings"
)

// Fault is what an action meets instead of its work.
type Fault string

// The faults.
const (
	Pass    Fault = ""          // its work, for a Trouble that only has a Gate
	Cut     Fault = "cut"       // the connection ends, nothing is done
	Lost    Fault = "lost"      // the work is done, and the connection ends without an answer
	Silent  Fault = "silent"    // nothing is done, and no answer comes
	Refused Fault = "refused"   // an error that is nowhere written down
	Denied  Fault = "denied"    // Permission denied
	Garbage Fault = "garbage"   // something that is no answer, and the connection goes on
	Flood   Fault = "flood"     // a line without end
	Endless Fault = "endless"   // a message with fields without end
	Torn    Fault = "torn list" // a list that says that it is longer
	Glut    Fault = "glut"      // a list without end
	Odd     Fault = "odd"       // a response that nobody knows
)

// Trouble is a fault with its time: after so many sound actions, for so many.
type Trouble struct {
	Fault Fault
	Gate  <-chan struct{} // is waited for before anything else
	After int
	Times int // for ever when zero
}

// Break makes an action fail; several troubles follow one another.
func (s *Server) Break(action string, troubles ...Trouble) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trouble[action] = append(s.trouble[action], troubles...)
}

// Mend makes all actions sound.
func (s *Server) Mend() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.trouble)
}

// Count counts how often an action was asked for, those that failed included.
func (s *Server) Count(action string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count[action]
}

// Actions lists all that was asked for, the oldest first, with keys in lower case.
func (s *Server) Actions() []map[string][]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]map[string][]string, 0, len(s.actions))
	for _, a := range s.actions {
		out = append(out, maps.Clone(a))
	}
	return out
}

// Say sends a text as it is to all who are connected.
func (s *Server) Say(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for n := range s.sessions {
		n.send(text)
	}
}

// next counts an action and gives the trouble that it meets.
func (s *Server) next(a action) Trouble {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := a.get("Action")
	s.count[name]++
	s.actions = append(s.actions, a)
	queue := s.trouble[name]
	if len(queue) == 0 {
		return Trouble{}
	}
	t := &queue[0]
	if t.After > 0 {
		t.After--
		return Trouble{}
	}
	met := *t
	if t.Times > 0 {
		if t.Times--; t.Times == 0 {
			s.trouble[name] = queue[1:]
		}
	}
	return met
}

// meet lets an action work, or fail. It reports whether the connection goes on.
func (s *Server) meet(n *session, a action) bool {
	t := s.next(a)
	if t.Gate != nil {
		select {
		case <-t.Gate:
		case <-n.over:
			return false
		}
	}
	const more = 20_000
	switch id := a.get("ActionID"); t.Fault {
	case Cut:
		return false
	case Lost:
		s.do(&session{s: s, user: n.user, conn: n.conn, ready: make(chan struct{}, 1)}, a)
		return false
	case Silent:
	case Refused:
		n.reply(a, "Error", "The moon is in the wrong place")
	case Denied:
		n.reply(a, "Error", "Permission denied")
	case Garbage:
		n.send("\x00\xff\xfe{}\r\n:\r\n\r\n\r\nno field\r\n\r\n")
	case Flood:
		n.send("Response: " + strings.Repeat("x", more))
	case Endless:
		n.send("Response: Success\r\nActionID: " + id + "\r\n" + strings.Repeat("A: b\r\n", more))
	case Torn:
		n.send(message("Response", "Success", "ActionID", id, "EventList", "start"))
		n.send(message("Event", "Item", "ActionID", id))
		n.send(message("Event", "ItemsComplete", "ActionID", id, "EventList", "Complete", "ListItems", "2"))
	case Glut:
		n.send(message("Response", "Success", "ActionID", id, "EventList", "start") + strings.Repeat(message("Event", "Item", "ActionID", id, "A", strings.Repeat("b", 1000)), more))
	case Odd:
		n.reply(a, "Perhaps", "")
	default:
		return s.do(n, a)
	}
	return true
}

func count(n int) string { return strconv.Itoa(n) }
