package telegram

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// proxyURL reads the address of a proxy; nil for none.
func proxyURL(raw string) (*url.URL, error) {
	if raw == "" {
		return nil, nil //nolint:nilnil // no proxy is no mistake
	}
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		u = &url.URL{}
	}
	switch u.Scheme {
	case "http", "https", "socks5":
		return u, nil
	default: // without the cause, which quotes the password
		return nil, errors.New("telegram proxy: want http://, https:// or socks5://, USER:PASSWORD@ if it asks for them, and HOST:PORT")
	}
}

// by makes the transport go through a proxy, which also looks the name of the Bot API up.
// The proxies that the environment names are not asked: what the token passes is said in
// one place.
func by(t *http.Transport, proxy *url.URL) {
	t.Proxy = http.ProxyURL(proxy)
	t.OnProxyConnectResponse = func(_ context.Context, _ *url.URL, _ *http.Request, answer *http.Response) error {
		if answer.StatusCode == http.StatusOK {
			return nil
		}
		return &connectError{code: answer.StatusCode}
	}
}

// connectError is the refusal of an HTTP proxy to open a way. What the proxy writes of it
// is left out: it has seen the password.
type connectError struct{ code int }

// Error says the status.
func (e *connectError) Error() string {
	return fmt.Sprintf("CONNECT answered with %d %s", e.code, http.StatusText(e.code))
}

// onTheWay says of a call that had no answer whether the proxy was the reason, and which
// setting to look at.
func onTheWay(proxy *url.URL, err error) error {
	if proxy == nil {
		return err
	}
	const (
		away    = "the proxy %s cannot be reached; is telegram.proxy right, and the proxy running: %w"
		refused = "the proxy %s takes neither the user nor the password of telegram.proxy: %w"
		closed  = "the proxy %s does not let us through to the Bot API: %w"
	)
	connect, isConnect := errors.AsType[*connectError](err)
	op, isOp := errors.AsType[*net.OpError](err)
	switch {
	case isConnect && (connect.code == http.StatusProxyAuthRequired || connect.code == http.StatusUnauthorized): // tinyproxy says the second
		return fmt.Errorf(refused, proxy.Host, err)
	case isConnect:
		return fmt.Errorf(closed, proxy.Host, err)
	case isOp && op.Op == "proxyconnect":
		return fmt.Errorf(away, proxy.Host, err)
	case isOp && op.Op == "socks connect" && strings.Contains(err.Error(), "authentication"): // it has no type
		return fmt.Errorf(refused, proxy.Host, err)
	case isOp && op.Op == "socks connect":
		return fmt.Errorf(closed, proxy.Host, err)
	default:
		return err
	}
}
