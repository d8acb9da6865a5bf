// Package meet is the conference in one click: a link opens a page, its guest gives a
// name, presses one button, and is in a video conference that was made for him.
//
// Those who take part in a case get to the meeting of that case by one tap, each by a link of
// his own.
//
// It owns the meetings, the links into them, who came by a link, the page, the host's
// "may he come in?", and the conferences made for it, from the intent to make one until
// the server has it no more. It leaves how a TrueConf Server is spoken to to trueconf, who
// asks for a meeting to erp and chat, and how people are told to notice.
//
// A conference outlives no meeting: its id is chosen and noted before the server hears of
// it, so whatever dies in between, the next look finds it and takes it away.
package meet

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"countersign/internal/directory"
	"countersign/internal/locale"
	"countersign/internal/notice"
	"countersign/internal/people"
	"countersign/internal/server"
	"countersign/internal/trueconf"
)

// Errors of asking for a meeting. Nothing was made.
var (
	// ErrOff: there is no server for meetings.
	ErrOff = errors.New("no server for meetings is set")
	// ErrUnknown: there is no such meeting, or it is somebody else's.
	ErrUnknown = errors.New("no such meeting")
	// ErrServer: no server has this name.
	ErrServer = errors.New("no such video server")
	// ErrOwner: the video server does not know whoever should own the conference.
	ErrOwner = errors.New("the video server does not know the host")
	// ErrInvalid: the request cannot be met; the text says why.
	ErrInvalid = errors.New("not acceptable")
)

// Desk makes meetings and takes people into them. Set the fields before use.
type Desk struct {
	Store     *Store
	Directory *directory.Store
	Servers   map[string]*trueconf.Server // by name
	Rules     Rules
	PublicURL string // links lead here
	Texts     *locale.Texts
	Addresses *server.Limiter // requests of one address; nil: no limit
	Links     *server.Limiter // tries to come in by one link; nil: no limit
	Gate      *server.Gate    // requests of one link that wait for a server; nil: no limit
	Patience  time.Duration   // with a video server while somebody waits; 0: the usual
	Now       func() time.Time
	Log       *slog.Logger
}

// Rules is what holds where nobody says otherwise.
type Rules struct {
	Server  string        // where meetings are; empty: there are none
	Owner   string        // the user of the server who owns what its host cannot; empty: nobody does
	Users   Users         // how people are called there
	Idle    time.Duration // a conference of which nothing is heard is over after it
	Longest time.Duration // of one conference
	Life    time.Duration // of a link
}

// Users says how a person is called on a video server.
type Users string

// The ways.
const (
	MailName   Users = "mail_name" // what stands before the @ of the mail address
	Mail       Users = "mail"
	ExternalID Users = "external_id"
)

// Of is how a person is called there; empty when that cannot be said.
func (u Users) Of(p people.Person) string {
	switch u {
	case Mail:
		return p.Email
	case ExternalID:
		return p.ExternalID
	case MailName:
	}
	name, _, _ := strings.Cut(p.Email, "@")
	return name
}

// Bounds of a meeting.
const (
	MaxName   = 60 // characters
	MaxTopic  = 200
	maxUser   = 64 // of a video server
	MaxGuests = 20 // links of a meeting that another system asks for
	MaxParty  = 200
	MaxPlaces = 50 // of one link
	MinIdle   = time.Minute
	MaxIdle   = 24 * time.Hour
	MinLife   = time.Minute
	MaxLife   = 31 * 24 * time.Hour
)

// How long nothing of a page may be heard until it counts as gone, and how long a
// conference waits for somebody who only loaded his page again.
const (
	silence = 90 * time.Second
	grace   = time.Minute
)

// On reports whether there can be meetings.
func (d *Desk) On() bool { return d != nil && d.PublicURL != "" && d.Servers[d.Rules.Server] != nil }

// Missing names the settings without which there are no meetings.
func (d *Desk) Missing() []string {
	var out []string
	if d.PublicURL == "" {
		out = append(out, "server.public_url")
	}
	switch {
	case d.Rules.Server == "":
		out = append(out, "meet.server")
	case d.Servers[d.Rules.Server] == nil:
		out = append(out, `trueconf.servers."`+d.Rules.Server+`"`)
	}
	return out
}

// briefly is a context for asking a video server, in so many times the patience of whoever
// waits for one answer.
func (d *Desk) briefly(ctx context.Context, times int) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, cmp.Or(d.Patience, patience)*time.Duration(times))
}

func (d *Desk) now() time.Time { return d.Now().UTC().Truncate(time.Microsecond) }

// on is the server of a meeting.
func (d *Desk) on(name string) (*trueconf.Server, error) {
	s := d.Servers[cmp.Or(name, d.Rules.Server)]
	switch {
	case s != nil:
		return s, nil
	case name == "" && d.Rules.Server == "":
		return nil, ErrOff
	default:
		return nil, ErrServer
	}
}

// ring wakes whoever tells people.
func (d *Desk) ring() { d.Store.Notices.Bell.Ring() }

// news is a notice that somebody waits for.
func news(to people.ID, life time.Duration, body notice.Body) notice.New {
	return notice.New{Class: notice.Alarm, To: notice.To{People: []people.ID{to}}, Body: body, Life: life}
}
