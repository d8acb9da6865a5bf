package server

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gorilla/mux"
)

// How paths are read.
//
// The router matches the path as it was sent, escapes and all, and never repairs
// it: no dot segment is resolved, no double slash is folded, nothing is
// redirected. So a route is reached by its own spelling only, and an escape can
// stand in nothing but the value of a route variable. cleanPaths refuses what
// another program on the way might read differently; a value is unescaped exactly
// once, by the router of [NewRouter].
//
// The id of a document in the ERP may hold a slash. It is sent as %2F, and only
// the variables that NewRouter is told of may hold one (or a backslash, %5C);
// anywhere else the answer is 404. A proxy in front must hand the path on as it
// is (nginx: proxy_pass without a path).

// longestPath is far above any path of ours, and below what upsets proxies.
const longestPath = 2048

// cleanPaths refuses, with 400, paths that two programs might read differently:
// empty and dot segments, also escaped ones and those between escaped slashes;
// control characters and bad UTF-8; the signs ; # and \ unescaped; and what is
// escaped twice. An overlong path is 414.
func cleanPaths(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case len(r.URL.EscapedPath()) > longestPath:
			refuse(w, r, Problem{Status: http.StatusRequestURITooLong, Code: "path_too_long", Message: "The path is too long."})
		case !cleanPath(r):
			refuse(w, r, Problem{
				Status: http.StatusBadRequest, Code: "bad_path",
				Message: "The path is ambiguous: it has an empty or a dot segment, a control character or a sign that must be escaped.",
			})
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func cleanPath(r *http.Request) bool {
	sent, _, _ := strings.Cut(r.RequestURI, "?")
	path, ok := strings.CutPrefix(r.URL.EscapedPath(), "/")
	if !ok || strings.ContainsAny(sent, `;#\`) {
		return false
	}
	segments := strings.Split(path, "/")
	last := len(segments) - 1
	for i, segment := range segments {
		if segment == "" && i != last || !cleanSegment(segment) {
			return false
		}
	}
	return true
}

func cleanSegment(segment string) bool {
	text, err := url.PathUnescape(segment)
	if err != nil || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		return false
	}
	lower := strings.ToLower(text)
	for _, twice := range []string{"%2e", "%2f", "%5c", "%00"} {
		if strings.Contains(lower, twice) {
			return false
		}
	}
	for part := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == '/' || r == '\\' }) {
		if part == "." || part == ".." {
			return false
		}
	}
	return true
}

// NewRouter gives an empty router that matches paths as they were sent, unescapes
// the values of its variables, and answers with a [Problem] where it has no route
// or no method. Only the named variables may hold an escaped slash.
func NewRouter(slashVars ...string) *mux.Router {
	router := mux.NewRouter().UseEncodedPath().SkipClean(true)
	// The router forgets that only the method was wrong when a later route of the
	// same subrouter does not match, so both cases are told apart here.
	nowhere := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		methods := methodsOf(router, r)
		if len(methods) == 0 {
			notFound(w, r)
			return
		}
		w.Header().Set("Allow", strings.Join(methods, ", "))
		refuse(w, r, Problem{Status: http.StatusMethodNotAllowed, Code: "method_not_allowed", Message: "This path does not take this method."})
	})
	router.NotFoundHandler, router.MethodNotAllowedHandler = nowhere, nowhere
	router.Use(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if template, err := mux.CurrentRoute(r).GetPathTemplate(); err == nil {
				visitOf(r.Context()).setRoute(template)
			}
			vars, ok := unescapeVars(r, slashVars)
			if !ok {
				notFound(w, r)
				return
			}
			next.ServeHTTP(w, mux.SetURLVars(r, vars))
		})
	})
	return router
}

// unescapeVars gives the values as they were meant; false when a slash is escaped
// where none may be.
func unescapeVars(r *http.Request, slashVars []string) (map[string]string, bool) {
	slashes := escapedSlashes(r.URL.EscapedPath())
	vars := map[string]string{}
	for name, sent := range mux.Vars(r) {
		value, err := url.PathUnescape(sent)
		if err != nil {
			return nil, false
		}
		if slices.Contains(slashVars, name) {
			slashes -= escapedSlashes(sent)
		}
		vars[name] = value
	}
	return vars, slashes == 0
}

func escapedSlashes(path string) int {
	path = strings.ToLower(path)
	return strings.Count(path, "%2f") + strings.Count(path, "%5c")
}

// methodsOf lists the methods that the path of the request does take.
func methodsOf(router *mux.Router, r *http.Request) []string {
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions} {
		probe := *r
		probe.Method = method
		var match mux.RouteMatch
		if router.Match(&probe, &match) && match.MatchErr == nil {
			allowed = append(allowed, method)
		}
	}
	return allowed
}

// notFound answers that there is nothing here.
func notFound(w http.ResponseWriter, r *http.Request) {
	refuse(w, r, Problem{Status: http.StatusNotFound, Code: "not_found", Message: "There is nothing at this path."})
}
