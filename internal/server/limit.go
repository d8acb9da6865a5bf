package server

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

// mostHeaders is the most header lines that a request may have.
const mostHeaders = 100

// limitHeaders refuses requests with too many header lines; too many bytes are
// refused by [Server] before.
func limitHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		lines := 0
		for _, values := range r.Header {
			lines += len(values)
		}
		if lines > mostHeaders {
			refuse(w, r, Problem{Status: http.StatusRequestHeaderFieldsTooLarge, Code: "too_many_headers", Message: "The request has too many headers."})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// inFlight lets at most n requests in at once and refuses more with 503, without
// saying when to come again. Requests for one of the exempt paths are neither
// counted nor refused: give those a limit of their own, or none.
func inFlight(n int, exempt ...string) middleware {
	seats := make(chan struct{}, n)
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if slices.Contains(exempt, r.URL.EscapedPath()) {
				next.ServeHTTP(w, r)
				return
			}
			select {
			case seats <- struct{}{}:
				defer func() { <-seats }()
				next.ServeHTTP(w, r)
			default:
				refuse(w, r, Problem{
					Status: http.StatusServiceUnavailable, Code: "overloaded", Retryable: true,
					Message: "Too many requests are being answered right now. Try again later.",
				})
			}
		})
	}
}

// IsTooLarge reports whether reading a body ended at the limit of a
// http.MaxBytesReader.
func IsTooLarge(err error) bool {
	_, ok := errors.AsType[*http.MaxBytesError](err)
	return ok
}

// Extend gives a request longer than the server gives all, counted from now: read for
// the body of an upload, write for the answer of an upload or a long poll. A zero leaves
// what was. The read deadline is for bodies only: on a request without one it would end
// the context of the request. Deadlines are of the wall clock, whatever others there are.
func Extend(w http.ResponseWriter, r *http.Request, now time.Time, read, write time.Duration) {
	control := http.NewResponseController(w)
	// Not every writer has deadlines; one that has none has no limit to extend.
	if read > 0 && r.Body != http.NoBody {
		_ = control.SetReadDeadline(now.Add(read))
	}
	if write > 0 {
		_ = control.SetWriteDeadline(now.Add(write))
	}
}

// Limiter allows each key so many requests a second, and a burst after a pause.
// It remembers the keys used last; one that it has forgotten starts anew.
type Limiter struct {
	Rate  float64 // a second
	Burst int
	Keys  int // remembered; 10000 when 0
	Now   func() time.Time

	once    sync.Once
	buckets *lru.Cache[string, *rate.Limiter]
}

// Allow takes one request of the key, or says how long to wait until it may.
func (l *Limiter) Allow(key string) (ok bool, retryAfter time.Duration) {
	l.once.Do(func() {
		// New fails for a size below 1 only.
		l.buckets, _ = lru.New[string, *rate.Limiter](max(1, cmp.Or(l.Keys, 10_000)))
	})
	bucket, found := l.buckets.Get(key)
	if !found {
		bucket = rate.NewLimiter(rate.Limit(l.Rate), l.Burst)
		if earlier, lost, _ := l.buckets.PeekOrAdd(key, bucket); lost {
			bucket = earlier
		}
	}
	now := l.Now()
	reservation := bucket.ReserveN(now, 1)
	if !reservation.OK() {
		return false, time.Second // a burst of 0 allows nothing, ever
	}
	if wait := reservation.DelayFrom(now); wait > 0 {
		reservation.CancelAt(now)
		return false, wait
	}
	return true, 0
}

// Gate lets each key have at most Limit requests in hand.
type Gate struct {
	Limit int

	mu   sync.Mutex
	held map[string]int
}

// Enter takes a place for the key; when ok, call leave once at the end.
func (g *Gate) Enter(key string) (leave func(), ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.held[key] >= g.Limit {
		return func() {}, false
	}
	if g.held == nil {
		g.held = map[string]int{}
	}
	g.held[key]++
	return sync.OnceFunc(func() { g.leave(key) }), true
}

func (g *Gate) leave(key string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.held[key]--; g.held[key] == 0 {
		delete(g.held, key)
	}
}
