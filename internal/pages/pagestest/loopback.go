package pagestest

import (
	"net/http"
	"net/url"
	"sync"
	"testing"
)

// OnLoopback gives a fresh browser that keeps secure cookies over plain http, too, as real
// ones do on loopback.
func OnLoopback(tb testing.TB) *Browser {
	tb.Helper()
	return &Browser{tb: tb, Client: &http.Client{
		// No connection outlives its request: any server under test that closes would break it.
		Transport:     &http.Transport{DisableKeepAlives: true},
		Jar:           &jar{hosts: map[string]map[string]*http.Cookie{}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// jar keeps cookies by host and name, and knows no more rules.
type jar struct {
	mu    sync.Mutex
	hosts map[string]map[string]*http.Cookie
}

// SetCookies keeps what a host sets.
func (j *jar) SetCookies(u *url.URL, cookies []*http.Cookie) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.hosts[u.Host] == nil {
		j.hosts[u.Host] = map[string]*http.Cookie{}
	}
	for _, c := range cookies {
		if c.MaxAge < 0 {
			delete(j.hosts[u.Host], c.Name)
			continue
		}
		j.hosts[u.Host][c.Name] = c
	}
}

// Cookies gives what a host set.
func (j *jar) Cookies(u *url.URL) []*http.Cookie {
	j.mu.Lock()
	defer j.mu.Unlock()
	var out []*http.Cookie
	for _, c := range j.hosts[u.Host] {
		out = append(out, &http.Cookie{Name: c.Name, Value: c.Value})
	}
	return out
}
