package trueconftest

import (
	"encoding/json"
	"net/http"
	"time"
)

// newFamily mounts version 4.
func (s *Server) newFamily(mux *http.ServeMux, at string) {
	const all = "conferences"
	mux.HandleFunc("GET "+at+"/server", s.at(About, s.about))
	mux.HandleFunc("GET "+at+"/conferences", s.at(List, s.may(s.newList, all, "conferences:read")))
	mux.HandleFunc("GET "+at+"/conferences/{id}", s.at(One, s.may(s.newOne, all, "conferences:read")))
	mux.HandleFunc("GET "+at+"/conferences/{id}/participants", s.at(Participants, s.may(s.newPeople, all, "conferences.participants:read")))
	mux.HandleFunc("GET "+at+"/conferences/{id}/sessions", s.at(Sessions, s.may(s.newSessions, all, "conferences.sessions:read")))
	mux.HandleFunc("GET "+at+"/software/clients", s.at(Clients, s.clients))
	mux.HandleFunc("POST "+at+"/conferences", s.at(Create, s.may(s.newCreate, all, "conferences:write")))
	s.acts(mux, at)
}

func (s *Server) about(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, object{"product": object{"display_name": s.o.Domain, "version": s.o.Version}})
}

func (s *Server) newObject(c Conference) object {
	kind, access := "none", "private"
	if c.Scheduled {
		kind = "week"
	}
	if c.Guests {
		access = "public"
	}
	o := object{
		"id": c.ID, "topic": c.Topic, "owner": c.Owner, "mode": "PxP", "state": state(c), "access": access, "schedule": object{"type": kind},
		"max_participants": c.Max, "recording_enabled": c.Recording, "created_at": stamp(c.Created), "tags": c.Tags,
		"url": s.URL() + "/c/" + c.ID, "web_client_url": s.URL() + "/webrtc/" + c.ID,
	}
	if c.Running {
		o["session_id"] = c.Session
	}
	return o
}

func stamp(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(time.RFC3339Nano)
}

func (s *Server) newList(w http.ResponseWriter, r *http.Request) {
	all := s.listed(r)
	part, _, _ := cut(s, r, all)
	rows := []object{}
	for _, c := range part {
		rows = append(rows, s.newObject(c))
	}
	answer(w, http.StatusOK, object{"results": len(all), "conferences": rows})
}

func (s *Server) newOne(w http.ResponseWriter, r *http.Request) {
	if c := s.room(w, r); c != nil {
		answer(w, http.StatusOK, object{"conference": s.newObject(*c)})
	}
}

func (s *Server) newPeople(w http.ResponseWriter, r *http.Request) {
	c := s.room(w, r)
	if c == nil {
		return
	}
	rows := []object{}
	part, _, _ := cut(s, r, c.People)
	for _, p := range part {
		rows = append(rows, object{
			"id": "conn-" + p.ID, "call_id": p.ID, "display_name": p.Name, "flag": p.Role, "join_time": stamp(p.Joined), "leave_time": nil,
		})
	}
	answer(w, http.StatusOK, object{"cnt": len(c.People), "list": rows})
}

func (s *Server) newSessions(w http.ResponseWriter, r *http.Request) {
	c := s.room(w, r)
	if c == nil {
		return
	}
	rows := []object{}
	all := s.history(c.ID)
	part, _, _ := cut(s, r, all)
	for _, one := range part {
		rows = append(rows, object{"session_id": one.Session, "start_time": stamp(one.Started), "end_time": stamp(one.Ended)})
	}
	answer(w, http.StatusOK, object{"cnt": len(all), "list": rows})
}

func (s *Server) newCreate(w http.ResponseWriter, r *http.Request) {
	var in struct {
		ID       string `json:"id"`
		Topic    string `json:"topic"`
		Owner    string `json:"owner"`
		Mode     string `json:"mode"`
		Access   string `json:"access"`
		Schedule struct {
			Type string `json:"type"`
		} `json:"schedule"`
		Invited []struct {
			ID string `json:"id"`
		} `json:"invitations"`
		Call int      `json:"auto_invite"`
		Max  int      `json:"max_participants"`
		Tags []string `json:"tags"`
	}
	if json.NewDecoder(r.Body).Decode(&in) != nil || in.Mode != "PxP" || in.Schedule.Type != "none" {
		deny(w, http.StatusBadRequest, "badRequest")
		return
	}
	c := Conference{ID: in.ID, Topic: in.Topic, Owner: in.Owner, Call: in.Call == 1, Guests: in.Access == "public", Max: in.Max, Tags: in.Tags}
	for _, i := range in.Invited {
		c.Invited = append(c.Invited, i.ID)
	}
	if c, ok := s.create(w, c); ok {
		answer(w, http.StatusOK, object{"conference": s.newObject(c)})
	}
}
