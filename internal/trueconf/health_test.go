package trueconf_test

import (
	"testing"
	"time"

	"countersign/internal/trueconf"
	"countersign/internal/trueconf/trueconftest"
)

func TestHealthLooksAtEachPartByItself(t *testing.T) {
	t.Parallel()
	until := time.Now().Add(30 * 24 * time.Hour).Truncate(time.Second).UTC()
	f := serve(t, trueconftest.Options{TLS: true, Until: until})
	s := open(t, f)
	h := s.Health(t.Context())
	if !h.Engine.OK() || !h.Web.OK() || !h.Login.OK() || h.Version != "5.5.1.10009" || !h.CertExpires.Equal(until) {
		t.Errorf("well: %+v", h)
	}
	f.Grant("users:read")
	if h := s.Health(t.Context()); !h.Login.OK() {
		t.Errorf("a missing right is taken for bad credentials: %+v", h)
	}
	f.CloseEngine()
	if h := s.Health(t.Context()); trueconf.KindOf(h.Engine.Err) != trueconf.Unreachable || !h.Web.OK() || !h.Login.OK() {
		t.Errorf("without engine: %+v", h)
	}
	f.Client("another", "secret")
	f.Revoke()
	if h := s.Health(t.Context()); !h.Web.OK() || trueconf.KindOf(h.Login.Err) != trueconf.Credentials {
		t.Errorf("unknown client: %+v", h)
	}
	f.Break(trueconftest.About, trueconftest.Trouble{Fault: trueconftest.Gateway})
	if h := s.Health(t.Context()); h.Web.Err == nil || h.Login.Made {
		t.Errorf("without web part: %+v", h)
	}
}
