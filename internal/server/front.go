package server

import (
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/gorilla/mux"
)

// Front is everything between a listener and the routes. It wraps the router from
// outside, because a router runs its own middleware only where a route matched.
type Front struct {
	Router          *mux.Router // from NewRouter
	Log             *slog.Logger
	Now             func() time.Time
	Metrics         *Metrics       // may be nil
	TrustedProxies  []netip.Prefix // see Identify
	InFlight        int            // at once; 0 for no limit
	Exempt          []string       // paths that InFlight does not count, besides OpsPaths
	StrictTransport bool           // tell browsers to use https only from now on
}

// Handler puts the parts together, the outermost first.
func (f *Front) Handler() http.Handler {
	chain := []Middleware{
		Identify(f.TrustedProxies),
		SecurityHeaders,
		Observe(f.Log, f.Now, f.Metrics),
		Recover(f.Log),
		limitHeaders,
		CleanPaths,
	}
	if f.StrictTransport {
		chain = append(chain, strictTransport)
	}
	if f.InFlight > 0 {
		chain = append(chain, InFlight(f.InFlight, append(OpsPaths(), f.Exempt...)...))
	}
	var handler http.Handler = f.Router
	for _, wrap := range slices.Backward(chain) {
		handler = wrap(handler)
	}
	return handler
}

// SecurityHeaders sets what a browser must know unless a handler says otherwise:
// do not guess types, do not tell others where a link was clicked, show us in no
// frame.
func SecurityHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Content-Security-Policy", "frame-ancestors 'none'")
		next.ServeHTTP(w, r)
	})
}

func strictTransport(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Strict-Transport-Security", "max-age=31536000")
		next.ServeHTTP(w, r)
	})
}
