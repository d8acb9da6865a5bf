package hook_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/hook"
	"countersign/internal/secret"
)

func TestEndpointIsMadeReadChangedAndEnded(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	e, key, err := b.Create(t.Context(), source, hook.NewEndpoint{URL: b.receiver.URL, Types: []string{"case.decided"}})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(e.ID, "whk_") || !strings.HasPrefix(key.Reveal(), "whsec_") || len(key.Reveal()) != 50 {
		t.Errorf("endpoint %s with a secret of %d characters", e.ID, len(key.Reveal()))
	}
	want := hook.Endpoint{
		ID: e.ID, Source: source, URL: b.receiver.URL, Types: []string{"case.decided"}, Scheme: hook.HMAC, PublicKeys: []string{},
		Timeout: 20 * time.Second, InFlight: 4, State: hook.Active, Version: 1, CreatedAt: e.CreatedAt, ChangedAt: e.CreatedAt,
	}
	if diff := cmp.Diff(want, e); diff != "" {
		t.Errorf("made (-want +got):\n%s", diff)
	}
	address, types, timeout, inFlight, auth := b.receiver.URL+"/x", []string{}, 45*time.Second, 2, secret.Text("Basic dXNlcjpwYXNz")
	changed, err := b.Update(t.Context(), source, e.ID, hook.Change{Version: 1, URL: &address, Types: &types, Timeout: &timeout, InFlight: &inFlight, Authorization: &auth})
	if err != nil {
		t.Fatal(err)
	}
	want.URL, want.Types, want.Timeout, want.InFlight, want.Authorization, want.Version = address, types, timeout, inFlight, true, 2
	if diff := cmp.Diff(want, changed); diff != "" {
		t.Errorf("changed (-want +got):\n%s", diff)
	}
	if _, err := b.Update(t.Context(), source, e.ID, hook.Change{Version: 1, Types: &types}); !errors.Is(err, hook.ErrStale) {
		t.Errorf("a change of an old version: %v", err)
	}
	none := secret.Text("")
	if changed, err = b.Update(t.Context(), source, e.ID, hook.Change{Version: 2, Authorization: &none}); err != nil || changed.Authorization {
		t.Errorf("without authorization: %+v, %v", changed, err)
	}
	list, err := b.List(t.Context(), source)
	if err != nil || len(list) != 1 || !cmp.Equal(list[0], changed) {
		t.Errorf("list %+v, %v", list, err)
	}
	if err := b.Delete(t.Context(), source, e.ID); err != nil {
		t.Fatal(err)
	}
	if list, err := b.List(t.Context(), source); err != nil || len(list) != 0 {
		t.Errorf("list after the end: %+v, %v", list, err)
	}
	if got := b.get(e.ID).State; got != hook.Ended {
		t.Errorf("ended endpoint is %s", got)
	}
}

func TestAnotherSourceSeesNothingOfAnEndpoint(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	e := b.endpoint(hook.NewEndpoint{})
	ctx := t.Context()
	for name, act := range map[string]func() error{
		"get":     func() error { _, err := b.Get(ctx, "other", e.ID); return err },
		"update":  func() error { _, err := b.Update(ctx, "other", e.ID, hook.Change{Version: 1}); return err },
		"pause":   func() error { _, err := b.Pause(ctx, "other", e.ID, ""); return err },
		"resume":  func() error { _, err := b.Resume(ctx, "other", e.ID); return err },
		"rotate":  func() error { _, _, err := b.Rotate(ctx, "other", e.ID, 0); return err },
		"revoke":  func() error { _, err := b.RevokePrevious(ctx, "other", e.ID); return err },
		"test":    func() error { _, err := b.Test(ctx, "other", e.ID); return err },
		"list":    func() error { _, err := b.Deliveries(ctx, "other", e.ID, hook.Filter{}, hook.Page{}); return err },
		"tries":   func() error { _, err := b.Attempts(ctx, "other", e.ID, "evt_1"); return err },
		"replay":  func() error { _, err := b.Replay(ctx, "other", e.ID, hook.ReplayQuery{}); return err },
		"delete":  func() error { return b.Delete(ctx, "other", e.ID) },
		"unknown": func() error { _, err := b.Get(ctx, source, "whk_0"); return err },
		"event":   func() error { _, err := b.Replay(ctx, source, e.ID, hook.ReplayQuery{Event: "evt_1"}); return err },
		"page": func() error {
			_, err := b.Deliveries(ctx, source, e.ID, hook.Filter{}, hook.Page{Before: "evt_1"})
			return err
		},
	} {
		if err := act(); !errors.Is(err, hook.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := b.get(e.ID); got.State != hook.Active || got.Version != 1 {
		t.Errorf("it was changed: %+v", got)
	}
	if got, err := b.Get(ctx, "", e.ID); err != nil || got.ID != e.ID {
		t.Errorf("the operator sees %+v, %v", got, err)
	}
}

func TestEndedEndpointRefusesEverythingAndKeepsItsHistory(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	e := b.endpoint(hook.NewEndpoint{})
	done := b.emit("A", "case.started")
	b.rounds()
	b.receiver.script(func(request, int) act { return status(500) })
	open := b.emit("A", "case.decided", "case.withdrawn")
	b.rounds()
	ctx := t.Context()
	if err := b.Delete(ctx, source, e.ID); err != nil {
		t.Fatal(err)
	}
	want := map[string]hook.DeliveryState{done[0]: hook.Done, open[0]: hook.Skipped, open[1]: hook.Skipped}
	if diff := cmp.Diff(want, b.states(e.ID)); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	for name, act := range map[string]func() error{
		"update": func() error { _, err := b.Update(ctx, source, e.ID, hook.Change{Version: 2}); return err },
		"pause":  func() error { _, err := b.Pause(ctx, source, e.ID, ""); return err },
		"resume": func() error { _, err := b.Resume(ctx, source, e.ID); return err },
		"rotate": func() error { _, _, err := b.Rotate(ctx, source, e.ID, 0); return err },
		"test":   func() error { _, err := b.Test(ctx, source, e.ID); return err },
		"replay": func() error { _, err := b.Replay(ctx, source, e.ID, hook.ReplayQuery{}); return err },
		"delete": func() error { return b.Delete(ctx, source, e.ID) },
	} {
		if err := act(); !errors.Is(err, hook.ErrEnded) {
			t.Errorf("%s: %v", name, err)
		}
	}
	b.emit("A", "case.started")
	b.clock.move(time.Hour)
	if n := b.rounds(); n != 0 {
		t.Errorf("%d requests to an ended endpoint", n)
	}
	if diff := cmp.Diff(want, b.states(e.ID)); diff != "" {
		t.Errorf("a new event is kept for it (-want +got):\n%s", diff)
	}
}

func TestAllThatIsWrongIsSaidAtOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	_, _, err := b.Create(t.Context(), source, hook.NewEndpoint{
		URL: "ftp://x", Types: []string{"case.decided", "Case Decided"}, Scheme: "v2", Timeout: 2 * time.Minute, InFlight: 65, Authorization: "Bearer a\r\nX: y",
	})
	invalid, ok := errors.AsType[*hook.InvalidError](err)
	if !ok {
		t.Fatalf("%v", err)
	}
	var got []string
	for _, f := range invalid.Fields {
		got = append(got, f.Field+" "+f.Code)
	}
	want := []string{"scheme invalid", "url not_allowed", "types invalid", "timeout out_of_range", "in_flight out_of_range", "authorization invalid"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, _, err := b.Create(t.Context(), source, hook.NewEndpoint{}); err == nil || !strings.Contains(err.Error(), "url: the address is missing") {
		t.Errorf("without an address: %v", err)
	}
	e := b.endpoint(hook.NewEndpoint{})
	if _, _, err := b.Rotate(t.Context(), source, e.ID, 8*24*time.Hour); err == nil {
		t.Error("an overlap of eight days")
	}
}

func TestSourceHasABoundedNumberOfEndpoints(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	made, refused := 0, 0
	for range hook.MaxEndpoints + 5 {
		wg.Go(func() {
			_, _, err := b.Create(t.Context(), source, hook.NewEndpoint{URL: b.receiver.URL})
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				made++
			case errors.Is(err, hook.ErrTooMany):
				refused++
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if made != hook.MaxEndpoints || refused != 5 {
		t.Errorf("%d made, %d refused", made, refused)
	}
}

func TestOneOfTwoChangesAtOnceIsRefused(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	e := b.endpoint(hook.NewEndpoint{})
	results := make(chan error, 8)
	for i := range cap(results) {
		go func() {
			n := i + 1
			_, err := b.Update(t.Context(), source, e.ID, hook.Change{Version: 1, InFlight: &n})
			results <- err
		}()
	}
	won := 0
	for range cap(results) {
		switch err := <-results; {
		case err == nil:
			won++
		case !errors.Is(err, hook.ErrStale):
			t.Error(err)
		}
	}
	if won != 1 || b.get(e.ID).Version != 2 {
		t.Errorf("%d changes were taken, version %d", won, b.get(e.ID).Version)
	}
}

func TestStaticAuthorizationIsSent(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	e := b.endpoint(hook.NewEndpoint{Authorization: "Bearer s3cr3t-token"})
	b.emit("A", "case.started")
	b.rounds()
	if got := b.receiver.all()[0].Auth; got != "Bearer s3cr3t-token" {
		t.Errorf("sent %q", got)
	}
	if text := fmt.Sprintf("%+v", b.get(e.ID)); strings.Contains(text, "s3cr3t") {
		t.Errorf("an endpoint shows its secret: %s", text)
	}
}

func TestAsymmetricEndpointsSignWithAKeyThatIsNeverShown(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	e, key, err := b.Create(t.Context(), source, hook.NewEndpoint{URL: b.receiver.URL, Scheme: hook.Ed25519})
	if err != nil || key != "" || len(e.PublicKeys) != 1 || !strings.HasPrefix(e.PublicKeys[0], "whpk_") {
		t.Fatalf("%+v, secret of %d characters, %v", e, len(key), err)
	}
	b.receiver.know(e.PublicKeys[0])
	b.emit("A", "case.started")
	b.rounds()
	rotated, key, err := b.Rotate(t.Context(), source, e.ID, time.Hour)
	if err != nil || key != "" || len(rotated.PublicKeys) != 2 || rotated.PublicKeys[1] != e.PublicKeys[0] {
		t.Fatalf("%+v, secret of %d characters, %v", rotated, len(key), err)
	}
	b.emit("A", "case.decided")
	b.rounds()
	got := b.receiver.all()
	if len(got) != 2 || len(got[1].Signed) != 2 || !strings.HasPrefix(got[1].Signed[0], "v1a,") {
		t.Errorf("requests %+v", got)
	}
}

func TestRotationOverlapsAndEndsByItself(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	e := b.endpoint(hook.NewEndpoint{})
	ctx := t.Context()
	signatures := func(event string) int {
		t.Helper()
		b.emit("A", event)
		b.rounds()
		got := b.receiver.all()
		return len(got[len(got)-1].Signed)
	}
	if n := signatures("case.started"); n != 1 {
		t.Errorf("%d signatures before the rotation", n)
	}
	rotated, key, err := b.Rotate(ctx, source, e.ID, 0)
	if err != nil || !strings.HasPrefix(key.Reveal(), "whsec_") || rotated.PreviousUntil == nil {
		t.Fatal(rotated, err)
	}
	if until := rotated.PreviousUntil.Sub(b.clock.now()); until != 24*time.Hour {
		t.Errorf("the old secret signs for %s", until)
	}
	if n := signatures("case.decided"); n != 2 { // the receiver knows the old one only, and takes it
		t.Errorf("%d signatures while both sign", n)
	}
	b.receiver.forget()
	b.receiver.know(key.Reveal())
	if n := signatures("case.decided"); n != 2 {
		t.Errorf("%d signatures while both sign", n)
	}
	b.clock.move(25 * time.Hour)
	if n := signatures("case.withdrawn"); n != 1 || b.get(e.ID).PreviousUntil != nil {
		t.Errorf("%d signatures after the overlap", n)
	}
	_, third, err := b.Rotate(ctx, source, e.ID, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.RevokePrevious(ctx, source, e.ID); err != nil {
		t.Fatal(err)
	}
	b.receiver.forget()
	b.receiver.know(third.Reveal())
	if n := signatures("comment.added"); n != 1 {
		t.Errorf("%d signatures after the revocation", n)
	}
	if _, _, err := b.Rotate(ctx, source, e.ID, time.Hour); err != nil {
		t.Fatal(err)
	}
	b.clock.move(2 * time.Hour)
	if err := b.Tend(ctx); err != nil {
		t.Fatal(err)
	}
	var kept int
	if err := b.ledger.Pool.QueryRow(ctx, `select count(*) from webhook_secret`).Scan(&kept); err != nil || kept != 1 {
		t.Errorf("%d secrets are kept, %v", kept, err)
	}
}

func TestPausedEndpointKeepsItsEventsAndResumesInOrder(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	e := b.endpoint(hook.NewEndpoint{})
	paused, err := b.Pause(t.Context(), source, e.ID, "month end")
	if err != nil || paused.State != hook.Paused || paused.Reason != "month end" || paused.Version != 2 {
		t.Fatalf("%+v, %v", paused, err)
	}
	if again, err := b.Pause(t.Context(), source, e.ID, "other"); err != nil || again.Reason != "month end" {
		t.Errorf("paused twice: %+v, %v", again, err)
	}
	ids := b.emit("A", "case.started", "vote.cast", "case.decided")
	b.clock.move(9 * 24 * time.Hour)
	if n := b.rounds(); n != 0 || b.get(e.ID).Due != 3 {
		t.Errorf("%d requests, %d due", n, b.get(e.ID).Due)
	}
	resumed, err := b.Resume(t.Context(), source, e.ID)
	if err != nil || resumed.State != hook.Active || resumed.Reason != "" {
		t.Fatalf("%+v, %v", resumed, err)
	}
	drain(b)
	if diff := cmp.Diff(ids, b.receiver.ids()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPingIsSentAtOnceAndItsAnswerGiven(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	e := b.endpoint(hook.NewEndpoint{})
	if _, err := b.Pause(t.Context(), source, e.ID, ""); err != nil {
		t.Fatal(err)
	}
	got, err := b.Test(t.Context(), source, e.ID)
	if err != nil || got.Status != 200 || got.Error != "" {
		t.Fatalf("%+v, %v", got, err)
	}
	r := b.receiver.all()[0]
	var body struct {
		Type   string            `json:"type"`
		Source string            `json:"source"`
		Data   map[string]string `json:"data"`
	}
	if err := json.Unmarshal([]byte(r.Body), &body); err != nil {
		t.Fatal(err)
	}
	if r.ID != got.EventID || body.Type != "ping" || body.Source != source || body.Data["webhook"] != e.ID {
		t.Errorf("ping %s of %s", r.Body, got.EventID)
	}
	b.receiver.script(func(request, int) act {
		return func(w http.ResponseWriter, _ request) {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte("who are you?"))
		}
	})
	got, err = b.Test(t.Context(), source, e.ID)
	if err != nil || got.Status != 401 || got.Error == "" || got.Sample != "who are you?" {
		t.Errorf("%+v, %v", got, err)
	}
	if fares := b.get(e.ID); fares.Failures != 0 || fares.LastSuccess != nil {
		t.Errorf("a test changed how the endpoint fares: %+v", fares)
	}
	if list, err := b.Attempts(t.Context(), source, e.ID, got.EventID); err != nil || len(list) != 1 || list[0].Status != 401 {
		t.Errorf("attempts %+v, %v", list, err)
	}
}
