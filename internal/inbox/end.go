package inbox

import (
	"errors"
	"time"

	"countersign/internal/telegram"
)

// End is how one attempt at an update ended, for whoever keeps a journal.
type End string

// The ends.
const (
	EndedHandled    End = "handled"
	EndedParked     End = "parked"     // given up, and kept to be looked at
	EndedWaits      End = "waits"      // something that it needs is away
	EndedFailed     End = "failed"     // it is tried again
	EndedUnsettled  End = "unsettled"  // what became of it could not be stored; it is tried again
	EndedRepeated   End = "repeated"   // it was there already
	EndedUnreadable End = "unreadable" // it is kept apart
)

// Ending is an update with what came of it.
type Ending struct {
	End     End
	ID      int64 // 0 where it has none that can be read
	Body    []byte
	Request string // that brought it
	Attempt int
	Outcome string // in words
	Err     error
	Began   time.Time     // by our own clock
	Waited  time.Duration // from when it was stored until somebody took it
	Took    time.Duration // of this attempt
}

func (x *Inbox) tell(e Ending) {
	if x.Ended != nil {
		x.Ended(e)
	}
}

// note tells how an attempt ended.
func (x *Inbox) note(it *Item, e Ending, stored error) {
	switch {
	case stored != nil:
		e.End, e.Err = EndedUnsettled, errors.Join(e.Err, stored)
	case e.Err == nil:
		e.End = EndedHandled
	case errors.Is(e.Err, ErrLater):
		e.End = EndedWaits
	case it.gone(e.Err):
		e.End = EndedParked
	default:
		e.End = EndedFailed
	}
	e.ID, e.Body, e.Request, e.Attempt = it.ID, it.Body, it.Request, it.Attempt
	e.Waited, e.Took = it.waited, x.Now().Sub(e.Began)
	x.tell(e)
}

// about is what calls are about that are made while an update is acted on.
func (it *Item) about() telegram.About {
	return telegram.About{Update: it.ID, Request: it.Request}
}

// gone reports whether an error is the end of an update.
func (it *Item) gone(err error) bool { return errors.Is(err, ErrPark) || it.Attempt >= maxAttempts }
