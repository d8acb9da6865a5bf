package asterisk

import (
	"context"
	"sync"
	"time"
)

// Kind says what happened.
type Kind int

// The kinds. Those of a call have Job; those of a participant have Room and Channel, and Job
// when the call is ours. What is told of one call comes in the order in which it happened, its
// end last; Begun, Ended and what is told of others come beside that.
const (
	// Resync: something may have happened unseen, since the connection is new or events came
	// faster than they were taken. Look again: channels, rooms, people.
	Resync Kind = iota

	Ringing  // the phone rings
	Answered // it was picked up; the way into the room follows
	Failed   // it was never picked up, or could not be called: Cause. The end of the call
	Refused  // it was picked up and did not get into the room: Cause. HungUp follows
	HungUp   // a call that was picked up is over. The end of the call

	Joined   // is in the room: Admin, Muted
	Left     // is out of it, whatever the reason
	Muted    // is not heard
	Unmuted  // is heard again
	Begun    // the room: somebody is the first in it
	Ended    // the room: the last one is gone
	Locked   // the room: this client at once, others within Options.Ping
	Unlocked // the room: likewise
)

// String is the word for the kind, as a log has it.
func (k Kind) String() string {
	words := []string{
		"resync", "ringing", "answered", "failed", "refused", "hung up",
		"joined", "left", "muted", "unmuted", "begun", "ended", "locked", "unlocked",
	}
	if k >= 0 && int(k) < len(words) {
		return words[k]
	}
	return "unknown"
}

// Cause says why a call failed or was not let in.
type Cause int

// The causes.
const (
	Unexplained   Cause = iota // none of the below; Code may say more
	Busy                       // the phone
	NoAnswer                   // in time, or it is switched off
	Rejected                   // the person, or the network, refused the call
	UnknownNumber              // there is no such number
	Congestion                 // no line: the trunk or the network
	RoomLocked                 // Refused: the room is locked
	WrongPIN                   // Refused: the PIN was not keyed in
)

// String is the word for the cause, as a log or a metric's label has it.
func (c Cause) String() string {
	words := []string{"unexplained", "busy", "no answer", "rejected", "unknown number", "congestion", "room locked", "wrong PIN"}
	if c >= 0 && int(c) < len(words) {
		return words[c]
	}
	return words[Unexplained]
}

// Event is something that happened on the server. All replicas that are connected hear of all
// of it.
type Event struct {
	Kind    Kind
	At      time.Time // heard here
	Job     string
	Room    string
	Channel string
	Admin   bool
	Muted   bool
	Cause   Cause
	Code    int // the cause as telephone networks number it (Q.850); 0: not told
}

// events keeps what was not taken yet. The zero value, with most set, is ready.
type events struct {
	most  int
	mu    sync.Mutex
	queue []Event
	full  bool          // the last of the queue is a Resync that stands for all that is dropped
	ready chan struct{} // closed when there is something
}

// push adds an event, or drops it and has the taker look again.
func (q *events) push(e Event) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch last := len(q.queue) - 1; {
	case q.full:
		return
	case e.Kind == Resync && last >= 0 && q.queue[last].Kind == Resync:
		return
	case len(q.queue) >= q.most && e.Kind != Resync:
		q.full = true
		e = Event{Kind: Resync, At: e.At}
	}
	q.queue = append(q.queue, e)
	if q.ready != nil {
		close(q.ready)
		q.ready = nil
	}
}

// take gives the oldest event, or a channel that is closed once there is one.
func (q *events) take() (Event, <-chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.queue) == 0 {
		if q.ready == nil {
			q.ready = make(chan struct{})
		}
		return Event{}, q.ready
	}
	e := q.queue[0]
	if q.queue = q.queue[1:]; len(q.queue) == 0 {
		q.queue, q.full = nil, false
	}
	return e, nil
}

// Next gives the next event, in the order in which they came, or the error of ctx. It is for
// one subscriber. What he does not take is kept up to Options.Events; beyond that there is a
// Resync at its place: what he looks at after it is not older than what he missed.
func (c *Client) Next(ctx context.Context) (Event, error) {
	for {
		e, ready := c.events.take()
		if ready == nil {
			return e, nil
		}
		select {
		case <-ctx.Done():
			return Event{}, ctx.Err()
		case <-ready:
		}
	}
}
