package trueconftest

import (
	"fmt"
	"net/http"
)

// create makes a room, or says why it cannot be.
func (s *Server) create(w http.ResponseWriter, c Conference) (Conference, bool) {
	const mostTopic = 240
	_, owner := s.user(c.Owner)
	for _, id := range c.Invited {
		if _, known := s.user(id); !known {
			deny(w, http.StatusBadRequest, "userNotFound")
			return c, false
		}
	}
	switch {
	case !owner:
		deny(w, http.StatusBadRequest, "userNotFound")
	case c.Topic == "" || len([]rune(c.Topic)) > mostTopic:
		deny(w, http.StatusBadRequest, "topicInvalid")
	case c.ID != "" && s.find(c.ID) != nil:
		deny(w, http.StatusBadRequest, "uniqueValueAlreadyInUse")
	default:
		if c.ID == "" {
			s.sessions++
			c.ID = fmt.Sprintf("44%08d", s.sessions)
		}
		return s.put(c), true
	}
	return c, false
}

func (s *Server) run(w http.ResponseWriter, r *http.Request) {
	c := s.room(w, r)
	if c == nil {
		return
	}
	if !c.Running {
		s.begin(c)
	}
	done(w, r, "running")
}

func (s *Server) stop(w http.ResponseWriter, r *http.Request) {
	c := s.room(w, r)
	if c == nil {
		return
	}
	s.end(c)
	done(w, r, "stopped")
}

// done tells of the new state, or, in the new family, nothing.
func done(w http.ResponseWriter, r *http.Request, state string) {
	if isNew(r) {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	answer(w, http.StatusOK, object{"state": state})
}

func (s *Server) delete(w http.ResponseWriter, r *http.Request) {
	c := s.room(w, r)
	if c == nil {
		return
	}
	id := c.ID
	s.remove(id)
	if isNew(r) {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	answer(w, http.StatusOK, object{"id": id})
}
