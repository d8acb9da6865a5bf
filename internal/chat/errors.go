package chat

import (
	"errors"
	"fmt"

	"countersign/internal/inbox"
	"countersign/internal/telegram"
)

// errAsking: a question is on its way to the person.
var errAsking = errors.New("the question is being put")

// errUnnoted: the message that was replied to is not known, or not yet.
var errUnnoted = errors.New("the message replied to is not known yet")

// errSlow: a file takes longer on its way than it may.
var errSlow = errors.New("the file does not come in time")

// later marks an error of something that is away: the update is tried until it is back.
func later(err error) error { return fmt.Errorf("%w: %w", inbox.ErrLater, err) }

// parked marks an update that cannot be understood.
func parked(err error) error { return fmt.Errorf("%w: %w", inbox.ErrPark, err) }

func asTelegram(err error) *telegram.Error {
	e, _ := errors.AsType[*telegram.Error](err)
	return e
}
