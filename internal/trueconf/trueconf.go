// Package trueconf talks to TrueConf Servers: who runs what, who is in it, and how to start,
// stop and enter a conference.
//
// It owns the requests, the access token of each server, both families of the REST API
// (version 3 and version 4) with a decoder for each, and what a refusal means. What is done
// with a conference, who may do it and in which words he is told is for others.
package trueconf

import "time"

// Conference is one conference as a server tells of it.
type Conference struct {
	ID        string // of the room: stays the same over restarts; empty for a call that has no room
	Session   string // of this run of it, as "00000033@srv.example#vcs"; empty when it does not run, or is not told
	Topic     string // may be empty, and may be anything
	Owner     string // as the server tells it: "anna" or "anna@srv.example"
	Running   bool
	Started   time.Time // of the session; zero: not known
	Created   time.Time // of the room; zero: not known
	People    int       // in it now; -1: not known
	Recording Fact
	Guests    Fact // whether guests may enter
	Scheduled bool // it has a time of its own
	Tags      []string
	PageURL   string // where the server offers to join; may be empty
}

// Fact is something that a server may not tell.
type Fact int

// The facts.
const (
	Untold Fact = iota
	No
	Yes
)

// Known is the fact as it is kept; nil where it was not told.
func (f Fact) Known() *bool {
	if f == Untold {
		return nil
	}
	yes := f == Yes
	return &yes
}

// Participant is somebody in a session.
type Participant struct {
	ID        string // "anna@srv.example", "#guest:1a2b@srv.example"; may carry "/instance"
	Name      string // as shown; may be empty, and may be anything
	Owner     bool   // of the conference
	Moderator bool   // the owner is one, too
	Guest     bool
	External  bool      // a room system, a telephone or a stream
	Joined    time.Time // zero: not known
}

// Online counts the users of a server that are there; guests are not among them.
type Online struct {
	Here int // all of them
	Busy int // of these, in a call or a conference
}

// Health is what the probes of a server found. A probe that was not made has no Error and
// OK false.
type Health struct {
	Engine      Probe     // the media engine
	Web         Probe     // the web part with the API
	Login       Probe     // the credentials: a token could be had
	Version     string    // "5.5.1.10009"; empty: not told
	CertExpires time.Time // of the web part; zero: no TLS, or not reached
}

// Probe is one look at a part of a server.
type Probe struct {
	Made bool
	Err  error // nil: it is well
	Took time.Duration
}

// OK reports whether the part was looked at and is well.
func (p Probe) OK() bool { return p.Made && p.Err == nil }

// Room is a conference to be made.
type Room struct {
	ID      string // letters, digits and underscores; the server chooses one when empty
	Topic   string
	Owner   string   // id of a user of the server
	Invited []string // ids of users; they are called when CallThem
	Call    bool     // the server calls whom it invites once the conference runs
	Guests  bool     // those without an account may enter
	Max     int      // people at most; 0: as the licence has it
	Tags    []string
}

// Seat is a way into a conference for one guest. URL carries a credential in its fragment:
// it is fetched right before it is shown, and neither kept nor logged.
type Seat struct {
	URL string // of the web client, checked to be of the server
}
