package trueconftest

import (
	"encoding/json"
	"net/http"
	"time"
)

// oldFamily mounts one version of the old family.
func (s *Server) oldFamily(mux *http.ServeMux, at string) {
	const write = "conferences:write"
	const all = "conferences"
	mux.HandleFunc("GET "+at+"/logs/calls", s.at(Calls, s.may(s.oldCalls, "logs.calls:read")))
	mux.HandleFunc("GET "+at+"/conferences", s.at(List, s.may(s.oldList, all, "conferences:read")))
	mux.HandleFunc("GET "+at+"/conferences/{id}", s.at(One, s.may(s.oldOne, all, "conferences:read")))
	mux.HandleFunc("GET "+at+"/conference-sessions/{id}/participants", s.at(Participants, s.may(s.oldPeople, all, "conferences.sessions.participants:read")))
	mux.HandleFunc("GET "+at+"/users", s.at(Users, s.may(s.oldUsers, "users", "users:read")))
	mux.HandleFunc("GET "+at+"/users/{id}", s.at(OneUser, s.may(s.oldUser, "users", "users:read")))
	mux.HandleFunc("GET "+at+"/software/clients", s.at(Clients, s.clients))
	mux.HandleFunc("POST "+at+"/conferences", s.at(Create, s.may(s.oldCreate, all, write)))
	s.acts(mux, at)
}

// acts mounts what both families have alike.
func (s *Server) acts(mux *http.ServeMux, at string) {
	const write = "conferences:write"
	const all = "conferences"
	mux.HandleFunc("POST "+at+"/conferences/{id}/run", s.at(Run, s.may(s.run, all, write)))
	mux.HandleFunc("POST "+at+"/conferences/{id}/stop", s.at(Stop, s.may(s.stop, all, write)))
	mux.HandleFunc("DELETE "+at+"/conferences/{id}", s.at(Delete, s.may(s.delete, all, write)))
	mux.HandleFunc(at+"/", func(w http.ResponseWriter, _ *http.Request) { deny(w, http.StatusNotFound, "routeNotFound") })
}

// moment is a time as the language of the server writes it.
func moment(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return object{"date": t.UTC().Format("2006-01-02 15:04:05.000000"), "timezone_type": 3, "timezone": "UTC"}
}

func (s *Server) oldCalls(w http.ResponseWriter, r *http.Request) {
	all := s.history(r.URL.Query().Get("named_conf_id"))
	rows := []object{}
	part, _, _ := cut(s, r, all)
	for _, c := range part {
		end := c.Ended
		if end.IsZero() {
			end = s.o.Now()
		}
		row := object{
			"conference_id": c.Session, "named_conf_id": nil, "topic": nil, "class": 10, "type": 5, "subtype": 0,
			"owner": c.Owner + "@" + s.o.Domain, "participant_count": len(c.People),
			"start_time": moment(c.Started), "duration": int(end.Sub(c.Started) / time.Second), "end_time": moment(c.Ended),
		}
		if c.ID != "" {
			row["named_conf_id"] = c.ID
		}
		if c.Topic != "" {
			row["topic"] = c.Topic
		}
		if c.Pair {
			row["class"], row["type"] = 1, 1
		}
		rows = append(rows, row)
	}
	answer(w, http.StatusOK, object{"cnt": len(all), "list": rows})
}

func (s *Server) oldObject(c Conference) object {
	kind := -1
	if c.Scheduled {
		kind = 0
	}
	return object{
		"id": c.ID, "topic": c.Topic, "owner": c.Owner, "type": 0, "state": state(c), "schedule": object{"type": kind},
		"max_participants": c.Max, "allow_guests": c.Guests, "recording": number(c.Recording), "created_at": c.Created.Unix(),
		"tags": c.Tags, "url": s.URL() + "/c/" + c.ID, "webclient_url": s.URL() + "/webrtc/" + c.ID,
	}
}

func state(c Conference) string {
	if c.Running {
		return "running"
	}
	return "stopped"
}

func number(b bool) int { //nolint:revive // the API writes a truth so
	if b {
		return 1
	}
	return 0
}

// listed gives the rooms that a list is to show: calls without a room are not there.
func (s *Server) listed(r *http.Request) []Conference {
	want := r.URL.Query().Get("state")
	var all []Conference
	for _, c := range s.rooms {
		if c.ID != "" && !c.Pair && (want == "" || state(*c) == want) {
			all = append(all, *c)
		}
	}
	return all
}

func (s *Server) oldList(w http.ResponseWriter, r *http.Request) {
	all := s.listed(r)
	rows := []object{}
	part, _, _ := cut(s, r, all)
	for _, c := range part {
		rows = append(rows, s.oldObject(c))
	}
	answer(w, http.StatusOK, object{"cnt": len(all), "conferences": rows})
}

// room gives the conference that a path names by its room, or says that there is none.
func (s *Server) room(w http.ResponseWriter, r *http.Request) *Conference {
	c := s.find(r.PathValue("id"))
	if c == nil || c.ID != r.PathValue("id") {
		deny(w, http.StatusNotFound, "conferenceNotFound")
		return nil
	}
	return c
}

func (s *Server) oldOne(w http.ResponseWriter, r *http.Request) {
	if c := s.room(w, r); c != nil {
		answer(w, http.StatusOK, object{"conference": s.oldObject(*c)})
	}
}

func (s *Server) oldPeople(w http.ResponseWriter, r *http.Request) {
	c := s.find(r.PathValue("id"))
	if c == nil || c.Session != r.PathValue("id") {
		deny(w, http.StatusNotFound, "conferenceNotFound")
		return
	}
	rows := []object{}
	for _, p := range c.People {
		rows = append(rows, object{"call_id": p.ID, "display_name": p.Name, "role": p.Role, "join_time": p.Joined.Unix()})
	}
	answer(w, http.StatusOK, object{"count": len(rows), "participants": rows})
}

func (s *Server) userObject(u User) object {
	return object{
		"id": u.ID, "uid": u.ID + "@" + s.o.Domain, "login_name": u.ID, "display_name": u.Name, "email": "", "is_active": 1, "status": u.Status,
	}
}

func (s *Server) oldUsers(w http.ResponseWriter, r *http.Request) {
	part, n, more := cut(s, r, s.users)
	rows, next := []object{}, -1
	for _, u := range part {
		rows = append(rows, s.userObject(u))
	}
	if more {
		next = n + 1
	}
	answer(w, http.StatusOK, object{"next_page_id": next, "users": rows})
}

func (s *Server) oldUser(w http.ResponseWriter, r *http.Request) {
	u, known := s.user(r.PathValue("id"))
	if !known {
		deny(w, http.StatusNotFound, "userNotFound")
		return
	}
	answer(w, http.StatusOK, object{"user": s.userObject(u)})
}

func (s *Server) oldCreate(w http.ResponseWriter, r *http.Request) {
	var in struct {
		ID       string `json:"id"`
		Topic    string `json:"topic"`
		Owner    string `json:"owner"`
		Type     *int   `json:"type"`
		Schedule struct {
			Type *int `json:"type"`
		} `json:"schedule"`
		Invited []struct {
			ID string `json:"id"`
		} `json:"invitations"`
		Call   int      `json:"auto_invite"`
		Guests bool     `json:"allow_guests"`
		Max    int      `json:"max_participants"`
		Tags   []string `json:"tags"`
	}
	if json.NewDecoder(r.Body).Decode(&in) != nil || in.Type == nil || in.Schedule.Type == nil {
		deny(w, http.StatusBadRequest, "badRequest")
		return
	}
	c := Conference{ID: in.ID, Topic: in.Topic, Owner: in.Owner, Call: in.Call == 1, Guests: in.Guests, Max: in.Max, Tags: in.Tags}
	for _, i := range in.Invited {
		c.Invited = append(c.Invited, i.ID)
	}
	if c, ok := s.create(w, c); ok {
		answer(w, http.StatusOK, object{"conference": s.oldObject(c)})
	}
}
