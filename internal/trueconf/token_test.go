package trueconf_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/internal/trueconf"
	"countersign/internal/trueconf/trueconftest"
)

func TestATokenIsKeptWhileItIsGoodAndRenewedAMinuteBefore(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 10, 1, 9, 0, 0, 0, time.UTC)
	f := serve(t, trueconftest.Options{Now: func() time.Time { return now }})
	s := open(t, f, api("v3"), func(o *trueconf.Options) { o.Now = func() time.Time { return now } })
	for _, step := range []struct {
		after  time.Duration
		tokens int
	}{{0, 1}, {58 * time.Minute, 1}, {time.Minute, 2}, {time.Minute, 2}} {
		now = now.Add(step.after)
		if _, err := s.Online(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := f.Count(trueconftest.Token); got != step.tokens {
			t.Errorf("at %s: %d tokens, want %d", now, got, step.tokens)
		}
	}
	if got := f.Count(trueconftest.Users); got != 4 {
		t.Errorf("%d calls: one was refused", got)
	}
}

func TestManyAtOnceAskForOneToken(t *testing.T) {
	t.Parallel()
	f := serve(t, trueconftest.Options{})
	s := open(t, f, api("v3"))
	const many = 20
	come, give := make(chan struct{}, many), make(chan struct{})
	f.Break(trueconftest.Token, trueconftest.Trouble{Do: func() { <-give }})
	var wg sync.WaitGroup
	for range many {
		wg.Go(func() {
			come <- struct{}{}
			if _, err := s.Online(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	for range many {
		<-come
	}
	close(give)
	wg.Wait()
	if got := f.Count(trueconftest.Token); got != 1 {
		t.Errorf("%d tokens", got)
	}
}

func TestARefusedTokenIsRenewedOnceOnly(t *testing.T) {
	t.Parallel()
	families(t, func(t *testing.T, version string) {
		t.Helper()
		f := serve(t, trueconftest.Options{})
		office(f)
		s := open(t, f, api(version))
		ref(t, s, "100")
		f.Revoke()
		ref(t, s, "100")
		before := f.Count(trueconftest.One)
		f.Break(trueconftest.One, trueconftest.Trouble{Fault: trueconftest.Refused})
		if _, err := s.Conference(t.Context(), "100"); trueconf.KindOf(err) != trueconf.Credentials {
			t.Errorf("always refused: %v", err)
		}
		if asked := f.Count(trueconftest.One) - before; asked != 2 {
			t.Errorf("asked %d times", asked)
		}
	})
}

func TestAReadyTokenIsNeverRenewed(t *testing.T) {
	t.Parallel()
	f := serve(t, trueconftest.Options{Token: "a-ready-token"})
	office(f)
	s := open(t, f, token("a-ready-token"))
	ref(t, s, "100")
	f.Revoke()
	if _, err := s.Conference(t.Context(), "100"); trueconf.KindOf(err) != trueconf.Credentials || !strings.Contains(err.Error(), "access token") {
		t.Errorf("refused: %v", err)
	}
	if got := f.Count(trueconftest.Token); got != 0 {
		t.Errorf("asked for %d tokens", got)
	}
}
