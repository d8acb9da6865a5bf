package server

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/mux"
	"github.com/prometheus/client_golang/prometheus"
)

// A Check is one thing without which requests cannot be answered. It must not ask
// Telegram, Google or an ERP: their absence is no reason to take this replica out.
type Check struct {
	Name    string
	Timeout time.Duration // 2 s when 0
	Run     func(ctx context.Context) error
}

// Health answers whether the process lives and whether it is ready for requests.
type Health struct {
	Checks []Check
	Log    *slog.Logger
	Now    func() time.Time
	MaxAge time.Duration // how old a result may be, so that asking often costs nothing; 1 s when 0

	draining atomic.Bool
	once     sync.Once
	probes   []*probe
}

// OpsPaths are the paths that [MountOps] serves.
func OpsPaths() []string { return []string{"/healthz", "/livez", "/readyz", "/metrics"} }

// MountOps adds the paths for operators: /healthz and /livez (the process lives;
// nothing is asked), /readyz and /metrics. Without metrics the last stays unknown.
func MountOps(router *mux.Router, health *Health, metrics prometheus.Gatherer) {
	for _, path := range []string{"/healthz", "/livez"} {
		router.HandleFunc(path, health.Live).Methods(http.MethodGet, http.MethodHead)
	}
	router.HandleFunc("/readyz", health.Ready).Methods(http.MethodGet, http.MethodHead)
	if metrics != nil {
		router.Handle("/metrics", metricsHandler(metrics)).Methods(http.MethodGet, http.MethodHead)
	}
}

// Live answers 200 as long as the process can answer.
func (h *Health) Live(w http.ResponseWriter, _ *http.Request) {
	writeHealth(w, http.StatusOK, health{Status: "ok"})
}

// Ready answers 200 when every check passes and the server is not ending, else
// 503. Why a check fails is in the log only: anybody may ask here.
func (h *Health) Ready(w http.ResponseWriter, r *http.Request) {
	answer, status := health{Status: "ok", Checks: map[string]string{}}, http.StatusOK
	h.once.Do(func() {
		for _, check := range h.Checks {
			h.probes = append(h.probes, &probe{check: check, log: h.Log})
		}
	})
	running := make([]*run, 0, len(h.probes))
	for _, p := range h.probes {
		running = append(running, p.start(r.Context(), h.Now(), cmp.Or(h.MaxAge, time.Second)))
	}
	for i, p := range h.probes {
		answer.Checks[p.check.Name] = "ok"
		if p.wait(r.Context(), running[i]) != nil {
			answer.Checks[p.check.Name] = "failing"
			answer.Status, status = "not ready", http.StatusServiceUnavailable
		}
	}
	if h.draining.Load() {
		answer.Status, status = "draining", http.StatusServiceUnavailable
	}
	writeHealth(w, status, answer)
}

// drain is told by the server that it begins to end, or to serve.
func (h *Health) drain(ending bool) {
	if h != nil {
		h.draining.Store(ending)
	}
}

type health struct {
	Status string            `json:"status"`
	Checks map[string]string `json:"checks,omitempty"`
}

func writeHealth(w http.ResponseWriter, status int, answer health) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, status, answer)
}

// probe runs one check, never twice at once: a check that hangs must not pile up
// with every question.
type probe struct {
	check Check
	log   *slog.Logger

	mu      sync.Mutex
	latest  *run
	failing bool
}

// run is one run of a check.
type run struct {
	started time.Time
	done    chan struct{}
	err     error // when done
}

// start joins the run in hand or the one just done, or begins another.
func (p *probe) start(ctx context.Context, now time.Time, maxAge time.Duration) *run {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.latest != nil {
		select {
		case <-p.latest.done:
			if now.Sub(p.latest.started) < maxAge {
				return p.latest
			}
		default:
			return p.latest
		}
	}
	r := &run{started: now, done: make(chan struct{})}
	p.latest = r
	// Others may join the run, so it does not end with this request.
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.timeout())
	go func() {
		defer cancel()
		defer close(r.done)
		r.err = p.check.Run(bounded)
	}()
	return r
}

var errSlow = errors.New("took too long")

// wait gives the result of the run, and logs when it is another than the last one.
func (p *probe) wait(ctx context.Context, r *run) error {
	bounded, cancel := context.WithTimeout(ctx, p.timeout())
	defer cancel()
	err := errSlow
	select {
	case <-r.done:
		err = r.err
	case <-bounded.Done():
		if gone := ctx.Err(); gone != nil {
			return gone // who asked has left, which says nothing about the check
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if failing := err != nil; failing != p.failing {
		p.failing = failing
		if failing {
			p.log.WarnContext(ctx, "not ready", "check", p.check.Name, "error", err)
		} else {
			p.log.InfoContext(ctx, "ready again", "check", p.check.Name)
		}
	}
	return err
}

func (p *probe) timeout() time.Duration { return cmp.Or(p.check.Timeout, 2*time.Second) }
