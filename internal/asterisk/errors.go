package asterisk

import (
	"errors"
	"slices"
	"strings"
)

// What an [Error] is.
var (
	// ErrLogin comes back when Asterisk does not know the user or its secret, or not from here.
	ErrLogin = errors.New("wrong user or secret, or not from this address; compare with manager.conf")
	// ErrForbidden comes back when the user lacks a right; Error.Right names it.
	ErrForbidden = errors.New("the user in manager.conf lacks a right")
	// ErrNotReady comes back when Asterisk is starting, or lacks what we count on.
	ErrNotReady = errors.New("asterisk is not ready for calls")
	// ErrAway comes back when there is no connection: nothing was sent, and nothing was done.
	// What is ErrUnanswered is never ErrAway, too.
	ErrAway = errors.New("asterisk is not reached")
	// ErrUnanswered comes back when an action was sent and the connection or the time ended
	// before the reply: it may have been done.
	ErrUnanswered = errors.New("asterisk did not answer; it may have been done")
	// ErrNotFound comes back when there is no such room, participant or channel.
	ErrNotFound = errors.New("no such room, participant or channel")
	// ErrRefused comes back when Asterisk says no for another reason; Error.Message is its word.
	ErrRefused = errors.New("asterisk refused")
	// ErrProtocol comes back when what answers is not Asterisk, or tells more than anybody reads.
	ErrProtocol = errors.New("that is no answer of a manager interface")
)

// errGivenUp is why a connection ended that we closed. It is the reason, and no verdict.
var errGivenUp = errors.New("the connection was given up")

// ErrInProgress comes back where calls are asked for by files, when one to the number is
// waiting or going on.
var ErrInProgress = errors.New("a call to this number is already in progress")

// Error is an action that did not succeed.
type Error struct {
	Action  string // as "ConfbridgeKick"
	Is      error  // one of the Err variables
	Right   string // with ErrForbidden: as "write = originate"
	Message string // Asterisk's word
	Err     error  // what lies below; may be nil
}

func (e *Error) Error() string {
	parts := []string{"asterisk: " + e.Action, e.Is.Error()}
	if e.Right != "" {
		parts = append(parts, "it needs "+e.Right)
	}
	if e.Message != "" {
		parts = append(parts, e.Message)
	}
	if e.Err != nil {
		parts = append(parts, e.Err.Error())
	}
	return strings.Join(parts, ": ")
}

// Unwrap gives what it is, and what lies below unless that contradicts it: what may have been
// done stays in doubt though the question about it was refused or not sent, and what was not
// sent is in no doubt though the action before it is.
func (e *Error) Unwrap() []error {
	below := func(is error) bool { return errors.Is(e.Err, is) }
	switch {
	case e.Err == nil,
		errors.Is(e.Is, ErrAway) && below(ErrUnanswered),
		errors.Is(e.Is, ErrUnanswered) && slices.ContainsFunc([]error{ErrAway, ErrLogin, ErrForbidden, ErrNotReady, ErrNotFound, ErrRefused}, below):
		return []error{e.Is}
	}
	return []error{e.Is, e.Err}
}

// FieldError is a field that must not be written as it is: nothing was sent.
type FieldError struct {
	Field string // as "CallerName"
	Why   string // what it may be
}

func (e *FieldError) Error() string { return "asterisk: " + e.Field + " " + e.Why }
