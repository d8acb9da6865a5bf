// Package asterisk talks to one Asterisk: it has phones called and put into audio rooms,
// tells who is in a room, and mutes, removes and locks.
//
// It owns the manager interface (AMI): the connection with its login, the actions, what a
// refusal means, and what happens on the server as a closed set of events. It owns call
// files, the other way to have a phone called. Every field of both is checked before it is
// written. The dialplan that it counts on is deploy/asterisk. It knows nothing of people,
// rights and messengers: a call is known by the job that its caller gave it.
package asterisk

import "time"

// Room is a ConfBridge with somebody in it. An empty one does not exist.
type Room struct {
	Name   string
	People int
	Locked bool // only administrators come in
}

// Participant is somebody in a room.
type Participant struct {
	Job     string // of the call that brought him; empty: not ours, he dialled in
	Channel string // what the acts name him by; holds his number, so nobody is shown it
	Number  string // the caller id
	Name    string // may be empty, and may be anything
	Admin   bool
	Muted   bool
}

// Channel is one that is up. A call has several; the one that names a Job is the phone's, as
// it goes into the room.
type Channel struct {
	Job      string // empty: another one
	Name     string
	ID       string // its Uniqueid; that of a call by [Client.Originate] is the job
	Answered bool
	Room     string // it is on its way to, or in; [Client.People] tells who is in it
}

// State is how the connection is.
type State struct {
	Up      bool
	Since   time.Time     // it is so; zero: Run has not begun
	Version string        // of Asterisk, when it was last up
	Err     error         // why it is not up; [ErrLogin], [ErrForbidden] and [ErrNotReady] need an administrator
	Ahead   time.Duration // Asterisk's clock of ours, at the login
	Until   time.Time     // the end of the first certificate to end of those that it showed; zero without TLS
}
