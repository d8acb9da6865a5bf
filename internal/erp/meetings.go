package erp

import (
	"net/http"
	"reflect"
	"time"

	"countersign/internal/directory"
	"countersign/internal/ledger"
	"countersign/internal/meet"
	"countersign/internal/server"
)

const (
	meetingsPath = "/v1/meetings"
	meetingPath  = meetingsPath + "/{id}"
)

// MeetingsInput is a request for a new meeting.
type MeetingsInput struct {
	IdempotencyKey string `header:"Idempotency-Key" required:"true" doc:"8 to 255 printable ASCII characters without spaces, new for each meeting: the same request again arranges no second one, and tells its id without the links" example:"visit-2026-06-20-17"`
}

// MeetingInput names a meeting.
type MeetingInput struct {
	ID string `path:"id" example:"mtg_06f1z2k3m4n5p6q7r8s9t0v1w2"`
}

func (m *mounting) meetings() {
	add(m, operation{
		id: "post-meeting", method: http.MethodPost, path: meetingsPath, tag: tagMeetings,
		summary: "Arrange a video meeting", text: meetingText,
		endpoint: sending(directory.Meetings, repeatNeeded), body: reflect.TypeFor[MeetingBody](),
		success: only[MeetingAnswer](http.StatusCreated), errors: []int{http.StatusConflict},
	}, m.door.postMeeting)
	reading := endpoint{scope: directory.Meetings}
	add(m, operation{
		id: "get-meeting", method: http.MethodGet, path: meetingPath, tag: tagMeetings,
		summary: "Read how a meeting stands", text: "Who came by which link, and whether there is a conference now. Never a link.",
		endpoint: reading, success: only[MeetingAnswer](http.StatusOK), errors: []int{http.StatusNotFound},
	}, m.door.getMeeting)
	end := operation{
		id: "delete-meeting", method: http.MethodDelete, path: meetingPath, tag: tagMeetings,
		summary: "Revoke a meeting", text: "Its links open nothing any more, and its conference is ended at once.",
		endpoint: reading, success: only[MeetingAnswer](http.StatusOK), errors: []int{http.StatusNotFound},
	}
	add(m, end, m.door.deleteMeeting)
	also(m, end, http.MethodPost, meetingPath+"/delete", m.door.deleteMeeting)
}

// postMeeting arranges a meeting. What is kept for the same request again is without the
// links: they are secrets, and kept nowhere.
func (d *Door) postMeeting(c *call, _ *MeetingsInput) (answer, error) {
	w, err := d.readMeeting(c)
	if err != nil {
		return answer{}, err
	}
	if d.Meet == nil {
		return answer{}, meet.ErrOff
	}
	var first []byte
	_, err = d.Meet.Arrange(c.ctx(), w, func(m meet.Made) (ledger.Also, error) {
		s := meet.Standing{Meeting: m.Meeting}
		for _, l := range m.Links {
			s.Guests = append(s.Guests, meet.Stands{Link: l})
		}
		out := c.meetingAnswer(s)
		var err error
		if first, err = marshal(out); err != nil {
			return nil, err
		}
		for i := range out.Links {
			out.Links[i].URL = ""
		}
		later, err := marshal(out)
		return c.once.settled(http.StatusCreated, later), err
	})
	return answer{status: http.StatusCreated, raw: first, settled: true}, err
}

// readMeeting reads the body of a meeting.
func (d *Door) readMeeting(c *call) (meet.Wanted, error) {
	in := &intake{}
	o, err := in.open(c.body)
	if err != nil {
		return meet.Wanted{}, err
	}
	dir, err := d.Directory.Snapshot(c.ctx())
	if err != nil {
		return meet.Wanted{}, err
	}
	w := meet.Wanted{
		Source: c.key.Source, Key: c.key.ID, Topic: o.text("topic", free(meet.MaxTopic).whole().must()), Host: o.whom("host", name(200), dir),
		User: o.text("host_user", name(64)), Server: o.text("server", name(200)), Lobby: o.truth("lobby"),
	}
	if w.Lobby && w.Host.Telegram == 0 && o.fine("host") {
		o.fault("host", "lobby_without_host")
	}
	o.objects("guests", meet.MaxGuests, func(g *object) {
		places, _ := g.whole("places", 1, meet.MaxPlaces)
		one := meet.Guest{Name: meet.CleanName(g.text("name", free(meet.MaxName))), Places: int(places)}
		w.Guests = append(w.Guests, one)
	})
	if len(w.Guests) == 0 && o.fine("guests") && in.found.none() {
		o.fault("guests", "missing_field")
	}
	if at := o.moment("expires_at", name(40)); !at.IsZero() {
		if w.Life = at.Sub(d.Ledger.Now()); w.Life < meet.MinLife || w.Life > meet.MaxLife {
			o.refuse("expires_at", "out_of_range", "1 min … 31 d")
		}
	}
	const day = 24 * 60
	longest, _ := o.whole("max_minutes", 1, day)
	idle, _ := o.whole("idle_minutes", 1, day)
	w.Longest, w.Idle = time.Duration(longest)*time.Minute, time.Duration(idle)*time.Minute
	o.done()
	return w, in.err("")
}

func (d *Door) getMeeting(c *call, in *MeetingInput) (answer, error) {
	if d.Meet == nil {
		return answer{}, errNotFound
	}
	s, err := d.Meet.Look(c.ctx(), c.key.Source, in.ID)
	return answer{status: http.StatusOK, body: c.meetingAnswer(s)}, err
}

func (d *Door) deleteMeeting(c *call, in *MeetingInput) (answer, error) {
	if d.Meet == nil {
		return answer{}, errNotFound
	}
	s, err := d.Meet.Revoke(c.ctx(), c.key.Source, in.ID, c.key.ID)
	return answer{status: http.StatusOK, body: c.meetingAnswer(s)}, err
}

func (c *call) meetingAnswer(s meet.Standing) MeetingAnswer {
	out := MeetingAnswer{
		ID: s.ID, Topic: s.Topic, Server: s.Server, Lobby: s.Lobby, State: s.State(), CreatedAt: s.Made.UTC(), ExpiresAt: s.Expires.UTC(),
		Links: []MeetingLink{}, RequestID: server.RequestID(c.ctx()),
	}
	for _, g := range s.Guests {
		out.Links = append(out.Links, MeetingLink{ID: g.ID, Name: g.Name, Places: g.Places, URL: g.URL, State: g.State, In: g.In})
	}
	return out
}

// meetingTable is what is refused of a meeting.
func meetingTable() []known {
	field := func(name, code string) problemError {
		return problemError{status: http.StatusUnprocessableEntity, code: code, faults: faults{{field: name, code: code}}}
	}
	return []known{
		{meet.ErrUnknown, problemError{status: http.StatusNotFound, code: "not_found"}},
		{meet.ErrOff, problemError{status: http.StatusConflict, code: "meetings_off"}},
		{meet.ErrServer, field("server", "unknown_server")},
		{meet.ErrOwner, field("host_user", "unknown_host_user")},
		{meet.ErrInvalid, problemError{status: http.StatusUnprocessableEntity, code: "invalid_field"}},
	}
}
