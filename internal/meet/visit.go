package meet

import (
	"errors"
	"time"

	"countersign/internal/notice"
	"countersign/internal/pages"
)

// Why somebody does not come in.
var (
	errNone     = errors.New("no such link")
	errExpired  = errors.New("the link has expired")
	errRevoked  = errors.New("the meeting was revoked")
	errTaken    = errors.New("somebody else is in by this link")
	errName     = errors.New("no name that can be shown")
	errDeclined = errors.New("the host declined")
	errStranger = errors.New("this browser did not come by the link")
)

// state is how far a visitor has come.
type state string

// The states.
const (
	waiting  state = "waiting"  // for the host
	admitted state = "admitted" // and not in yet
	declined state = "declined"
	in       state = "in"
	left     state = "left"
)

// visit is a browser that came by a link.
type visit struct {
	ID    string
	Name  string
	State state
	Seen  time.Time
	Told  bool // the host answered since he was asked last
}

// entry is what a link leads to.
type entry struct {
	Meeting
	Link
	visit visit // zero: this browser was not here yet
	room  room  // zero: there is none
}

// open tells why a link opens nothing, if so. Whoever is in stays in when it expires.
func (e *entry) open(now time.Time) error {
	switch {
	case !e.Ended.IsZero():
		return errRevoked
	case !now.Before(e.Expires) && (e.visit.State != in || e.room.ID == ""):
		return errExpired
	default:
		return nil
	}
}

// knock is somebody who wants to come in.
type knock struct {
	token   string
	browser pages.Seed
	name    string
}

// comes decides how a visitor stands now, and whether the host is to be asked.
func (e *entry) comes(name string, now time.Time) (ask bool, err error) {
	v := &e.visit
	if v.Name = CleanName(name); e.Person != "" && e.Name != "" {
		v.Name = e.Name // whose link it is, is known
	}
	if !named(v.Name) {
		return false, errName
	}
	gone := now.Sub(v.Seen) > e.Idle
	v.Seen = now
	switch {
	case !e.Lobby || e.Person != "" && e.Person == e.Host:
		v.State = admitted
	case v.State == declined:
		return false, errDeclined
	case v.State == "" || gone: // it was long ago that the host said yes, or that he was asked
		v.State = waiting
		return true, nil
	case v.State == left && !v.Told: // he loaded the page again while he waited: the card is with the host
		v.State = waiting
	case v.State != waiting:
		v.State = admitted // he loaded the page again
	}
	return false, nil
}

// card asks the host. It is news for as long as somebody can be expected to wait.
func (e *entry) card() notice.New {
	const patience = 10 * time.Minute
	button := func(key string, verb string) notice.Button {
		return notice.Button{Key: key, Data: DataPrefix + verb + e.visit.ID}
	}
	return news(e.Host, patience, notice.Body{
		Key: "meet.lobby.card", Data: map[string]string{"Name": e.visit.Name, "Topic": e.Topic},
		Buttons: [][]notice.Button{{button("meet.lobby.admit", admits), button("meet.lobby.decline", declines)}},
	})
}
