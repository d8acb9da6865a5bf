package asterisktest

import (
	"slices"
	"strings"
)

// room is one with somebody in it.
type room struct {
	name   string
	locked bool
	people []*Call
}

// Locked tells whether a room is.
func (s *Server) Locked(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.room(name)
	return r != nil && r.locked
}

// Visit has somebody who is nobody's call dial into a room.
func (s *Server) Visit(name, number string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.channels++
	id := "1700000000." + count(s.channels)
	c := &Call{ID: id, first: id, Channel: "PJSIP/" + number + "-" + count(s.channels), Number: number, Room: name, Account: "visitors", Caller: number, Up: true, Vars: map[string]string{}}
	s.calls = append(s.calls, c)
	s.enter(c)
}

func (s *Server) room(name string) *room {
	for _, r := range s.rooms {
		if r.name == name {
			return r
		}
	}
	return nil
}

// enter is the dialplan's way into a room.
func (s *Server) enter(c *Call) {
	r := s.room(c.Room)
	pin, locked := c.Vars["ROOM_PIN"], r != nil && r.locked
	c.Admin = c.Vars["ROLE"] == "admin"
	phone := s.phone(c.Number)
	switch {
	case pin != "" && phone == KeysWrong && pin != wrongPIN, locked && !c.Admin, pin != "" && phone == KeysPIN && pin != RightPIN:
		said := []string{"UserEvent", "Countersign", "Result", "REFUSED", "Job", c.Vars["JOB"], "Room", c.Room, "Locked", bit(locked), "Asked", bit(pin != "")}
		s.tell("user", "UserEvent", append(c.snapshot(), said...)...)
		s.over(c)
		return
	case pin != "" && phone != KeysPIN && phone != KeysWrong:
		return // it is asked, and keys nothing
	}
	if r == nil {
		r = &room{name: c.Room}
		s.rooms = append(s.rooms, r)
		s.tell("call", "ConfbridgeStart", "Conference", r.name)
	}
	r.people = append(r.people, c)
	c.InRoom = true
	s.tell("call", "ConfbridgeJoin", append(append([]string{"Conference", r.name}, c.snapshot()...), "Admin", yes(c.Admin), "Muted", yes(c.Muted))...)
	if phone == HangsUpSoon {
		s.over(c)
	}
}

// leave takes a call out of its room. A room with nobody in it is gone, its lock with it.
func (s *Server) leave(c *Call) {
	r := s.room(c.Room)
	if r == nil || !c.InRoom {
		return
	}
	c.InRoom = false
	r.people = slices.DeleteFunc(r.people, func(o *Call) bool { return o == c })
	s.tell("call", "ConfbridgeLeave", append(append([]string{"Conference", r.name}, c.snapshot()...), "Admin", yes(c.Admin))...)
	if len(r.people) == 0 {
		s.rooms = slices.DeleteFunc(s.rooms, func(o *room) bool { return o == r })
		s.tell("call", "ConfbridgeEnd", "Conference", r.name)
	}
}

const noRoom = "No Conference by that name found."

// confbridge does what is asked of rooms.
func (s *Server) confbridge(n *session, a action) {
	name := a.get("Action")
	if len(s.rooms) == 0 {
		n.reply(a, "Error", "No active conferences.")
		return
	}
	if name == "ConfbridgeListRooms" {
		s.listRooms(n, a)
		return
	}
	if a.get("Conference") == "" {
		n.reply(a, "Error", "No Conference name provided.")
		return
	}
	r := s.room(a.get("Conference"))
	if r == nil {
		n.reply(a, "Error", noRoom)
		return
	}
	switch name {
	case "ConfbridgeList":
		s.listPeople(n, a, r)
	case "ConfbridgeLock", "ConfbridgeUnlock":
		r.locked = name == "ConfbridgeLock"
		n.reply(a, "Success", map[bool]string{true: "Conference locked", false: "Conference unlocked"}[r.locked])
	case "ConfbridgeKick":
		s.kick(n, a, r)
	default:
		s.mute(n, a, r)
	}
}

func (s *Server) listRooms(n *session, a action) {
	var items [][]string
	for _, r := range s.rooms {
		items = append(items, []string{"Conference", r.name, "Parties", count(len(r.people)), "Marked", "0", "Locked", yes(r.locked), "Muted", "No"})
	}
	n.list(a, "ConfbridgeListRooms", "Confbridge conferences will follow", items)
}

func (s *Server) listPeople(n *session, a action, r *room) {
	var items [][]string
	for _, c := range r.people {
		items = append(items, append([]string{"Conference", r.name, "Admin", yes(c.Admin), "MarkedUser", "No", "Waiting", "No", "Muted", yes(c.Muted), "Talking", "No", "AnsweredTime", "1"}, c.snapshot()...))
	}
	n.list(a, "ConfbridgeList", "Confbridge user list will follow", items)
}

// mute takes the beginning of a name for the whole, and "all" for everybody, as the real one does.
func (s *Server) mute(n *session, a action, r *room) {
	name, to := a.get("Channel"), a.get("Action") == "ConfbridgeMute"
	if name == "" {
		n.reply(a, "Error", "No channel name provided.")
		return
	}
	var them []*Call
	for _, c := range r.people {
		if name == "all" || name == "participants" && !c.Admin || strings.HasPrefix(c.Channel, name) {
			them = append(them, c)
		}
	}
	if len(them) == 0 {
		n.reply(a, "Error", "No Channel by that name found in Conference.")
		return
	}
	n.reply(a, "Success", map[bool]string{true: "User muted", false: "User unmuted"}[to])
	for _, c := range them {
		if c.Muted != to {
			c.Muted = to
			s.tell("call", map[bool]string{true: "ConfbridgeMute", false: "ConfbridgeUnmute"}[to], append(append([]string{"Conference", r.name}, c.snapshot()...), "Admin", yes(c.Admin))...)
		}
	}
}

func (s *Server) kick(n *session, a action, r *room) {
	name := a.get("Channel")
	if name == "" {
		n.reply(a, "Error", "No channel name provided.")
		return
	}
	all, found, spared := name == "all" || name == "participants", false, false
	for _, c := range slices.Clone(r.people) {
		switch {
		case !strings.EqualFold(c.Channel, name) && name != "all" && (name != "participants" || c.Admin):
		case c.immune:
			spared = true
		case c.deaf:
			found, c.immune = true, true
		default:
			found = true
			defer s.over(c)
		}
	}
	switch {
	case found && all:
		n.reply(a, "Success", "All participants kicked")
	case found:
		n.reply(a, "Success", "User kicked")
	case all || spared:
		n.reply(a, "Error", "No participants found!")
	default:
		n.reply(a, "Error", "No Channel by that name found in Conference.")
	}
}

func yes(b bool) string { return map[bool]string{true: "Yes", false: "No"}[b] }

func bit(b bool) string { return map[bool]string{true: "1", false: "0"}[b] }
