package server_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/mux"
	"github.com/prometheus/client_golang/prometheus"

	"countersign/internal/server"
)

func newRecorder() *httptest.ResponseRecorder { return httptest.NewRecorder() }

func mustRequest(t *testing.T, path string) *http.Request {
	t.Helper()
	return httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody)
}

func problemOf(t *testing.T, a answer) server.Problem {
	t.Helper()
	var p server.Problem
	if a.header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("the answer is %q, no problem: %s", a.header.Get("Content-Type"), a.body)
		return p
	}
	if err := json.Unmarshal([]byte(a.body), &p); err != nil {
		t.Error(err)
	}
	if p.RequestID == "" || p.RequestID != a.header.Get("X-Request-Id") || p.Status != a.status || p.Type == "" || p.Title == "" || p.Message == "" {
		t.Errorf("the problem is not whole: %s", a.body)
	}
	return p
}

// echo says which route was reached with which variables.
func echo(router *mux.Router) {
	say := func(w http.ResponseWriter, r *http.Request) {
		template, _ := mux.CurrentRoute(r).GetPathTemplate()
		fmt.Fprintf(w, "%s %q", template, mux.Vars(r))
	}
	for _, path := range []string{
		"/", "/console", "/v1/sources/{source}/documents/{external_id}", "/v1/sources/{source}/documents/{external_id}/decision", "/meet/{token}",
	} {
		router.HandleFunc(path, say).Methods(http.MethodGet)
	}
	router.PathPrefix("/static/").HandlerFunc(say)
	sub := router.PathPrefix("/admin").Subrouter()
	sub.HandleFunc("/users", say).Methods(http.MethodGet)
}

func TestPathTricksReachNoHandler(t *testing.T) {
	t.Parallel()
	r := front(t, &server.Front{}, echo)
	for _, path := range []string{
		"/../console", "/./console", "/v1/../console", "/console/..", "/console/.", "/static/../console", "/static/../../etc/passwd",
		"/%2e%2e/console", "/%2E%2e/console", "/.%2e/console", "/static/%2e%2e/console", "/static/%2e%2e%2fconsole", "/static/..%2f..%2fconsole",
		"/static/..%5c..%5cconsole", `/static/..\..\console`, `/\console`, "/static/%252e%252e/console", "/static/%252e%252e%252fconsole", "/meet/%252e%252e%252fx",
		"//console", "//evil.test/console", "/v1//sources/a/documents/b", "/console//", "/static//x", "///",
		"/console%00", "/console%00.html", "/%00", "/meet/a%00b", "/meet/a%2500b", "/meet/a%0d%0aX-Evil:%201", "/meet/a%7fb", "/meet/a%C2%85b",
		"/console;x=1", "/;/console", "/console;/../admin", "/meet/a;b", "/console#x", "/#/console",
		"/console%2f", "/%2fconsole", "/console%2fx", "/admin%2fusers", "/static%2fx", "/static/a%2fb", "/static/a%5cb", "/meet/a%2Fb", "/meet/a%5Cb",
		"/v1/sources/a%2fb/documents/c", "/v1/sources/a/documents/..%2f..%2fx", "/v1/sources/a/documents/%2e%2e", "/v1/sources/a/documents/.",
		"/v1/sources/a/documents/x%2F..%2Fy", "/v1/sources/a/documents/x%5C..%5Cy", "/v1/sources/a/documents/%252e%252e%252fx", "/v1/sources/a/documents/%ff", "/v1/sources/a/documents/",
		"/%63onsole", "/c%6Fnsole", "/CONSOLE", "/console/", "/Admin/users", "/admin/%75sers", "/v1%2Fsources/a/documents/b",
		"/" + strings.Repeat("a", 3000), "*",
	} {
		got := send(t, r.addr, "GET "+path)
		if got.status != 400 && got.status != 404 && got.status != 414 {
			t.Errorf("%.60s: %d %s %s", path, got.status, got.header.Get("Location"), got.body)
		}
		if strings.Contains(got.body, "map[") {
			t.Errorf("%.60s reached a handler: %s", path, got.body)
		}
	}
}

func TestIdsOfTheERPArriveAsTheyAre(t *testing.T) {
	t.Parallel()
	r := front(t, &server.Front{}, echo)
	for sent, meant := range map[string]string{
		"PR-1": "PR-1", "INV%2F2026%2F7": "INV/2026/7", "a%5Cb": `a\b`, "%D0%97%D0%B0%D1%8F%D0%B2%D0%BA%D0%B0%20%E2%84%967": "Заявка №7",
		"Заявка": "Заявка", "50%25": "50%", "a%3Bb": "a;b", "a%23b": "a#b", "a%3Fb": "a?b", "a+b": "a+b", "a:b@c,d=e": "a:b@c,d=e", "..a": "..a", "a..": "a..", "...": "...", "%7Bid%7D": "{id}",
	} {
		for _, tail := range []string{"", "/decision"} {
			want := "/v1/sources/{source}/documents/{external_id}" + tail + fmt.Sprintf(" %q", map[string]string{"external_id": meant, "source": "1c"})
			if got := send(t, r.addr, "GET /v1/sources/1c/documents/"+sent+tail); got.status != http.StatusOK || got.body != want {
				t.Errorf("%s%s: %d %s, want %s", sent, tail, got.status, got.body, want)
			}
		}
	}
	if got := send(t, r.addr, "GET http://gate.test/console"); got.status != http.StatusOK {
		t.Errorf("the absolute form of a request: %d", got.status)
	}
}

func TestAPathIsNeverRedirected(t *testing.T) {
	t.Parallel()
	r := front(t, &server.Front{}, echo)
	for _, path := range []string{"/console/", "//console", "/x/../console", "/admin/users/", "/admin", "/static"} {
		if got := send(t, r.addr, "GET "+path); got.status >= 300 && got.status < 400 || got.header.Get("Location") != "" {
			t.Errorf("%s is sent on to %q", path, got.header.Get("Location"))
		}
	}
}

func TestARouterWithoutAFrontRedirectsNothingEither(t *testing.T) {
	t.Parallel()
	router := server.NewRouter()
	echo(router)
	for _, path := range []string{"//console", "/x/../console", "/console/", "/./console"} {
		rec := newRecorder()
		router.ServeHTTP(rec, mustRequest(t, path))
		if rec.Code != http.StatusNotFound {
			t.Errorf("%s: %d to %q", path, rec.Code, rec.Header().Get("Location"))
		}
	}
}

func TestNoRouteAndNoMethodAreProblemsToo(t *testing.T) {
	t.Parallel()
	var seen []string
	router := server.NewRouter()
	r := front(t, &server.Front{Router: router}, func(router *mux.Router) {
		api := router.PathPrefix("/v1").Subrouter()
		api.Use(func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				seen = append(seen, r.Method)
				next.ServeHTTP(w, r)
			})
		})
		ok := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }
		api.HandleFunc("/things/{id}", ok).Methods(http.MethodGet)
		api.HandleFunc("/things/{id}", ok).Methods(http.MethodPut)
		api.HandleFunc("/other", ok).Methods(http.MethodPost)
	})
	for _, c := range []struct {
		request, code, allow string
		status               int
	}{
		{"GET /nothing", "not_found", "", 404},
		{"GET /v1/nothing", "not_found", "", 404},
		{"DELETE /v1/things/1", "method_not_allowed", "GET, PUT", 405},
		{"XYZZY /v1/things/1", "method_not_allowed", "GET, PUT", 405},
		{"GET /v1/other", "method_not_allowed", "POST", 405},
	} {
		got := send(t, r.addr, c.request)
		p := problemOf(t, got)
		if got.status != c.status || p.Code != c.code || got.header.Get("Allow") != c.allow || p.Type != "urn:countersign:problem:"+c.code {
			t.Errorf("%s: %d %s, Allow %q", c.request, got.status, got.body, got.header.Get("Allow"))
		}
		if got.header.Get("X-Content-Type-Options") != "nosniff" || got.header.Get("Referrer-Policy") != "no-referrer" ||
			got.header.Get("Content-Security-Policy") != "frame-ancestors 'none'" {
			t.Errorf("%s: the security headers are missing: %v", c.request, got.header)
		}
	}
	for _, method := range []string{"GET", "PUT"} {
		if got := send(t, r.addr, method+" /v1/things/1"); got.status != http.StatusNoContent {
			t.Errorf("%s: %d", method, got.status)
		}
	}
	if diff := cmp.Diff([]string{"GET", "PUT"}, seen); diff != "" {
		t.Errorf("the middleware of the group saw (-want +got)\n%s", diff)
	}
}

func TestLimitCountsANetworkAsOneCaller(t *testing.T) {
	t.Parallel()
	r := front(t, &server.Front{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, func(router *mux.Router) {
		router.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, server.Network(r.Context())) })
	})
	for address, want := range map[string]string{
		"203.0.113.9": "203.0.113.9", "203.0.113.8": "203.0.113.8", "::ffff:203.0.113.9": "203.0.113.9", "2001:db8:1:2::5": "2001:db8:1:2::/64",
		"2001:db8:1:2:ffff::9": "2001:db8:1:2::/64", "2001:db8:1:3::5": "2001:db8:1:3::/64",
	} {
		if got := send(t, r.addr, "GET /", "X-Forwarded-For: "+address); got.body != want {
			t.Errorf("%s is counted as %s, want %s", address, got.body, want)
		}
	}
}

func TestForwardedHeadersCountFromTrustedProxiesOnly(t *testing.T) {
	t.Parallel()
	say := func(router *mux.Router) {
		router.HandleFunc("/who", func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "%s %s", server.Client(r.Context()), r.Method)
		})
		router.HandleFunc("/admin", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "admin") })
	}
	trusting := front(t, &server.Front{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")}}, say)
	wary := front(t, &server.Front{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}, say)
	for _, c := range []struct {
		name, headers, trusting string
	}{
		{"none", "", "127.0.0.1 GET"},
		{"one hop", "X-Forwarded-For: 203.0.113.9|X-Forwarded-Proto: https", "203.0.113.9 GET"},
		{"forged before a real hop", "X-Forwarded-For: 1.2.3.4, 203.0.113.9", "203.0.113.9 GET"},
		{"two lines", "X-Forwarded-For: 1.2.3.4|X-Forwarded-For: 203.0.113.9", "203.0.113.9 GET"},
		{"through two proxies", "X-Forwarded-For: 203.0.113.9, 10.1.1.1", "203.0.113.9 GET"},
		{"only proxies", "X-Forwarded-For: 10.2.2.2, 10.1.1.1", "10.2.2.2 GET"},
		{"rubbish before a proxy", "X-Forwarded-For: <script>, 10.1.1.1", "10.1.1.1 GET"},
		{"rubbish", "X-Forwarded-For: unknown", "127.0.0.1 GET"},
		{"with a port", "X-Forwarded-For: 203.0.113.9:1234", "127.0.0.1 GET"},
		{"IPv6", "X-Forwarded-For: [2001:db8::7]", "2001:db8::7 GET"},
		{"IPv4 inside IPv6", "X-Forwarded-For: ::ffff:203.0.113.9", "203.0.113.9 GET"},
		{"very many hops", "X-Forwarded-For: 1.2.3.4" + strings.Repeat(",10.1.1.1", 5000/9), "10.1.1.1 GET"},
		{"other headers", "X-Real-Ip: 1.2.3.4|Forwarded: for=1.2.3.4|True-Client-Ip: 1.2.3.4", "127.0.0.1 GET"},
		{"replaced path and method", "X-Original-URL: /admin|X-Rewrite-Url: /admin|X_Forwarded_Uri: /admin|X-HTTP-Method-Override: DELETE|X-Method-Override: DELETE", "127.0.0.1 GET"},
	} {
		lines := append([]string{"GET /who"}, strings.FieldsFunc(c.headers, func(r rune) bool { return r == '|' })...)
		if got := send(t, trusting.addr, lines...); got.body != c.trusting {
			t.Errorf("%s, peer trusted: %q, want %q", c.name, got.body, c.trusting)
		}
		if got := send(t, wary.addr, lines...); got.body != "127.0.0.1 GET" {
			t.Errorf("%s, peer not trusted: %q", c.name, got.body)
		}
	}
}

func TestClaimsOfStrangersReachNoHandler(t *testing.T) {
	t.Parallel()
	list := func(router *mux.Router) {
		router.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
			for name := range r.Header {
				fmt.Fprint(w, strings.ToLower(name)+" ")
			}
		})
	}
	headers := []string{
		"GET /", "X-Forwarded-For: 1.2.3.4", "X-Forwarded-Host: evil.test", "X_Forwarded_For: 1.2.3.4", "Forwarded: for=1.2.3.4", "X-Real-IP: 1.2.3.4",
		"X-Original-URL: /x", "X_Forwarded_Uri: /x", "X-HTTP-Method-Override: PUT", "X-Request-Id: abcdefgh12", "X-Kept: 1",
	}
	stranger := send(t, front(t, &server.Front{}, list).addr, headers...)
	proxy := send(t, front(t, &server.Front{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}, list).addr, headers...)
	if !strings.Contains(stranger.body, "x-kept") || strings.Contains(stranger.body, "forwarded") || strings.Contains(stranger.body, "real") ||
		strings.Contains(stranger.body, "original") || strings.Contains(stranger.body, "override") || strings.Contains(stranger.body, "request-id") {
		t.Errorf("a stranger's headers arrive: %s", stranger.body)
	}
	if !strings.Contains(proxy.body, "x-forwarded-for") || strings.Contains(proxy.body, "original") || strings.Contains(proxy.body, "uri") || strings.Contains(proxy.body, "override") {
		t.Errorf("a proxy's headers arrive: %s", proxy.body)
	}
}

func TestRequestIdsAreOursUnlessAProxyGivesASaneOne(t *testing.T) {
	t.Parallel()
	say := func(router *mux.Router) {
		router.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, server.RequestID(r.Context())) })
	}
	trusting := front(t, &server.Front{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}, say)
	wary := front(t, &server.Front{}, say)
	seen := map[string]bool{}
	for _, c := range []struct {
		addr, id string
		kept     bool
	}{
		{trusting.addr, "proxy-id.0001_a", true},
		{trusting.addr, "short", false},
		{trusting.addr, "has space in it", false},
		{trusting.addr, `quote"quote"quote`, false},
		{trusting.addr, strings.Repeat("a", 65), false},
		{trusting.addr, "", false},
		{wary.addr, "proxy-id.0001_a", false},
	} {
		got := send(t, c.addr, "GET /", "X-Request-Id: "+c.id)
		if got.body != got.header.Get("X-Request-Id") {
			t.Errorf("%q: the handler sees %q, the caller %q", c.id, got.body, got.header.Get("X-Request-Id"))
		}
		if (got.body == c.id) != c.kept || !c.kept && !strings.HasPrefix(got.body, "req_") || seen[got.body] {
			t.Errorf("%q became %q", c.id, got.body)
		}
		seen[got.body] = true
	}
}

func TestTheLogNamesRoutesAndNeverPathsOrQueries(t *testing.T) {
	t.Parallel()
	r := front(t, &server.Front{}, func(router *mux.Router) {
		router.HandleFunc("/meet/{token}", func(w http.ResponseWriter, r *http.Request) {
			server.Note(r.Context(), slog.String("key_id", "key_7"))
			w.WriteHeader(http.StatusTeapot)
			fmt.Fprint(w, "12345")
		})
		server.MountOps(router, &server.Health{}, prometheus.NewRegistry())
	})
	got := send(t, r.addr, "GET /meet/s3cret?code=s3cret&state=s3cret", "Cookie: a=s3cret", "Authorization: Bearer s3cret", "Referer: https://x.test/s3cret", "User-Agent: browser/1")
	send(t, r.addr, "XYZZY /nowhere/s3cret")
	send(t, r.addr, "GET /healthz")
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	text := r.log.String()
	if strings.Contains(text, "s3cret") {
		t.Errorf("the log shows a secret: %s", text)
	}
	type line struct {
		Level     string `json:"level"`
		Msg       string `json:"msg"`
		Method    string `json:"method"`
		Route     string `json:"route"`
		Client    string `json:"client"`
		Status    int    `json:"status"`
		Bytes     int    `json:"bytes"`
		RequestID string `json:"request_id"`
		KeyID     string `json:"key_id"`
		UserAgent string `json:"user_agent"`
	}
	var lines []line
	for text := range strings.Lines(text) {
		var l line
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatal(err)
		}
		if l.RequestID == "" {
			t.Errorf("no request id: %s", text)
		}
		if len(lines) > 0 {
			l.RequestID = ""
		}
		lines = append(lines, l)
	}
	want := []line{
		{"INFO", "request", "GET", "/meet/{token}", "127.0.0.1", 418, 5, got.header.Get("X-Request-Id"), "key_7", "browser/1"},
		{"INFO", "request", "OTHER", "unmatched", "127.0.0.1", 404, 0, "", "", ""},
		{"DEBUG", "request", "GET", "/healthz", "127.0.0.1", 200, 16, "", "", ""},
	}
	if len(lines) == 3 {
		want[1].Bytes = lines[1].Bytes
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestAPanicIsAProblemWithItsId(t *testing.T) {
	t.Parallel()
	r := front(t, &server.Front{}, func(router *mux.Router) {
		router.HandleFunc("/before", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "3")
			w.Header().Set("ETag", `"x"`)
			panic("boom")
		})
		router.HandleFunc("/within", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "10")
			fmt.Fprint(w, "half")
			_ = http.NewResponseController(w).Flush()
			panic("boom")
		})
		router.HandleFunc("/written", func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, "half")
			panic("boom")
		})
		router.HandleFunc("/abort", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
		router.HandleFunc("/bug", func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, r.TLS.ServerName) // there is no TLS here
		})
	})
	for _, path := range []string{"/before", "/bug"} {
		got := send(t, r.addr, "GET "+path)
		if p := problemOf(t, got); got.status != 500 || p.Code != "internal" || !p.Retryable || got.header.Get("ETag") != "" {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
		if strings.Contains(got.body, "boom") {
			t.Errorf("%s shows the cause: %s", path, got.body)
		}
		if !strings.Contains(r.log.String(), got.header.Get("X-Request-Id")) {
			t.Errorf("%s: the log does not know the id", path)
		}
	}
	for _, path := range []string{"/within", "/written", "/abort"} {
		conn := dial(t, r.addr)
		if _, err := io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: gate\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(conn)
		if err != nil || strings.Contains(string(body), "problem") || strings.HasSuffix(string(body), "half12") {
			t.Errorf("%s: not cut: %q %v", path, body, err)
		}
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	if log := r.log.String(); strings.Count(log, "handler panicked") != 4 || !strings.Contains(log, "boom") || strings.Count(log, `"status":500`) != 5 {
		t.Errorf("the log says %s", log)
	}
}
