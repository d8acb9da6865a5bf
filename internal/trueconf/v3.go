package trueconf

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// v3 is the old family. What runs is told by its call log: alone it names the session, its
// age, and conferences that have no room. What a room is set to is told by its list.
type v3 struct{ *api }

// The requests, as errors and metrics name them.
const (
	opCalls        = "list calls"
	opConferences  = "list conferences"
	opConference   = "read conference"
	opParticipants = "list participants"
	opSessions     = "list sessions"
	opUsers        = "list users"
	opUser         = "read user"
)

// The rights of the application that they need.
const (
	rightRead     = "conferences:read"
	rightCalls    = "logs.calls:read"
	rightPeople   = "conferences.sessions.participants:read"
	rightPeople4  = "conferences.participants:read"
	rightSessions = "conferences.sessions:read"
	rightUsers    = "users:read"
	rightWrite    = "conferences"
)

const pageSize = 500

// v3Call is a row of the call log.
type v3Call struct {
	Session text   `json:"conference_id"`
	Room    text   `json:"named_conf_id"`
	Topic   text   `json:"topic"`
	Class   maybe  `json:"class"`
	Owner   text   `json:"owner"`
	Count   maybe  `json:"participant_count"`
	Start   moment `json:"start_time"`
	Lasted  maybe  `json:"duration"`
	Ended   there  `json:"end_time"`
}

// runs reports whether the row is a group conference that goes on.
func (r v3Call) runs() bool {
	const pair = 1 // a call between two
	return !bool(r.Ended) && r.Class.n > pair && r.Session != ""
}

func (r v3Call) conference(now time.Time) Conference {
	c := Conference{
		ID: string(r.Room), Session: string(r.Session), Topic: string(r.Topic), Owner: string(r.Owner),
		Running: true, Started: r.Start.Time, People: r.Count.count(),
	}
	if r.Lasted.told && r.Lasted.n >= 0 && r.Lasted.n < now.Unix() { // does not depend on zones
		c.Started = now.Add(-time.Duration(r.Lasted.n) * time.Second).Truncate(time.Second).UTC()
	}
	return c
}

// v3Room is a conference as the list and the reading of one give it.
type v3Room struct {
	ID        text   `json:"id"`
	Topic     text   `json:"topic"`
	Owner     text   `json:"owner"`
	State     text   `json:"state"`
	Created   moment `json:"created_at"`
	Recording maybe  `json:"recording"`
	Guests    maybe  `json:"allow_guests"`
	Access    text   `json:"access"`
	Tags      labels `json:"tags"`
	URL       text   `json:"url"`
	Schedule  struct {
		Type maybe `json:"type"`
	} `json:"schedule"`
}

func (r v3Room) conference() Conference {
	c := Conference{
		ID: string(r.ID), Topic: string(r.Topic), Owner: string(r.Owner), Running: r.State == running, Created: r.Created.Time, People: -1,
		Recording: r.Recording.fact(), Guests: r.Guests.fact(), Tags: r.Tags, PageURL: page(string(r.URL)),
		Scheduled: r.Schedule.Type.told && r.Schedule.Type.n >= 0,
	}
	if c.Guests == Untold && r.Access == public {
		c.Guests = Yes
	}
	return c
}

const (
	running = "running"
	public  = "public"
)

// page is an address that a person may be sent to.
func page(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	return raw
}

// running lists what the log says to go on, and adds what the rooms are set to. A room that
// runs without a row that was seen is looked up by itself.
func (v *v3) running(ctx context.Context) ([]Conference, error) {
	all, err := v.log(ctx, "")
	if err != nil {
		return nil, err
	}
	var rooms shelf[v3Room]
	err = follow(func(n int) (turn, error) {
		var list struct {
			Count maybe     `json:"cnt"`
			Rooms *[]v3Room `json:"conferences"`
		}
		q := url.Values{"state": {running}, "page_id": {strconv.Itoa(n)}, "page_size": {strconv.Itoa(pageSize)}}
		if err := v.do(ctx, call{op: opConferences, right: rightRead, path: "/conferences", query: q}, &list); err != nil {
			return turn{}, err
		}
		return rooms.put(list.Rooms, list.Count, pageSize, func(r v3Room) string { return string(r.ID) })
	})
	if err != nil {
		return nil, v.s.named(opConferences, err)
	}
	for _, r := range rooms.rows {
		if r.State != "" && r.State != running || r.ID == "" { // only what runs was asked for
			continue
		}
		i := slices.IndexFunc(all, func(c Conference) bool { return c.ID == string(r.ID) })
		if i < 0 {
			runs, err := v.log(ctx, string(r.ID))
			if err != nil {
				return nil, err
			}
			all = append(all, append(runs, r.conference())[0])
			i = len(all) - 1
		}
		all[i] = merge(r.conference(), all[i])
	}
	return all, nil
}

// merge is a room with the session that runs in it.
func merge(room, run Conference) Conference {
	room.Running, room.Session, room.Started, room.People = true, run.Session, run.Started, run.People
	room.Topic, room.Owner = cmp.Or(room.Topic, run.Topic), cmp.Or(room.Owner, run.Owner)
	return room
}

// log lists the sessions that go on, of one room or of all, no room twice. Rows without an
// end come first; those after the first ended one are of the past.
func (v *v3) log(ctx context.Context, room string) ([]Conference, error) {
	var rows shelf[v3Call]
	err := follow(func(n int) (turn, error) {
		var list struct {
			Count maybe     `json:"cnt"`
			List  *[]v3Call `json:"list"`
		}
		q := url.Values{"sort_field": {"end_time"}, "sort_order": {"1"}, "page_id": {strconv.Itoa(n)}, "page_size": {strconv.Itoa(pageSize)}}
		if room != "" {
			q.Set("named_conf_id", room)
		}
		if err := v.do(ctx, call{op: opCalls, right: rightCalls, path: "/logs/calls", query: q}, &list); err != nil {
			return turn{}, err
		}
		t, err := rows.put(list.List, list.Count, pageSize, func(r v3Call) string { return string(r.Session) })
		t.more = t.more && !slices.ContainsFunc(*list.List, func(r v3Call) bool { return bool(r.Ended) })
		return t, err
	})
	if err != nil {
		return nil, v.s.named(opCalls, err)
	}
	now := v.s.o.Now()
	var all []Conference
	for _, r := range rows.rows {
		c := r.conference(now)
		if !r.runs() || room != "" && c.ID != room {
			continue
		}
		// A server that fell leaves rows without an end: of a room, the youngest counts.
		i := slices.IndexFunc(all, func(o Conference) bool { return c.ID != "" && o.ID == c.ID })
		switch {
		case i < 0:
			all = append(all, c)
		case c.Started.After(all[i].Started):
			all[i] = c
		}
	}
	return all, nil
}

func (v *v3) conference(ctx context.Context, id string, _ look) (Conference, error) {
	at, err := v.s.segment(opConference, id)
	if err != nil {
		return Conference{}, err
	}
	var got struct {
		Room v3Room `json:"conference"`
	}
	if err := v.do(ctx, call{op: opConference, right: rightRead, path: "/conferences/" + at}, &got); err != nil {
		return Conference{}, err
	}
	c := got.Room.conference()
	if c.ID == "" || got.Room.State == "" {
		return Conference{}, v.s.named(opConference, &Error{Err: errGarbled})
	}
	if !c.Running {
		return c, nil
	}
	runs, err := v.log(ctx, id)
	if err != nil || len(runs) == 0 {
		return c, err
	}
	return merge(c, runs[0]), nil
}

// v3Person is a participant; which of the fields are there differs.
type v3Person struct {
	ID     text   `json:"id"`
	UID    text   `json:"uid"`
	CallID text   `json:"call_id"`
	Part   text   `json:"participant_id"`
	Name   text   `json:"display_name"`
	Role   maybe  `json:"role"`
	Owner  maybe  `json:"is_owner"`
	Joined moment `json:"join_time"`
	Left   there  `json:"leave_time"`
}

func (p v3Person) participant(owner string) Participant {
	return person(Participant{
		ID: string(cmp.Or(p.CallID, p.UID, p.ID, p.Part)), Name: string(p.Name), Owner: p.Owner.fact() == Yes,
		Moderator: p.Role.n == leader, Joined: p.Joined.Time,
	}, owner)
}

// participants reads by the session: only there the roles are told.
func (v *v3) participants(ctx context.Context, c Conference) ([]Participant, error) {
	at, err := v.s.segment(opParticipants, c.Session)
	if err != nil {
		return nil, err
	}
	var got struct {
		List *[]v3Person `json:"participants"`
	}
	err = v.do(ctx, call{op: opParticipants, right: rightPeople, path: "/conference-sessions/" + at + "/participants"}, &got)
	if err == nil && got.List == nil {
		err = v.s.named(opParticipants, &Error{Err: errGarbled})
	}
	if err != nil {
		return nil, err
	}
	all := make([]Participant, 0, len(*got.List))
	for _, p := range *got.List {
		if !bool(p.Left) {
			all = append(all, p.participant(c.Owner))
		}
	}
	return all, nil
}

// v3User is a user of the server.
type v3User struct {
	ID     text  `json:"id"`
	UID    text  `json:"uid"`
	Status maybe `json:"status"`
}

// online counts the users that are there, page by page. Each page names the next one.
func (v *v3) online(ctx context.Context) (Online, error) {
	var users shelf[v3User]
	next, asked := "", map[string]bool{}
	err := follow(func(int) (turn, error) {
		var list struct {
			Users *[]v3User `json:"users"`
			Next  maybe     `json:"next_page_id"`
		}
		q := url.Values{"page_size": {strconv.Itoa(pageSize)}}
		if next != "" {
			q.Set("page_id", next)
		}
		asked[next] = true
		if err := v.do(ctx, call{op: opUsers, right: rightUsers, path: "/users", query: q}, &list); err != nil {
			return turn{}, err
		}
		t, err := users.put(list.Users, maybe{}, pageSize, func(u v3User) string { return string(cmp.Or(u.UID, u.ID)) })
		next = strconv.FormatInt(list.Next.n, 10)
		t.more = list.Next.told && list.Next.n > 0
		if t.more && asked[next] {
			return t, &Error{Err: errLoop}
		}
		return t, err
	})
	if err != nil {
		return Online{}, v.s.named(opUsers, err)
	}
	const here, busy, several = 1, 2, 5
	var o Online
	for _, u := range users.rows {
		switch u.Status.n {
		case here:
			o.Here++
		case busy, several:
			o.Here++
			o.Busy++
		}
	}
	return o, nil
}
