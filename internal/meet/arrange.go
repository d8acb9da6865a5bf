package meet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"countersign/internal/deed"
	"countersign/internal/ident"
	"countersign/internal/ledger"
	"countersign/internal/people"
	"countersign/internal/trueconf"
)

// Wanted is a meeting that somebody asks for.
type Wanted struct {
	Source  string        // who asks; empty: somebody at a card
	Key     string        // id of the key by which the source asks
	Server  string        // empty: that of the rules
	Host    people.Person // who receives; zero: none of ours
	User    string        // the same, as the server knows him; empty: by the rules
	Topic   string
	Lobby   bool // the host lets people in
	Guests  []Guest
	Life    time.Duration // of the links; 0: that of the rules
	Longest time.Duration // of one conference; 0: that of the rules
	Idle    time.Duration // 0: that of the rules
}

// Guest is somebody who gets a link.
type Guest struct {
	Name   string    // empty: he is asked
	Person people.ID // empty: none of ours
	Places int       // how many may be in by the link at a time; 0: one
}

// Meeting is one as it was made.
type Meeting struct {
	ID      string
	Source  string
	Server  string
	Host    people.ID
	Owner   string // user of the server
	Topic   string
	Lobby   bool
	Idle    time.Duration
	Longest time.Duration
	Made    time.Time
	Expires time.Time
	Ended   time.Time // revoked; zero: not
}

// Link is a way in.
type Link struct {
	ID     string
	Name   string
	Person people.ID
	Places int
	URL    string // known only to whoever made it
}

// Made is a meeting with its links.
type Made struct {
	Meeting
	Links []Link
}

// Arrange makes a meeting and its links. Also makes what must happen in the same commit.
func (d *Desk) Arrange(ctx context.Context, w Wanted, also func(Made) (ledger.Also, error)) (Made, error) {
	m, err := d.draft(ctx, w)
	if err != nil {
		return Made{}, err
	}
	keys := map[string]string{}
	for i := range m.Links {
		token := newToken()
		keys[m.Links[i].ID] = token
		m.Links[i].URL = d.url(token)
	}
	return m, d.Store.add(ctx, m, keys, w.by(), also)
}

// by is who asks, for the record.
func (w Wanted) by() deed.By {
	if w.Source != "" {
		return deed.By{Source: w.Source, Key: w.Key}
	}
	return deed.By{Person: w.Host.ID}
}

func (d *Desk) url(token string) string { return d.PublicURL + path + token }

// draft is a meeting as it would be made.
func (d *Desk) draft(ctx context.Context, w Wanted) (Made, error) {
	if d.PublicURL == "" {
		return Made{}, ErrOff
	}
	srv, err := d.on(w.Server)
	if err != nil {
		return Made{}, err
	}
	now, r := d.now(), d.Rules
	m := Made{Meeting: Meeting{
		Source: w.Source, Server: srv.Name(), Host: w.Host.ID, Topic: CleanName(w.Topic), Lobby: w.Lobby,
		Idle: cmp.Or(w.Idle, r.Idle), Longest: cmp.Or(w.Longest, r.Longest), Made: now, Expires: now.Add(cmp.Or(w.Life, r.Life)),
	}}
	if fault := w.fault(m); fault != "" {
		return Made{}, fmt.Errorf("meeting: %s: %w", fault, ErrInvalid)
	}
	look, cancel := d.briefly(ctx, 1)
	defer cancel()
	m.Owner, err = d.owner(look, srv, w)
	if err != nil && !errors.Is(err, ErrOwner) && w.Source != "" { // the page says so when somebody comes; whoever tapped is told now
		d.Log.WarnContext(ctx, "not known whether the video server knows the host", "error", err)
		err = nil
	}
	if err != nil {
		return Made{}, err
	}
	if m.ID, err = ident.New("mtg"); err != nil {
		return Made{}, err
	}
	for _, g := range w.Guests {
		l := Link{Name: CleanName(g.Name), Person: g.Person, Places: max(1, g.Places)}
		if l.ID, err = ident.New("mlk"); err != nil {
			return Made{}, err
		}
		m.Links = append(m.Links, l)
	}
	return m, nil
}

// fault tells what is wrong with a meeting, or nothing.
func (w Wanted) fault(m Made) string {
	life := m.Expires.Sub(m.Made)
	switch {
	case m.Topic == "" || utf8.RuneCountInString(m.Topic) > MaxTopic:
		return "the topic is empty or longer than 200 characters"
	case len(w.Guests) == 0 || len(w.Guests) > MaxGuests && w.Source != "" || len(w.Guests) > MaxParty:
		return "there are not 1 to 20 guests"
	case w.Lobby && w.Host.Telegram == 0:
		return "the host has no Telegram account, and could let nobody in"
	case life < MinLife || life > MaxLife:
		return "the links are not good for 1 minute to 31 days"
	case m.Longest < MinIdle || m.Longest > MaxIdle || m.Idle < MinIdle || m.Idle > MaxIdle:
		return "a conference lasts 1 minute to 24 hours"
	case slices.ContainsFunc(w.Guests, func(g Guest) bool {
		return g.Name != "" && !named(CleanName(g.Name)) || g.Places < 0 || g.Places > MaxPlaces
	}):
		return "a guest's name is longer than 60 characters, or his link is for more than 50"
	default:
		return ""
	}
}

// owner is who owns the conference on the server: the host, or else whoever the rules
// name. One who was named for this meeting is not replaced by another.
func (d *Desk) owner(ctx context.Context, srv *trueconf.Server, w Wanted) (string, error) {
	if w.User != "" {
		return w.User, known(ctx, srv, w.User)
	}
	user := d.Rules.Users.Of(w.Host)
	if user == "" {
		user = d.Rules.Owner
	}
	err := known(ctx, srv, user)
	if errors.Is(err, ErrOwner) && d.Rules.Owner != "" && user != d.Rules.Owner {
		user = d.Rules.Owner
		err = known(ctx, srv, user)
	}
	return user, err
}

// known asks the server for a user.
func known(ctx context.Context, srv *trueconf.Server, user string) error {
	if user == "" || utf8.RuneCountInString(user) > maxUser || strings.ContainsFunc(user, unicode.IsControl) {
		return ErrOwner
	}
	there, err := srv.Knows(ctx, user)
	if trueconf.KindOf(err) == trueconf.BadRequest || err == nil && !there { // no user can be called that, or none is
		return ErrOwner
	}
	return err
}
