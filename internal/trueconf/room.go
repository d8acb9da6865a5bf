package trueconf

import (
	"context"
)

// invitation names who is asked to come.
type invitation struct {
	ID string `json:"id"`
}

// v3Order is what a new conference is made of.
type v3Order struct {
	ID       string `json:"id,omitempty"`
	Topic    string `json:"topic"`
	Owner    string `json:"owner"`
	Type     int    `json:"type"` // all on the screen
	Schedule struct {
		Type int `json:"type"`
	} `json:"schedule"`
	Invited []invitation `json:"invitations,omitempty"`
	Call    int          `json:"auto_invite"`
	Guests  bool         `json:"allow_guests"`
	Max     int          `json:"max_participants,omitempty"`
	Podiums int          `json:"max_podiums,omitempty"`
	Tags    []string     `json:"tags,omitempty"`
}

func (v *v3) room(r Room) any {
	const none = -1 // no time of its own
	o := v3Order{ID: r.ID, Topic: r.Topic, Owner: r.Owner, Guests: r.Guests, Max: r.Max, Podiums: r.Max, Tags: r.Tags, Invited: invitations(r)}
	o.Schedule.Type = none
	if r.Call {
		o.Call = 1
	}
	return o
}

func invitations(r Room) []invitation {
	var all []invitation
	for _, id := range r.Invited {
		all = append(all, invitation{id})
	}
	return all
}

// Online counts the users of the server that are there.
func (s *Server) Online(ctx context.Context) (Online, error) { return s.v3.online(ctx) }

// Knows reports whether a user of the server exists.
func (s *Server) Knows(ctx context.Context, user string) (bool, error) {
	at, err := s.segment(opUser, user)
	if err != nil {
		return false, err
	}
	var got struct {
		User v3User `json:"user"`
	}
	err = s.v3.do(ctx, call{op: opUser, right: rightUsers, path: "/users/" + at}, &got)
	switch {
	case KindOf(err) == NotFound:
		return false, nil
	case err == nil && got.User.ID == "" && got.User.UID == "":
		return false, s.named(opUser, &Error{Err: errGarbled})
	}
	return err == nil, err
}
