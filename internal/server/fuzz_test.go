package server_test

import (
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gorilla/mux"

	"countersign/internal/server"
)

// FuzzPathsArriveWholeOrNotAtAll: whatever stands in a request line, a handler
// sees values that no program could take for another path.
func FuzzPathsArriveWholeOrNotAtAll(f *testing.F) {
	for _, path := range []string{
		"/v1/sources/1c/documents/INV%2F7", "/v1/sources/a/documents/%2e%2e%2fx", "/static/..%5cx", "/meet/%252e", "//x", "/meet/;", "/meet/%00",
		"/v1/sources/a%2fb/documents/c?x=%2f", "http://h/meet/x", "/meet/%D0%97", "/meet/a#b", "/v1/sources/a/documents/...%2F....%5C",
	} {
		f.Add(path)
	}
	router := server.NewRouter("external_id")
	var reached *http.Request
	handler := func(_ http.ResponseWriter, r *http.Request) { reached = r }
	for _, path := range []string{"/v1/sources/{source}/documents/{external_id}", "/meet/{token}"} {
		router.HandleFunc(path, handler)
	}
	router.PathPrefix("/static/").HandlerFunc(handler)
	front := (&server.Front{Router: router, Log: slog.New(slog.DiscardHandler), Now: time.Now}).Handler()

	f.Fuzz(func(t *testing.T, target string) {
		u, err := url.ParseRequestURI(target)
		if err != nil {
			return // the standard library answers 400
		}
		reached = nil
		front.ServeHTTP(newRecorder(), &http.Request{Method: http.MethodGet, URL: u, RequestURI: target, Header: http.Header{}, ProtoMajor: 1})
		if reached == nil {
			return
		}
		if strings.Contains(reached.URL.Path, "//") && !strings.Contains(strings.ToLower(target), "%2f") || strings.Contains(reached.URL.Path, "\x00") {
			t.Errorf("%q reached a handler with the path %q", target, reached.URL.Path)
		}
		for _, part := range strings.FieldsFunc(reached.URL.Path, func(r rune) bool { return r == '/' || r == '\\' }) {
			if part == "." || part == ".." {
				t.Errorf("%q reached a handler with a dot segment", target)
			}
		}
		for name, value := range mux.Vars(reached) {
			if value == "" || !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl) || name != "external_id" && strings.ContainsAny(value, `/\`) {
				t.Errorf("%q reached a handler with %s = %q", target, name, value)
			}
		}
	})
}

// FuzzForwardedForNeverInventsACaller: the caller is the peer or one of the named
// addresses, and a trusted one only when there is nobody else to name.
func FuzzForwardedForNeverInventsACaller(f *testing.F) {
	for _, chain := range []string{"", "203.0.113.9", "1.2.3.4, 203.0.113.9, 10.1.1.1", "x,10.0.0.1", "::1%eth0", ",,,", "[2001:db8::1]", "10.0.0.1,"} {
		f.Add(chain)
	}
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	f.Fuzz(func(t *testing.T, chain string) {
		var got netip.Addr
		router := server.NewRouter()
		router.HandleFunc("/", func(_ http.ResponseWriter, r *http.Request) { got = server.Client(r.Context()) })
		handler := (&server.Front{Router: router, Log: slog.New(slog.DiscardHandler), Now: time.Now, TrustedProxies: trusted}).Handler()
		r := mustRequest(t, "/")
		r.RemoteAddr = "10.9.9.9:1"
		r.Header.Set("X-Forwarded-For", chain)
		handler.ServeHTTP(newRecorder(), r)
		named := []netip.Addr{netip.MustParseAddr("10.9.9.9")}
		for hop := range strings.SplitSeq(chain, ",") {
			if addr, err := netip.ParseAddr(strings.Trim(strings.TrimSpace(hop), "[]")); err == nil {
				named = append(named, addr.Unmap().WithZone(""))
			}
		}
		if !slices.Contains(named, got) {
			t.Errorf("%q made the caller %s", chain, got)
		}
	})
}
