package trueconf

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"net/url"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"
)

// v4 is the new family. Its list names the session of a room; how old it is and who is in
// it are told elsewhere. It does not know calls without a room, nor users: for these the old
// family is asked, which is there, too.
type v4 struct {
	*api
	old *v3
}

// v4Room is a conference as the list and the reading of one give it.
type v4Room struct {
	ID        text   `json:"id"`
	Topic     text   `json:"topic"`
	Owner     text   `json:"owner"`
	State     text   `json:"state"`
	Session   text   `json:"session_id"`
	Created   moment `json:"created_at"`
	Recording maybe  `json:"recording_enabled"`
	Guests    maybe  `json:"allow_guests"`
	Access    text   `json:"access"`
	Tags      labels `json:"tags"`
	URL       text   `json:"url"`
	Schedule  struct {
		Type text `json:"type"`
	} `json:"schedule"`
}

func (r v4Room) conference() Conference {
	c := Conference{
		ID: string(r.ID), Topic: string(r.Topic), Owner: string(r.Owner), Running: r.State == running, Created: r.Created.Time, People: -1,
		Recording: r.Recording.fact(), Guests: r.Guests.fact(), Tags: r.Tags, PageURL: page(string(r.URL)),
		Scheduled: r.Schedule.Type != "" && r.Schedule.Type != "none",
	}
	if c.Running {
		c.Session = string(r.Session)
	}
	if c.Guests == Untold && r.Access != "" {
		c.Guests = No
		if r.Access == public {
			c.Guests = Yes
		}
	}
	return c
}

// rows is a list in any of the forms that the family has: by one of its names, or bare.
type rows[T any] struct {
	total maybe
	list  *[]T
}

// UnmarshalJSON takes what it can; without a list there is none.
func (r *rows[T]) UnmarshalJSON(raw []byte) error {
	*r = rows[T]{}
	if bytes.HasPrefix(bytes.TrimSpace(raw), []byte("[")) {
		return json.Unmarshal(raw, &r.list)
	}
	var o struct {
		Results     maybe `json:"results"`
		Count       maybe `json:"cnt"`
		Conferences *[]T  `json:"conferences"`
		Sessions    *[]T  `json:"sessions"`
		List        *[]T  `json:"list"`
	}
	err := json.Unmarshal(raw, &o)
	r.list = cmp.Or(o.List, o.Sessions, o.Conferences)
	if r.total = o.Count; !r.total.told {
		r.total = o.Results
	}
	return err
}

// running lists the rooms that run, and asks about each of them what the list leaves out.
func (v *v4) running(ctx context.Context) ([]Conference, error) {
	var rooms shelf[v4Room]
	err := follow(func(n int) (turn, error) {
		var page rows[v4Room]
		q := url.Values{"state": {running}, "page": {strconv.Itoa(n)}, "page_size": {strconv.Itoa(pageSize)}}
		if err := v.do(ctx, call{op: opConferences, right: rightRead, path: "/conferences", query: q}, &page); err != nil {
			return turn{}, err
		}
		return rooms.put(page.list, page.total, pageSize, func(r v4Room) string { return string(r.ID) })
	})
	if err != nil {
		return nil, v.s.named(opConferences, err)
	}
	var all []Conference
	for _, r := range rooms.rows {
		r.State = cmp.Or(r.State, running) // only what runs was asked for
		if c := r.conference(); c.Running && c.ID != "" {
			all = append(all, c)
		}
	}
	const workers = 4
	var group errgroup.Group
	group.SetLimit(workers)
	for i := range all {
		group.Go(func() error { return v.detail(ctx, &all[i]) })
	}
	return all, group.Wait()
}

func (v *v4) conference(ctx context.Context, id string, l look) (Conference, error) {
	at, err := v.s.segment(opConference, id)
	if err != nil {
		return Conference{}, err
	}
	var got struct {
		Room v4Room `json:"conference"`
	}
	if err := v.do(ctx, call{op: opConference, right: rightRead, path: "/conferences/" + at}, &got); err != nil {
		return Conference{}, err
	}
	c := got.Room.conference()
	switch {
	case c.ID == "" || got.Room.State == "":
		return Conference{}, v.s.named(opConference, &Error{Err: errGarbled})
	case !c.Running, l == session && c.Session != "":
		return c, nil
	}
	err = v.detail(ctx, &c)
	return c, err
}

// detail adds how old the session is and how many are in it, as far as the server tells.
// Whoever joined first of those who are still there is as good a beginning as is known:
// the session is not younger.
func (v *v4) detail(ctx context.Context, c *Conference) error {
	people, total, err := v.people(ctx, *c, 1)
	if err == nil {
		c.People = max(total.count(), len(people))
	}
	first := time.Time{}
	for _, p := range people {
		if first.IsZero() || !p.Joined.IsZero() && p.Joined.Before(first) {
			first = p.Joined.Time
		}
	}
	run, began := v.run(ctx, *c)
	c.Session = cmp.Or(c.Session, run)
	if c.Started = began; began.IsZero() {
		c.Started = first
	}
	if ctx.Err() != nil {
		return v.s.named(opConference, fault(ctx, ctx.Err()))
	}
	return nil
}

// v4Session is a run of a room; how its fields are called is not promised.
type v4Session struct {
	ID      text   `json:"id"`
	Session text   `json:"session_id"`
	Start   moment `json:"start_time"`
	Started moment `json:"started_at"`
	Begin   moment `json:"start_at"`
	End     there  `json:"end_time"`
	Ended   there  `json:"ended_at"`
	Finish  there  `json:"end_at"`
}

// run gives the run of a room that goes on, and its beginning; nothing when it is not
// told.
func (v *v4) run(ctx context.Context, c Conference) (id string, began time.Time) {
	at, err := v.s.segment(opSessions, c.ID)
	if err != nil {
		return "", time.Time{}
	}
	var page rows[v4Session]
	q := url.Values{"page": {"1"}, "page_size": {strconv.Itoa(pageSize)}}
	if v.do(ctx, call{op: opSessions, right: rightSessions, path: "/conferences/" + at + "/sessions", query: q}, &page) != nil || page.list == nil {
		return "", time.Time{}
	}
	for _, one := range *page.list {
		start := one.Start.Time
		for _, other := range []moment{one.Started, one.Begin} {
			if start.IsZero() {
				start = other.Time
			}
		}
		is := string(cmp.Or(one.Session, one.ID))
		ended := bool(one.End || one.Ended || one.Finish)
		if !ended && (c.Session == "" || is == c.Session) && !start.Before(began) {
			id, began = is, start
		}
	}
	return id, began
}

// v4Person is a participant. What is called flag is the role.
type v4Person struct {
	ID     text   `json:"call_id"`
	Part   text   `json:"id"`
	Name   text   `json:"display_name"`
	Flag   maybe  `json:"flag"`
	Joined moment `json:"join_time"`
	Left   there  `json:"leave_time"`
}

const peopleSize = 100

// people reads a page of those who are in a room now.
func (v *v4) people(ctx context.Context, c Conference, n int) ([]v4Person, maybe, error) {
	at, err := v.s.segment(opParticipants, c.ID)
	if err != nil {
		return nil, maybe{}, err
	}
	var page rows[v4Person]
	q := url.Values{"is_in_conf": {"true"}, "page": {strconv.Itoa(n)}, "page_size": {strconv.Itoa(peopleSize)}}
	err = v.do(ctx, call{op: opParticipants, right: rightPeople4, path: "/conferences/" + at + "/participants", query: q}, &page)
	if err == nil && page.list == nil {
		err = v.s.named(opParticipants, &Error{Err: errGarbled})
	}
	if err != nil {
		return nil, maybe{}, err
	}
	return *page.list, page.total, nil
}

func (v *v4) participants(ctx context.Context, c Conference) ([]Participant, error) {
	if c.ID == "" {
		return v.old.participants(ctx, c)
	}
	var people shelf[v4Person]
	err := follow(func(n int) (turn, error) {
		page, total, err := v.people(ctx, c, n)
		if err != nil {
			return turn{}, err
		}
		return people.put(&page, total, peopleSize, func(p v4Person) string { return string(cmp.Or(p.Part, p.ID)) })
	})
	if err != nil {
		return nil, v.s.named(opParticipants, err)
	}
	all := []Participant{}
	for _, p := range people.rows {
		if !bool(p.Left) {
			all = append(all, person(Participant{
				ID: string(cmp.Or(p.ID, p.Part)), Name: string(p.Name), Moderator: p.Flag.n == leader, Joined: p.Joined.Time,
			}, c.Owner))
		}
	}
	return all, nil
}

// v4Order is what a new conference is made of.
type v4Order struct {
	ID       string `json:"id,omitempty"`
	Topic    string `json:"topic"`
	Owner    string `json:"owner"`
	Mode     string `json:"mode"`
	Access   string `json:"access"`
	Schedule struct {
		Type string `json:"type"`
	} `json:"schedule"`
	Invited []invitation `json:"invitations,omitempty"`
	Call    int          `json:"auto_invite"`
	Max     int          `json:"max_participants,omitempty"`
	Tags    []string     `json:"tags,omitempty"`
}

func (v *v4) room(r Room) any {
	o := v4Order{ID: r.ID, Topic: r.Topic, Owner: r.Owner, Mode: "PxP", Access: "private", Max: r.Max, Tags: r.Tags, Invited: invitations(r)}
	o.Schedule.Type = "none"
	if r.Guests {
		o.Access = public // this alone lets guests in
	}
	if r.Call {
		o.Call = 1
	}
	return o
}
