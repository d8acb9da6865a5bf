package telegram

import (
	"errors"
	"fmt"
	"time"
)

// Kind says what an outcome means for the caller: what to do, not what was written.
type Kind uint8

// The kinds of outcome.
const (
	// OK means done.
	OK Kind = iota
	// NotModified means that the message already is as wanted. Methods return no error for it; it shows in Observe.
	NotModified
	// Gone means that the message is no longer there: send anew and forget its id.
	Gone
	// Unreachable means that the chat does not exist for the bot, or does not want it: escalate.
	Unreachable
	// Migrated means that the chat has another id now: rewrite it to MigrateTo and repeat.
	Migrated
	// RateLimited means that this chat must wait RetryAfter.
	RateLimited
	// Transient means that nothing happened, or that repeating does no harm: repeat later.
	Transient
	// Unknown means that a send may have happened or not.
	Unknown
	// TopicGone means that the topic is closed or deleted: send without one.
	TopicGone
	// NoRights means that the bot may not write there: tell the administrator.
	NoRights
	// BadEntities means that the HTML could not be read: send as plain text and raise an alarm.
	BadEntities
	// QueryTooOld means that the query can no longer be answered: carry on.
	QueryTooOld
	// BadFile means that the file cannot be sent as given: upload it again.
	BadFile
	// Config means that the token, the address or the certificate is wrong: stop and call the operator.
	Config
	// Conflict means that another poller or a webhook takes the updates.
	Conflict
	// TooLarge means that the text or the file is over a limit.
	TooLarge
	// Bug means that the request was wrong: repeating it is no use.
	Bug
)

// String returns the kind as a label, in snake case.
func (k Kind) String() string {
	names := [...]string{
		"ok", "not_modified", "gone", "unreachable", "migrated", "rate_limited", "transient", "unknown", "topic_gone",
		"no_rights", "bad_entities", "query_too_old", "bad_file", "config", "conflict", "too_large", "bug",
	}
	if int(k) < len(names) {
		return names[k]
	}
	return fmt.Sprintf("kind_%d", uint8(k))
}

// Error is what every method of Client returns when it fails. No part of it contains the token.
type Error struct {
	// Kind says what to do.
	Kind Kind
	// Method is the method of the Bot API.
	Method string
	// Code is the error code of the answer, zero without an answer.
	Code int
	// Description is Telegram's text.
	Description string
	// RetryAfter is how long to wait, with RateLimited.
	RetryAfter time.Duration
	// MigrateTo is the new chat id, with Migrated.
	MigrateTo int64

	cause error
}

// Error says method, kind and what was said.
func (e *Error) Error() string {
	switch {
	case e.cause != nil && e.Code != 0:
		return fmt.Sprintf("telegram %s (%s): %d: %v", e.Method, e.Kind, e.Code, e.cause)
	case e.cause != nil:
		return fmt.Sprintf("telegram %s (%s): %v", e.Method, e.Kind, e.cause)
	default:
		return fmt.Sprintf("telegram %s (%s): %d %s", e.Method, e.Kind, e.Code, e.Description)
	}
}

// Unwrap returns what went wrong below, for errors.Is.
func (e *Error) Unwrap() error { return e.cause }

// KindOf returns the kind of an error of this package, OK for nil, and Bug for a foreign error.
func KindOf(err error) Kind {
	if err == nil {
		return OK
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Bug
}
