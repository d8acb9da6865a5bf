package hook

import (
	"fmt"
	"hash/fnv"
	"net/http"
	"strconv"
	"time"
)

// lifetime is how long a delivery is tried before it is given up and shown as dead. A
// long weekend must not lose a payment.
const lifetime = 7 * 24 * time.Hour

// longestHold bounds what a receiver may ask for with Retry-After.
const longestHold = time.Hour

// pause gives the wait after the attempt with this number, counted from 1.
func pause(attempt int) time.Duration {
	steps := [...]time.Duration{
		5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute,
		time.Hour, 2 * time.Hour, 4 * time.Hour, 6 * time.Hour,
	}
	switch {
	case attempt < 1:
		return 0
	case attempt <= len(steps):
		return steps[attempt-1]
	default:
		return 8 * time.Hour
	}
}

// spread moves a wait by up to a fifth, the same way for the same attempt of the same
// delivery, so that what failed together does not come back together.
func spread(wait time.Duration, endpoint string, pos int64, attempt int) time.Duration {
	sum := fnv.New32a()
	_, _ = fmt.Fprintf(sum, "%s %d %d", endpoint, pos, attempt)
	part := float64(sum.Sum32()%4001)/10000 - 0.2
	return wait + time.Duration(part*float64(wait))
}

// hold gives how long a busy receiver is left alone: what it asks for, but no less than
// the wait that is due anyway, no more than twice that, and at most an hour.
func hold(base time.Duration, retryAfter string, now time.Time) time.Duration {
	asked := base
	if seconds, err := strconv.ParseInt(retryAfter, 10, 32); err == nil {
		asked = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(retryAfter); err == nil {
		asked = at.Sub(now)
	}
	return min(max(asked, base), 2*base, longestHold)
}
