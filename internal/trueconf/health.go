package trueconf

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// Health looks at the parts of the server, each by itself. The credentials are not looked
// at when the web part does not answer: nothing can be said of them then.
func (s *Server) Health(ctx context.Context) Health {
	var h Health
	var engine string
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.Engine, engine = s.probeEngine(ctx)
	}()
	web, found := s.probeWeb(ctx)
	var login Probe
	if web.OK() {
		login = s.probeLogin(ctx)
	}
	<-done
	h.Web, h.CertExpires, h.Login, h.Version = web, found.until, login, found.version
	if h.Version == "" {
		h.Version = engine
	}
	return h
}

// probeEngine asks the media engine how it is. It speaks without TLS, and is told nothing.
func (s *Server) probeEngine(ctx context.Context) (p Probe, version string) {
	const op = "look at the engine"
	if s.engine == "" {
		return Probe{}, ""
	}
	began := s.o.Now()
	body, err := s.engineSays(ctx)
	s.observe(op, err, began)
	p = Probe{Made: true, Took: s.o.Now().Sub(began), Err: s.named(op, err)}
	if found := regexp.MustCompile(`TrueConf Server[^\d<]{0,20}(\d+(?:\.\d+){1,3})`).FindStringSubmatch(body); found != nil {
		version = found[1]
	}
	return p, version
}

func (s *Server) engineSays(ctx context.Context) (string, error) {
	outer := ctx
	ctx, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.engine+"/vsstatus", nil)
	if err != nil {
		return "", &Error{Kind: BadRequest, Err: errors.New("the engine is not host:port")}
	}
	resp, err := s.client.Do(r)
	if err != nil {
		return "", fault(outer, err)
	}
	defer resp.Body.Close()
	const most = 64 << 10
	text, err := io.ReadAll(io.LimitReader(resp.Body, most))
	switch {
	case err != nil:
		return "", fault(outer, err)
	case resp.StatusCode/100 != 2:
		return "", &Error{Status: resp.StatusCode, Err: errors.New("the engine does not say that it is well")}
	}
	if _, state, told := strings.Cut(string(text), "Status:"); told && !strings.HasPrefix(strings.TrimSpace(state), "OK") {
		return "", &Error{Status: resp.StatusCode, Err: errors.New("the engine says that it is not well")}
	}
	return string(text), nil
}

// about is what the page of the version tells.
type about struct {
	version string
	until   time.Time // the certificate is good
	family  family
}

// probeWeb looks at the web part, and until when its certificate is good, also when it is
// not trusted. A server that does not have the page of its version is old, not down.
func (s *Server) probeWeb(ctx context.Context) (p Probe, a about) {
	const op = "look at the web part"
	began := s.o.Now()
	got, err := s.exchange(ctx, call{op: op, method: http.MethodGet}, "/api/v4/server", "")
	if err == nil && got.status >= http.StatusInternalServerError {
		err = judge(call{}, got)
	}
	s.observe(op, err, began)
	p = Probe{Made: true, Took: s.o.Now().Sub(began), Err: s.named(op, err)}
	var told struct {
		Product struct {
			Version text `json:"version"`
		} `json:"product"`
	}
	if err == nil && got.status == http.StatusOK && json.Unmarshal(got.body, &told) == nil {
		a.version = string(told.Product.Version)
	}
	if err == nil {
		a.family = s.choose(got.status, a.version)
	}
	a.until = until(got, err)
	return p, a
}

// until is when the certificate ends that was shown, also when it was not trusted.
func until(got answer, err error) (end time.Time) {
	var chain []*x509.Certificate
	if bad, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		chain = bad.UnverifiedCertificates
	} else if got.tls != nil {
		chain = got.tls.PeerCertificates
	}
	for _, c := range chain {
		if end.IsZero() || c.NotAfter.Before(end) {
			end = c.NotAfter
		}
	}
	return end
}

// probeLogin makes the least call that needs a token. A right that is missing says that the
// token is good.
func (s *Server) probeLogin(ctx context.Context) Probe {
	const op = "log in"
	began := s.o.Now()
	q := url.Values{"state": {running}, "page_id": {"1"}, "page_size": {"1"}}
	err := s.do(ctx, call{op: op, right: rightRead, path: "/conferences", query: q}, nil)
	if KindOf(err) == Right {
		err = nil
	}
	return Probe{Made: true, Took: s.o.Now().Sub(began), Err: err}
}
