package trueconf

import (
	"errors"
	"fmt"
)

// Kind says what went wrong with a request, so that a person can be told what to do.
type Kind int

// The kinds.
const (
	Other        Kind = iota // a status or an answer that is none of the below
	Credentials              // the server does not know the client or its secret, or the token given
	Right                    // the application lacks a right; Error.Right names it
	TLS                      // the certificate is not trusted, or is for another name
	Timeout                  // no answer in time
	Unreachable              // nothing listens there, or the name is not known
	TooOld                   // the server does not have this part of the API
	NotFound                 // no such conference, user or session
	BadRequest               // the server refuses what it was asked, as an owner that it does not know
	NotSupported             // it cannot be done through the API: a call without a room, no web client in the licence
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
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Other
}
