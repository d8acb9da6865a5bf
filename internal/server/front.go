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
	Router         *mux.Router // from NewRouter
	Log            *slog.Logger
	Now            func() time.Time
	Metrics        *Metrics       // may be nil
	TrustedProxies []netip.Prefix // who may name another caller; see Client
	InFlight       int            // at once; 0 for no limit
	Exempt         []string       // paths that InFlight does not count, besides OpsPaths
	// Say gives the text of a code in the language of the request, or nothing where it
	// has none: then, and where Say is nil, the front speaks English.
	Say func(r *http.Request, code string) string
}

// Handler puts the parts together, the outermost first.
func (f *Front) Handler() http.Handler {
	chain := []middleware{
		identify(f.TrustedProxies),
		speak(f.Say),
		securityHeaders,
		observe(f.Log, f.Now, f.Metrics),
		recoverPanics(f.Log),
		limitHeaders,
		cleanPaths,
	}
	if f.InFlight > 0 {
		chain = append(chain, inFlight(f.InFlight, append(OpsPaths(), f.Exempt...)...))
	}
	var handler http.Handler = f.Router
	for _, wrap := range slices.Backward(chain) {
		handler = wrap(handler)
	}
	return handler
}

// securityHeaders sets what a browser must know unless a handler says otherwise:
// do not guess types, do not tell others where a link was clicked, show us in no
// frame.
func securityHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Content-Security-Policy", "frame-ancestors 'none'")
		next.ServeHTTP(w, r)
	})
}

// speak lets the requests know who puts codes into words.
func speak(say func(*http.Request, string) string) middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			visitOf(r.Context()).say = say
			next.ServeHTTP(w, r)
		})
	}
}
