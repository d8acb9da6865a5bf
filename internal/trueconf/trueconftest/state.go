package trueconftest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Conference is a room with what runs in it, or a call that has no room.
type Conference struct {
	ID        string // empty: a call without a room
	Topic     string
	Owner     string // id of a user
	Running   bool
	Session   string    // given when it starts
	Started   time.Time // of the session
	Ended     time.Time // only of one that is over
	Created   time.Time
	Pair      bool // a call between two
	Recording bool
	Guests    bool
	Scheduled bool
	Tags      []string
	Max       int
	Invited   []string
	Call      bool // whom it invites is called
	People    []Person
}

// Person is somebody in a conference.
type Person struct {
	ID     string // "anna@srv.example", "#guest2:x@srv.example"
	Name   string
	Role   int // 2 leads
	Joined time.Time
}

// User is an account of the server.
type User struct {
	ID     string // short
	Name   string
	Status int // 0 is away, 1 here, 2 busy, 5 in a group conference
}

// Put adds a conference, or changes the one with the same room. One that runs is given a
// session and a beginning where it has none.
func (s *Server) Put(c Conference) Conference {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.put(c)
}

func (s *Server) put(c Conference) Conference {
	c = copied(c)
	if c.Created.IsZero() {
		c.Created = s.o.Now()
	}
	if c.Running {
		s.begin(&c)
	}
	if old := s.find(c.ID); old != nil && c.ID != "" {
		*old = c
	} else {
		s.rooms = append(s.rooms, &c)
	}
	return copied(c)
}

func (s *Server) begin(c *Conference) {
	c.Running = true
	if c.Session == "" {
		s.sessions++
		c.Session = fmt.Sprintf("%08x@%s#vcs", s.sessions, s.o.Domain)
	}
	if c.Started.IsZero() {
		c.Started = s.o.Now()
	}
	for i := range c.People {
		if c.People[i].Joined.IsZero() {
			c.People[i].Joined = c.Started
		}
	}
}

func (s *Server) end(c *Conference) {
	if !c.Running {
		return
	}
	over := copied(*c)
	over.Running, over.Ended = false, s.o.Now()
	s.past = append(s.past, over)
	c.Running, c.Session, c.Started, c.People = false, "", time.Time{}, nil
}

// Start begins a session of a room, after it has ended the one that runs.
func (s *Server) Start(room string) Conference {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.find(room)
	if c == nil {
		return Conference{}
	}
	s.end(c)
	s.begin(c)
	return copied(*c)
}

// Stop ends what runs in a room, or a call by its session.
func (s *Server) Stop(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.find(id); c != nil {
		s.end(c)
	}
	s.rooms = slices.DeleteFunc(s.rooms, func(c *Conference) bool { return c.ID == "" && !c.Running })
}

// Remove deletes a room.
func (s *Server) Remove(room string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(room)
}

func (s *Server) remove(room string) {
	if c := s.find(room); c != nil {
		s.end(c)
	}
	s.rooms = slices.DeleteFunc(s.rooms, func(c *Conference) bool { return c.ID == room })
}

// Enter lets somebody into a conference that runs; who is in it already is replaced.
func (s *Server) Enter(id string, p Person) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.find(id); c != nil && c.Running {
		s.enter(c, p)
	}
}

func (s *Server) enter(c *Conference, p Person) {
	if p.Joined.IsZero() {
		p.Joined = s.o.Now()
	}
	c.People = append(slices.DeleteFunc(c.People, func(o Person) bool { return o.ID == p.ID }), p)
}

// Leave takes somebody out of a conference.
func (s *Server) Leave(id, person string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.find(id); c != nil {
		c.People = slices.DeleteFunc(c.People, func(p Person) bool { return p.ID == person })
	}
}

// Conference tells of a room, or of a call by its session.
func (s *Server) Conference(id string) (Conference, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.find(id); c != nil {
		return copied(*c), true
	}
	return Conference{}, false
}

// Conferences lists all rooms and calls.
func (s *Server) Conferences() []Conference {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Conference
	for _, c := range s.rooms {
		all = append(all, copied(*c))
	}
	return all
}

// PutUser adds accounts, or changes those with the same id.
func (s *Server) PutUser(users ...User) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, u := range users {
		s.users = slices.DeleteFunc(s.users, func(o User) bool { return o.ID == u.ID })
		s.users = append(s.users, u)
	}
}

// find gives a conference by its room or its session; nil when there is none.
func (s *Server) find(id string) *Conference {
	i := slices.IndexFunc(s.rooms, func(c *Conference) bool { return id != "" && (c.ID == id || c.Session == id) })
	if i < 0 {
		return nil
	}
	return s.rooms[i]
}

func (s *Server) user(id string) (User, bool) {
	short, server, full := strings.Cut(id, "@")
	i := slices.IndexFunc(s.users, func(u User) bool { return u.ID == short && (!full || server == s.o.Domain) })
	if i < 0 {
		return User{}, false
	}
	return s.users[i], true
}

func copied(c Conference) Conference {
	c.Tags, c.Invited, c.People = slices.Clone(c.Tags), slices.Clone(c.Invited), slices.Clone(c.People)
	return c
}

// session gives all that ran or runs, those that run first, as the call log sorts them.
func (s *Server) history(room string) []Conference {
	var all []Conference
	for _, c := range s.rooms {
		if c.Running {
			all = append(all, copied(*c))
		}
	}
	past := slices.SortedFunc(slices.Values(s.past), func(a, b Conference) int { return cmp.Compare(b.Ended.Unix(), a.Ended.Unix()) })
	return slices.DeleteFunc(append(all, past...), func(c Conference) bool { return room != "" && c.ID != room })
}
