package trueconf

import (
	"errors"
	"fmt"
)

// Kind says what went wrong with a request, so that a person can be told what to do.
type Kind int

// The kinds.
const (
	Fine         Kind = iota - 1 // nothing did; only an observer hears of it
	Other                        // a status or an answer that is none of the below
	Credentials                  // the server does not know the client or its secret, or the token given
	Right                        // the application lacks a right; Error.Right names it
	TLS                          // the certificate is not trusted, or is for another name
	Timeout                      // no answer in time
	Unreachable                  // nothing listens there, or the name is not known
	TooOld                       // the server does not have this part of the API
	NotFound                     // no such conference, user or session
	BadRequest                   // the server refuses what it was asked, as an owner that it does not know
	NotSupported                 // it cannot be done through the API: a call without a room, no web client in the licence
)

// String is the word for the kind, as a metric's label or a log has it.
func (k Kind) String() string {
	words := []string{"fine", "other", "credentials", "right", "tls", "timeout", "unreachable", "too old", "not found", "bad request", "not supported"}
	if i := int(k - Fine); i >= 0 && i < len(words) {
		return words[i]
	}
	return words[Other-Fine]
}

// What can stand in the way of [Server.Stop].
var (
	// ErrOtherSession comes back when the conference was started anew since it was looked at.
	ErrOtherSession = errors.New("another session of the conference runs now")
	// ErrNotRunning comes back when the conference is over already.
	ErrNotRunning = errors.New("the conference does not run")
)

// Error is a request that did not succeed.
type Error struct {
	Kind   Kind
	Server string // its name
	Op     string // what was asked, as "list conferences"
	Status int    // of the answer; 0: there was none
	Reason string // the server's word, as "conferenceNotFound"
	Right  string // with Right: the scope that is missing
	Err    error  // what lies below; never carries a token or a secret
}

func (e *Error) Error() string {
	s := fmt.Sprintf("trueconf server %q: %s", e.Server, e.Op)
	if e.Status != 0 {
		s += fmt.Sprintf(": status %d", e.Status)
	}
	if e.Reason != "" {
		s += ": " + e.Reason
	}
	if e.Right != "" {
		s += ": the application lacks the right " + e.Right
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// KindOf is the kind of an error; Other for one that is not this package's.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Other
}
