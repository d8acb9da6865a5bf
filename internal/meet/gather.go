package meet

import (
	"context"
	"errors"
	"slices"
	"time"

	"countersign/internal/ident"
	"countersign/internal/ledger"
	"countersign/internal/markup"
	"countersign/internal/notice"
	"countersign/internal/people"
)

const (
	// patience is how long somebody waits for an answer of the video server.
	patience = 8 * time.Second
	// tries: each but the last ends because somebody else was faster.
	tries = 4
)

var errFaster = errors.New("somebody else was faster")

// Matter is a case that people are to talk about.
type Matter struct {
	Case  string
	Topic string
	// Caller asks for the talk, and is the host: he is there now and wants it, while the
	// others have yet to hear of it.
	Caller people.Person
	People []people.Person // who is called, the caller among them
}

// Call is what came of it.
type Call struct {
	Link   string // the caller's own
	Called bool   // somebody was called by this
	Before bool   // the caller was called before: his way in is his to ask for
}

// Gather makes the meeting of a case, or finds it, and calls whoever was not called yet. Note
// commits the making of one together with what is known of it elsewhere. All of it happens
// or nothing does: whoever is called has a meeting, and nobody is called twice.
func (d *Desk) Gather(ctx context.Context, m Matter, note func(id string, also ledger.Also) error) (Call, error) {
	for range tries {
		c, err := d.gather(ctx, m, note)
		if err == nil && c.Called {
			d.ring()
		}
		if !errors.Is(err, errFaster) {
			return c, err
		}
	}
	return Call{}, errFaster
}

func (d *Desk) gather(ctx context.Context, m Matter, note func(string, ledger.Also) error) (Call, error) {
	if !d.On() {
		return Call{}, ErrOff
	}
	now := d.now()
	was, err := d.Store.gathered(ctx, m.Case)
	if err != nil {
		return Call{}, err
	}
	if was.joinable(now, d.Rules.Life) && d.Servers[was.Server] != nil {
		return d.widen(ctx, was, m)
	}
	made, err := d.call(ctx, m)
	if err != nil {
		return Call{}, err
	}
	also, err := d.Store.lend(made, m, was.Meeting)
	if err != nil {
		return Call{}, err
	}
	if err := note(made.ID, also); err != nil {
		if taken(err) {
			return Call{}, errFaster
		}
		return Call{}, err
	}
	return Call{Link: own(made.Links, m.Caller.ID), Called: true}, nil
}

// call drafts the meeting. The server is asked now: one that is away calls nobody.
func (d *Desk) call(ctx context.Context, m Matter) (Made, error) {
	ctx, cancel := d.briefly(ctx, 1)
	defer cancel()
	w := Wanted{Host: m.Caller, Topic: m.Topic}
	for _, p := range m.People {
		w.Guests = append(w.Guests, guest(p))
	}
	return d.draft(ctx, w)
}

// guest is a person of ours with a link of his own.
func guest(p people.Person) Guest {
	return Guest{Name: markup.Truncate(CleanName(p.Name), MaxName), Person: p.ID}
}

// widen calls those who take part by now and have no link yet.
func (d *Desk) widen(ctx context.Context, was gathering, m Matter) (Call, error) {
	out := Call{Link: own(was.links, m.Caller.ID)}
	out.Before = out.Link != ""
	var fresh []Link
	for _, p := range m.People {
		if own(was.links, p.ID) != "" {
			continue
		}
		g := guest(p)
		l := Link{Name: g.Name, Person: g.Person, Places: 1}
		var err error
		if l.ID, err = ident.New("mlk"); err != nil {
			return Call{}, err
		}
		fresh = append(fresh, l)
	}
	if out.Link == "" {
		out.Link = own(fresh, m.Caller.ID)
	}
	out.Called = len(fresh) > 0
	until := was.until(d.now(), d.Rules.Life)
	if !out.Called && until.Equal(was.Expires) {
		return out, nil
	}
	err := d.Store.widen(ctx, was.Meeting, until, fresh, m.Caller)
	if taken(err) {
		return Call{}, errFaster
	}
	return out, err
}

// own is the link of a person; empty: he has none.
func own(links []Link, p people.ID) string {
	i := slices.IndexFunc(links, func(l Link) bool { return l.Person == p })
	if i < 0 {
		return ""
	}
	return links[i].ID
}

// invitations call people. None holds a way in, for what is told is kept: each carries a
// button by which its reader asks for his own.
func invitations(m Meeting, links []Link, caller people.Person) []notice.New {
	var out []notice.New
	for _, l := range links {
		key := "meet.call.card"
		if l.Person == caller.ID {
			key = "meet.call.own"
		}
		out = append(out, news(l.Person, m.Expires.Sub(m.Made), notice.Body{
			Key: key, Data: map[string]string{"Name": CleanName(caller.Name), "Topic": m.Topic},
			Buttons: [][]notice.Button{{{Key: "meet.call.join", Data: DataPrefix + joins + l.ID}}},
		}))
	}
	return out
}
