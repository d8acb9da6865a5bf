// Package deed is the lasting record of what was done to video conferences and meetings: by
// whom, what, where, when, and how it ended.
//
// It owns the record and how it is searched, and decides nothing. Whoever does something
// writes it down here in the transaction of the act; videodesk, the console and a command
// show it. Nothing is ever taken away, so no name that a guest gave and no topic of a meeting
// comes in: the meeting itself holds them, for as long as it is kept.
package deed

import (
	"cmp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"countersign/internal/people"
)

// What is done.
const (
	Stop   = "stop"   // a conference
	Snooze = "snooze" // the alert of a forgotten one
	Ignore = "ignore"
	Ask    = "ask" // for an approval of a stop

	Arrange = "arrange" // a meeting
	Call    = "call"    // more people to it
	Prolong = "prolong"
	Replace = "replace" // it was over, and the case has another now
	Revoke  = "revoke"
	Admit   = "admit" // a guest who waits
	Decline = "decline"
	Open    = "open" // its conference
	Join    = "join" // a way into it was given
	Close   = "close"
	Forget  = "forget" // a conference that may be left on a server of the past
)

// How it ended. A conference that is closed has why it was in this place.
const (
	Unknown   = ""
	Done      = "done"
	Over      = "over"  // it had ended by itself
	Other     = "other" // another session ran, and was left alone
	Failed    = "failed"
	CalledOff = "called_off" // nothing was tried
	Unclear   = "unclear"    // nobody knows, or ever will
)

// By is who did something. The zero value is the gateway, by its own rule.
type By struct {
	Person people.ID
	Source string // the system whose key was used
	Key    string // its id; may be empty
	Guest  bool   // who came by the link
}

// kind is who that is, as a word.
func (b By) kind() string {
	switch {
	case b.Person != "":
		return "person"
	case b.Source != "":
		return "key"
	case b.Guest:
		return "guest"
	default:
		return "rule"
	}
}

// Name is who that is, in the words of the record: a person by the number he has in the
// directory, a key by its source and its id.
func (b By) Name(person string) string {
	switch b.kind() {
	case "person":
		return cmp.Or(person, string(b.Person))
	case "key":
		return strings.TrimSpace("key " + b.Source + " " + b.Key)
	default:
		return b.kind()
	}
}

// Deed is something that was done.
type Deed struct {
	ID         string // empty: a new one
	At         time.Time
	By         By
	What       string
	Server     string
	Conference string // its room; empty: none, like what follows
	Session    string
	Meeting    string
	Link       string
	About      string // the case, or the request for an approval
	Topic      string // of a conference, as it was then, like what follows
	Owner      string
	People     int // -1: not known
	Recording  *bool
	Outcome    string
	Fault      string
	Ended      time.Time // zero: not known yet
}

// Names are what it is about, as far as it has names: a meeting, a link, a case or a request,
// a room and its session.
func (d Deed) Names() []string {
	return slices.DeleteFunc([]string{d.Meeting, d.Link, d.About, d.Conference, d.Session}, func(name string) bool { return name == "" })
}

// plain is a text as the database takes it: what a server names never keeps an act from
// being written down.
func plain(s string, most int) string {
	s = strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "")
	if utf8.RuneCountInString(s) > most {
		s = string([]rune(s)[:most])
	}
	return s
}
