package trueconf

import (
	"context"
	"fmt"
	"net/http"
)

// family is one of the two schemas of the API. There is an older and a newer one, and a
// server is asked in one of them.
type family interface {
	running(ctx context.Context) ([]Conference, error)
	conference(ctx context.Context, id string, l look) (Conference, error)
	participants(ctx context.Context, c Conference) ([]Participant, error)
	room(r Room) any // the body that makes it
	do(ctx context.Context, c call, into any) error
}

// look is how much is read of a conference.
type look int

const (
	whole   look = iota
	session      // whether it runs, and as which session; the last answer is the one that tells
)

// speaks gives the family that a server is asked in: the one that is set, or what the page
// of its version says. That is looked at once, and again with each probe.
func (s *Server) speaks(ctx context.Context) (family, error) { //nolint:ireturn // there are two
	s.mu.Lock()
	spoken := s.spoken
	s.mu.Unlock()
	if spoken != nil {
		return spoken, nil
	}
	p, found := s.probeWeb(ctx)
	if p.Err != nil {
		return nil, p.Err
	}
	return found.family, nil
}

// choose takes the family by what the page of the version answered, where it is not set. A
// server without that page, or of a version before the new family, is asked in the old one.
func (s *Server) choose(status int, version string) family { //nolint:ireturn // there are two
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.o.API != "" && s.o.API != "auto" {
		return s.spoken
	}
	was := s.spoken
	s.spoken = s.v3
	if status == http.StatusOK && modern(version) {
		s.spoken = s.v4
	}
	if was != s.spoken {
		s.o.Log.Info("a video server is asked in a family of its API", "server", s.o.Name, "version", version, "new", s.spoken == family(s.v4))
	}
	return s.spoken
}

// modern reports whether a version has the new family; what cannot be read has not.
func modern(version string) bool {
	var major, minor int
	_, err := fmt.Sscanf(version, "%d.%d", &major, &minor)
	const first, second = 5, 5
	return err == nil && (major > first || major == first && minor >= second)
}

// Running lists the group conferences that run, with those that have no room where the
// server tells of them.
func (s *Server) Running(ctx context.Context) ([]Conference, error) {
	f, err := s.speaks(ctx)
	if err != nil {
		return nil, err
	}
	return f.running(ctx)
}

// Conference tells of one room and, when it runs, of its session.
func (s *Server) Conference(ctx context.Context, id string) (Conference, error) {
	f, err := s.speaks(ctx)
	if err != nil {
		return Conference{}, err
	}
	return f.conference(ctx, id, whole)
}

// Participants lists who is in a conference now.
func (s *Server) Participants(ctx context.Context, c Conference) ([]Participant, error) {
	f, err := s.speaks(ctx)
	if err != nil {
		return nil, err
	}
	return f.participants(ctx, c)
}

// do makes a call in whatever family the server is asked in.
func (s *Server) do(ctx context.Context, c call, into any) error {
	f, err := s.speaks(ctx)
	if err != nil {
		return err
	}
	return f.do(ctx, c, into)
}
