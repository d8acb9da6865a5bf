package main

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"countersign/internal/config"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/locale/localetest"
	"countersign/internal/meet"
	"countersign/internal/notice"
	"countersign/internal/pages"
	"countersign/internal/server"
)

// hall is the page of meetings behind its limits, at a moment that does not pass.
type hall struct {
	t      *testing.T
	web    *httptest.Server
	now    time.Time
	cookie *http.Cookie
}

func newHall(t *testing.T) *hall {
	t.Helper()
	h := &hall{t: t, now: time.Now()}
	b := ledgertest.Empty(t)
	log := slog.New(slog.DiscardHandler)
	router := server.NewRouter()
	h.web = httptest.NewServer((&server.Front{Router: router, Log: log, Now: time.Now, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}).Handler())
	t.Cleanup(h.web.Close)
	d := meetDesk(config.Config{}, nil)
	d.Store, d.Directory = &meet.Store{Pool: b.Pool, Notices: &notice.Store{Pool: b.Pool}}, b.Directory
	d.Texts, d.Now, d.Log, d.PublicURL = localetest.Texts(t), time.Now, log, h.web.URL
	limitMeetings(d, func() time.Time { return h.now })
	if err := d.Mount(router); err != nil {
		t.Fatal(err)
	}
	note := httptest.NewRecorder()
	pages.Keep(note, "__Host-meet", pages.NewSeed(), time.Hour)
	h.cookie = note.Result().Cookies()[0]
	return h
}

// asks makes a request of somebody at an address, in his language.
func (h *hall) asks(method, path, address, lang string) (status int, text string) {
	h.t.Helper()
	r, err := http.NewRequestWithContext(h.t.Context(), method, h.web.URL+path, strings.NewReader("name=Ann"))
	if err != nil {
		h.t.Fatal(err)
	}
	for name, value := range map[string]string{
		"X-Forwarded-For": address, "Accept-Language": lang, "Sec-Fetch-Site": "same-origin", "Content-Type": "application/x-www-form-urlencoded", "Cookie": h.cookie.Name + "=" + h.cookie.Value,
	} {
		r.Header.Set(name, value)
	}
	resp, err := h.web.Client().Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// One address may ask sixty times at once, and two times a second then; whoever comes from
// another is not affected.
func TestAddressThatAsksForMeetingsTooOftenIsToldInItsLanguage(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	const link = "/meet/AAAAAAAAAAAAAAAAAAAAAAAAAA"
	const burst = 60
	for i := range burst {
		if status, _ := h.asks(http.MethodGet, link, "203.0.113.7", "ru"); status != http.StatusNotFound {
			t.Fatalf("request %d: %d", i+1, status)
		}
	}
	for lang, words := range map[string]string{"en": "Too many tries", "ru": "Слишком много попыток", "de": "Zu viele Versuche", "es": "Demasiados intentos"} {
		for _, ask := range [][2]string{{http.MethodGet, link}, {http.MethodPost, link + "/join"}, {http.MethodPost, link + "/beat"}} {
			if status, text := h.asks(ask[0], ask[1], "203.0.113.7", lang); status != http.StatusTooManyRequests || !strings.Contains(text, words) {
				t.Errorf("%s %s in %s: %d %.300s", ask[0], ask[1], lang, status, text)
			}
		}
	}
	if status, _ := h.asks(http.MethodGet, link, "203.0.113.8", "ru"); status != http.StatusNotFound {
		t.Errorf("another address: %d", status)
	}
	h.now = h.now.Add(time.Second)
	for range 2 {
		if status, _ := h.asks(http.MethodGet, link, "203.0.113.7", "ru"); status != http.StatusNotFound {
			t.Errorf("a second later: %d", status)
		}
	}
	if status, _ := h.asks(http.MethodGet, link, "203.0.113.7", "ru"); status != http.StatusTooManyRequests {
		t.Errorf("and once more: %d", status)
	}
}

// All whom the widest link is for may come at once, and once again; who is one too many is
// asked to wait, and those of another link are not.
func TestLinkThatIsTriedTooOftenIsToldInItsLanguage(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	const link, other = "/meet/AAAAAAAAAAAAAAAAAAAAAAAAAA/join", "/meet/BBBBBBBBBBBBBBBBBBBBBBBBBB/join"
	for i := range 2 * meet.MaxPlaces {
		if status, text := h.asks(http.MethodPost, link, fmt.Sprintf("198.51.100.%d", i+1), "en"); status != http.StatusNotFound {
			t.Fatalf("try %d: %d %s", i+1, status, text)
		}
	}
	if status, text := h.asks(http.MethodPost, link, "203.0.113.7", "ru"); status != http.StatusTooManyRequests || !strings.Contains(text, "Слишком много попыток") {
		t.Errorf("one too many: %d %s", status, text)
	}
	if status, _ := h.asks(http.MethodPost, other, "203.0.113.7", "ru"); status != http.StatusNotFound {
		t.Errorf("by another link: %d", status)
	}
}
