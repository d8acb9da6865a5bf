package telegram_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/internal/telegram"
	"countersign/internal/telegram/telegramtest"
)

func TestOutcomesSayWhatToDo(t *testing.T) {
	t.Parallel()
	s, c := world(t)
	send := func() error { _, err := c.Send(t.Context(), telegram.Outgoing{ChatID: anna, Text: "x"}); return err }
	edit := func() error { return c.EditText(t.Context(), telegram.Edit{ChatID: anna, MessageID: 1, Text: "x"}) }
	for name, tc := range map[string]struct {
		fault      telegramtest.Fault
		send, edit telegram.Kind
	}{
		"502 page":        {telegramtest.BadGateway(), telegram.Unknown, telegram.Transient},
		"500":             {telegramtest.Refuse(500, "Internal Server Error"), telegram.Unknown, telegram.Transient},
		"redirect":        {telegramtest.Fault{Status: 307}, telegram.Config, telegram.Config},
		"login page":      {telegramtest.Fault{Status: 200, Body: "<html>Log in</html>"}, telegram.Unknown, telegram.Transient},
		"foreign 403":     {telegramtest.Fault{Status: 403, Body: "<html>blocked</html>"}, telegram.Config, telegram.Config},
		"foreign 413":     {telegramtest.Fault{Status: 413, Body: "<html>"}, telegram.TooLarge, telegram.TooLarge},
		"foreign 429":     {telegramtest.Fault{Status: 429}, telegram.RateLimited, telegram.RateLimited},
		"empty 200":       {telegramtest.Fault{Status: 200}, telegram.Unknown, telegram.Transient},
		"other JSON":      {telegramtest.Fault{Status: 200, Body: `{"hello":1}`}, telegram.Unknown, telegram.Transient},
		"revoked":         {telegramtest.Refuse(401, "Unauthorized"), telegram.Config, telegram.Config},
		"blocked":         {telegramtest.Refuse(403, "Forbidden: bot was blocked by the user"), telegram.Unreachable, telegram.Unreachable},
		"bad entities":    {telegramtest.Refuse(400, "Bad Request: can't parse entities: x"), telegram.BadEntities, telegram.BadEntities},
		"refused as 200":  {telegramtest.Fault{Status: 200, Body: `{"ok":false,"error_code":400,"description":"Bad Request: chat not found"}`}, telegram.Unreachable, telegram.Unreachable},
		"closed too soon": {telegramtest.Drop(), telegram.Unknown, telegram.Transient},
	} {
		always := func(method string, do func() error) error {
			end := s.FailAlways(method, tc.fault)
			defer end()
			return do()
		}
		if err := always("sendMessage", send); telegram.KindOf(err) != tc.send {
			t.Errorf("%s: send %v, want %v", name, err, tc.send)
		}
		if err := always("editMessageText", edit); telegram.KindOf(err) != tc.edit {
			t.Errorf("%s: edit %v, want %v", name, err, tc.edit)
		}
	}
}

func TestWaitAndNewChatIDAreHandedOn(t *testing.T) {
	t.Parallel()
	s, c := world(t)
	send := func() *telegram.Error {
		_, err := c.Send(t.Context(), telegram.Outgoing{ChatID: group, Text: "x"})
		e, ok := errors.AsType[*telegram.Error](err)
		if !ok {
			t.Fatalf("error %v", err)
		}
		return e
	}
	for fault, want := range map[string]struct {
		f telegramtest.Fault
		d time.Duration
	}{
		"plain":   {telegramtest.TooMany(35), 35 * time.Second},
		"no time": {telegramtest.Refuse(429, "Too Many Requests"), time.Second},
		"text":    {telegramtest.Refuse(429, "Too Many Requests: retry after 12"), 12 * time.Second},
		"absurd":  {telegramtest.Refuse(429, "Too Many Requests: retry after 99999999999999999999"), 7 * 24 * time.Hour},
	} {
		s.FailNext("sendMessage", want.f)
		if e := send(); e.Kind != telegram.RateLimited || e.RetryAfter != want.d {
			t.Errorf("%s: %v, wait %v", fault, e, e.RetryAfter)
		}
	}
	must(t, s.Migrate(group, -100777))
	if e := send(); e.Kind != telegram.Migrated || e.MigrateTo != -100777 {
		t.Errorf("%+v", e)
	}
}

func TestLostAnswerOfASendIsUnknownAndItIsNotSentTwice(t *testing.T) {
	t.Parallel()
	s, c := world(t)
	for range 3 { // over kept-alive connections too
		_, err := c.GetMe(t.Context())
		must(t, err)
		before := len(s.Messages(anna))
		s.FailNext("sendMessage", telegramtest.Lose())
		_, err = c.Send(t.Context(), telegram.Outgoing{ChatID: anna, Text: "x"})
		if telegram.KindOf(err) != telegram.Unknown {
			t.Errorf("lost answer: %v", err)
		}
		if n := len(s.Messages(anna)) - before; n != 1 {
			t.Errorf("%d messages", n)
		}
	}
}

func TestLateAnswerIsUnknownForASendAndTransientForAnEdit(t *testing.T) {
	t.Parallel()
	s, c := world(t)
	hold := make(chan struct{})
	defer close(hold)
	for method, want := range map[string]telegram.Kind{"sendMessage": telegram.Unknown, "editMessageText": telegram.Transient} {
		s.FailNext(method, telegramtest.Delay(hold))
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			_ = s.WaitFor(t.Context(), func() bool { return len(s.CallsOf(method)) == 1 })
			cancel()
		}()
		var err error
		if method == "sendMessage" {
			_, err = c.Send(ctx, telegram.Outgoing{ChatID: anna, Text: "x"})
		} else {
			err = c.EditText(ctx, telegram.Edit{ChatID: anna, MessageID: 1, Text: "x"})
		}
		if telegram.KindOf(err) != want || !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want %v", method, err, want)
		}
	}
}

func TestWhatWasNeverSentIsTransient(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	address := listener.Addr().String()
	listener.Close()
	for name, o := range map[string]telegram.Options{
		"refused":       {APIURL: "http://" + address},
		"no such host":  {APIURL: "http://bot-api.invalid"},
		"refused proxy": {APIURL: "http://bot-api.invalid", Proxy: "http://" + address},
		"refused socks": {APIURL: "http://bot-api.invalid", Proxy: "socks5://" + address},
	} {
		_, err := client(t, o).Send(t.Context(), telegram.Outgoing{ChatID: 1, Text: "x"})
		if telegram.KindOf(err) != telegram.Transient || strings.Contains(err.Error(), "secret_token") {
			t.Errorf("%s: %v", name, err)
		}
	}
	tls := httptest.NewUnstartedServer(http.NotFoundHandler())
	tls.Config.ErrorLog = log.New(io.Discard, "", 0)
	tls.StartTLS()
	defer tls.Close()
	if _, err := client(t, telegram.Options{APIURL: tls.URL}).GetMe(t.Context()); telegram.KindOf(err) != telegram.Config {
		t.Errorf("unknown certificate: %v", err)
	}
}

func TestTokenIsInNoError(t *testing.T) {
	t.Parallel()
	// A server that throws the whole address back, in every place an error could take it from.
	mode := make(chan func(w http.ResponseWriter, r *http.Request), 1)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (<-mode)(w, r) }))
	defer s.Close()
	c := client(t, telegram.Options{APIURL: s.URL})
	for name, answer := range map[string]func(w http.ResponseWriter, r *http.Request){
		"description": func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, `{"ok":false,"error_code":404,"description":"no %s"}`, r.URL.Path)
		},
		"body": func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.URL.Path) },
		"location": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "http://"+strings.Trim(r.URL.Path, "/"))
			w.WriteHeader(http.StatusFound)
		},
		"header": func(w http.ResponseWriter, r *http.Request) {
			conn, _, _ := w.(http.Hijacker).Hijack()
			fmt.Fprintf(conn, "HTTP/9.9 %s\r\n\r\n", r.URL.Path)
			conn.Close()
		},
		"result": func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, `{"ok":true,"result":%q}`, r.URL.Path) },
	} {
		for method, do := range map[string]func() error{
			"getWebhookInfo": func() error { _, err := c.GetWebhookInfo(t.Context()); return err },
			"send":           func() error { _, err := c.Send(t.Context(), telegram.Outgoing{ChatID: 1, Text: "x"}); return err },
			"document": func() error {
				_, err := c.SendDocument(t.Context(), telegram.Document{Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("x")), nil }})
				return err
			},
		} {
			select {
			case <-mode:
			default:
			}
			mode <- answer
			err := do()
			if err == nil {
				t.Errorf("%s, %s: no error", name, method)
				continue
			}
			for e := err; e != nil; e = errors.Unwrap(e) {
				if text := fmt.Sprintf("%v %+v %#v", e, e, e); strings.Contains(text, "secret_token") {
					t.Errorf("%s, %s: %s", name, method, text)
				}
			}
		}
	}
}

func TestHugeAnswerIsCut(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.Copy(w, io.LimitReader(&brokenReader{n: 1 << 30}, 64<<20))
	}))
	defer s.Close()
	_, err := client(t, telegram.Options{APIURL: s.URL}).GetMe(t.Context())
	if telegram.KindOf(err) != telegram.Transient || !strings.Contains(err.Error(), "more than") {
		t.Errorf("huge answer: %v", err)
	}
}

func TestSentIsSentWhateverElseTheAnswerSays(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"ok":true,"result":{"message_id":77,"date":"soon","forward_origin":{"type":"brand_new"},"chat":5}}`)
	}))
	defer s.Close()
	id, err := client(t, telegram.Options{APIURL: s.URL}).Send(t.Context(), telegram.Outgoing{ChatID: 1, Text: "x"})
	if err != nil || id != 77 {
		t.Errorf("id %d, %v", id, err)
	}
}

// closer closes each connection after a few answers, as a server does whose idle time is over.
func TestStaleConnectionDoesNotFailAnEdit(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	seen := map[string]int{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		mu.Lock()
		seen[r.RemoteAddr]++
		second := seen[r.RemoteAddr] == 2
		mu.Unlock()
		if second {
			panic(http.ErrAbortHandler)
		}
		_, _ = io.WriteString(w, `{"ok":true,"result":true}`)
	}))
	defer s.Close()
	c := client(t, telegram.Options{APIURL: s.URL})
	for i := range 20 {
		if err := c.EditText(t.Context(), telegram.Edit{ChatID: 1, MessageID: 1, Text: strconv.Itoa(i)}); err != nil {
			t.Fatalf("edit %d: %v", i, err)
		}
	}
}

func TestObserveSeesEveryOutcome(t *testing.T) {
	t.Parallel()
	s, _ := world(t)
	clock := telegramtest.ManualClock(time.Unix(1_800_000_000, 0))
	var seen []string
	c := client(t, telegram.Options{APIURL: s.URL(), Now: clock.Now, Observe: func(method string, kind telegram.Kind, took time.Duration) {
		seen = append(seen, fmt.Sprintf("%s %v %v", method, kind, took))
	}})
	id, err := c.Send(t.Context(), telegram.Outgoing{ChatID: anna, Text: "x"})
	must(t, err)
	must(t, c.EditText(t.Context(), telegram.Edit{ChatID: anna, MessageID: id, Text: "x"}))
	_, _ = c.Send(t.Context(), telegram.Outgoing{ChatID: 5, Text: "x"})
	if want := []string{"sendMessage ok 0s", "editMessageText not_modified 0s", "sendMessage unreachable 0s"}; !slices.Equal(seen, want) {
		t.Errorf("seen %q", seen)
	}
}

func TestProxyIsUsed(t *testing.T) {
	t.Parallel()
	s, _ := world(t)
	var through []string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		through = append(through, r.URL.Host)
		s.ServeHTTP(w, r)
	}))
	defer proxy.Close()
	c := client(t, telegram.Options{APIURL: "http://bot-api.invalid", Proxy: proxy.URL})
	if _, err := c.GetMe(t.Context()); err != nil || !slices.Equal(through, []string{"bot-api.invalid"}) {
		t.Errorf("through %v, %v", through, err)
	}
}
