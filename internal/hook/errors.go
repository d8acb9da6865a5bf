package hook

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"countersign/internal/ledger"
)

// Errors that callers tell apart.
var (
	// ErrNotFound: the source has no such endpoint, or the endpoint no such event.
	ErrNotFound = errors.New("not found")
	// ErrStale: the endpoint was changed meanwhile.
	ErrStale = errors.New("not the current version")
	// ErrEnded: the endpoint was deleted; only its history is left.
	ErrEnded = errors.New("the endpoint has ended")
	// ErrTooMany: the source has as many endpoints as it may have.
	ErrTooMany = errors.New("too many endpoints")
	// ErrTooOften: the endpoint was replayed too often, or too much at once.
	ErrTooOften = errors.New("too many replays")
	// ErrBlocked: the address is one that webhooks must not reach.
	ErrBlocked = errors.New("blocked address")
	// ErrUnavailable: the database cannot be reached now.
	ErrUnavailable = ledger.ErrUnavailable
)

// FieldError says what is wrong with one field of a request. Code is one of "required",
// "invalid", "not_allowed" and "out_of_range".
type FieldError struct {
	Field   string
	Code    string
	Message string
}

// InvalidError lists all that is wrong with a request.
type InvalidError struct {
	Fields []FieldError
}

// Error lists the fields.
func (e *InvalidError) Error() string {
	texts := make([]string, 0, len(e.Fields))
	for _, f := range e.Fields {
		texts = append(texts, f.Field+": "+f.Message)
	}
	return "invalid endpoint: " + strings.Join(texts, "; ")
}

func (e *InvalidError) add(field, code, format string, args ...any) {
	e.Fields = append(e.Fields, FieldError{field, code, fmt.Sprintf(format, args...)})
}

// orNil is the error, or nil when nothing is wrong.
func (e *InvalidError) orNil() error {
	if len(e.Fields) == 0 {
		return nil
	}
	return e
}

// ExpiredError says that deliveries which were asked for are not kept any more. It is
// an ErrNotFound; the events themselves are in the feed.
type ExpiredError struct {
	Endpoint string
	After    time.Time // of events after this moment no delivery is missing
}

// Error says from when on deliveries are there.
func (e *ExpiredError) Error() string {
	return fmt.Sprintf("deliveries of %s up to %s are not kept any more", e.Endpoint, e.After.UTC().Format(time.RFC3339Nano))
}

// Unwrap gives ErrNotFound.
func (e *ExpiredError) Unwrap() error { return ErrNotFound }
