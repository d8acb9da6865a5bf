package hook

import (
	"errors"
	"net/http"
	"time"
)

// key names one claim of one delivery.
type key struct {
	Endpoint string
	Pos      int64
	Lease    int64
}

func (c claimed) key() key { return key{c.Endpoint, c.Pos, c.Lease} }

// outcome is what becomes of a claimed delivery.
type outcome struct {
	claimed
	answer

	state    DeliveryState
	nextAt   time.Time
	laneHold time.Duration // nothing goes to the endpoint for so long
	unsent   bool          // no request was made: the claim is given back as if it had not been
}

// unsentOutcome gives a claim back.
func unsentOutcome(c claimed) outcome {
	return outcome{claimed: c, state: Due, nextAt: c.claimedAt, unsent: true}
}

// judge decides what an answer means. A busy receiver is left alone altogether; any
// other failure concerns this delivery alone, until there are many in a row.
func judge(c claimed, a answer) outcome {
	o := outcome{claimed: c, answer: a}
	at := o.endedAt()
	base := spread(pause(c.Attempt), c.Endpoint, c.Pos, c.Attempt)
	switch {
	case a.delivered():
		o.state, o.nextAt = Done, c.claimedAt
		return o
	case o.gone():
		base = 0 // nobody sends until somebody resumes the endpoint
	case busy(a.status):
		o.laneHold = hold(base, a.retryAfter, at)
	}
	o.state, o.nextAt = Due, at.Add(max(base, o.laneHold))
	if !o.gone() && at.Sub(c.DueSince) >= lifetime {
		o.state = Dead
	}
	return o
}

func busy(status int) bool {
	switch status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	default:
		return false
	}
}

// gone reports that the receiver wants no more of this.
func (o outcome) gone() bool { return o.answer.status == http.StatusGone }

// endedAt is when the request ended, by the clock that all replicas share.
func (o outcome) endedAt() time.Time { return o.claimedAt.Add(o.took) }

func (o outcome) settledAt() *time.Time {
	if o.state == Due {
		return nil
	}
	at := o.endedAt()
	return &at
}

func (o outcome) status() *int32 {
	if o.answer.status < 100 || o.answer.status > 999 {
		return nil
	}
	s := int32(o.answer.status)
	return &s
}

func (o outcome) text() *string {
	var text string
	switch {
	case o.err != nil:
		text = printable([]byte(o.err.Error()), longError)
	case o.delivered():
		return nil
	case o.answer.status >= 300 && o.answer.status <= 399:
		text = "redirects are not followed"
	default:
		text = "the receiver refused it"
	}
	return &text
}

func (o outcome) sample() *string {
	if o.answer.sample == "" {
		return nil
	}
	return &o.answer.sample
}

// unused is by how much the number of attempts goes back.
func (o outcome) unused() int32 {
	if o.unsent {
		return 1
	}
	return 0
}

// blocked reports that the receiver's name led to where webhooks must not go.
func (o outcome) blocked() bool { return errors.Is(o.err, ErrBlocked) }

// stopped reports that it was us who broke off.
func (o outcome) stopped() bool { return errors.Is(o.err, errStopped) }
