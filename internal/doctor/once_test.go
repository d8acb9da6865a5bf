package doctor_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"countersign/internal/doctor"
	"countersign/internal/telegram/telegramtest"
)

func TestCheckThatHangsKeepsNoOtherFromBeingMade(t *testing.T) {
	t.Parallel()
	w := healthy(t)
	w.Limit = time.Second
	stuck := make(chan struct{})
	t.Cleanup(func() { close(stuck) })
	w.Roll = func(context.Context) (int, error) { <-stuck; return 0, nil } // does not even heed its time
	t.Cleanup(w.tg.FailAlways("getChatMember", telegramtest.Delay(stuck)))
	seen, late := map[string]string{}, map[string]doctor.Finding{}
	for _, f := range w.Examine(t.Context()) {
		if seen[f.Check] = f.Key; f.Key == "doctor.late" {
			late["no answer"] = f
		}
	}
	readAsWritten(t, "late", late)
	if seen["workspace"] != "doctor.late" || seen["groups"] != "doctor.group.unknown" || seen["work"] != "doctor.work.ok" || seen["secret"] != "doctor.secret.ok" {
		t.Errorf("found %v", seen)
	}
}

func TestNothingIsChangedByLooking(t *testing.T) {
	t.Parallel()
	w := healthy(t)
	w.Test = nil
	before := len(w.tg.Calls())
	messages := len(w.tg.Messages(colleag)) + len(w.tg.Messages(group))
	w.Examine(t.Context())
	for _, c := range w.tg.Calls()[before:] {
		switch c.Method {
		case "getMe", "getWebhookInfo", "getMyCommands", "getChatMember", "getChat", "sendChatAction":
		default:
			t.Errorf("called %s", c.Method)
		}
	}
	if now := len(w.tg.Messages(colleag)) + len(w.tg.Messages(group)); now != messages {
		t.Errorf("%d messages were sent", now-messages)
	}
}

func TestTheRightSecretIsShownOnlyToADoorThatTurnsAWrongOneAway(t *testing.T) {
	t.Parallel()
	for name, c := range illAtTheAddress() {
		if name != "secret, open" && name != "secret, untrusted" {
			continue
		}
		w := healthy(t)
		c.make(w)
		door := &ear{inner: w.door}
		w.door = door
		w.Examine(t.Context())
		if door.heard(right) {
			t.Errorf("%s: the secret was shown", name)
		}
	}
	w := healthy(t)
	door := &ear{inner: w.door}
	w.door = door
	if w.Examine(t.Context()); !door.heard(right) {
		t.Error("nobody tried the right one")
	}
}

func TestChartAsksAnewNotTooOften(t *testing.T) {
	t.Parallel()
	now := time.Now()
	runs := 0
	c := &doctor.Chart{Every: 5 * time.Second, Now: func() time.Time { return now }, Examine: func(context.Context) []doctor.Finding {
		runs++
		return []doctor.Finding{{Check: "x", Level: doctor.OK}}
	}}
	if found, _ := c.Last(); found != nil {
		t.Errorf("before anybody looked: %v", found)
	}
	for range 3 {
		c.Look(t.Context())
	}
	if found, at := c.Last(); runs != 1 || len(found) != 1 || !at.Equal(now) {
		t.Errorf("%d runs, %v at %s", runs, found, at)
	}
	now = now.Add(5 * time.Second)
	if c.Look(t.Context()); runs != 2 {
		t.Errorf("%d runs after five seconds", runs)
	}
}

func TestChartIsMadeByOneAtATime(t *testing.T) {
	t.Parallel()
	inside, leave := make(chan struct{}), make(chan struct{})
	c := &doctor.Chart{Now: time.Now, Examine: func(context.Context) []doctor.Finding {
		inside <- struct{}{}
		<-leave
		return nil
	}}
	done := make(chan struct{})
	go func() { c.Look(t.Context()); close(done) }()
	<-inside
	c.Look(t.Context()) // somebody looks already: not waited for, and not done twice
	close(leave)
	<-done
}

// signingKey is one for all tests: to make one takes long.
var signingKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// ear notes the secrets that it is shown.
type ear struct {
	inner http.Handler
	mu    sync.Mutex
	shown []string
}

func (e *ear) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	e.shown = append(e.shown, r.Header.Get("X-Telegram-Bot-Api-Secret-Token"))
	e.mu.Unlock()
	e.inner.ServeHTTP(w, r)
}

func (e *ear) heard(secret string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Contains(e.shown, secret)
}
