package server

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// middleware wraps a handler.
type middleware = func(http.Handler) http.Handler

// visit is what is known about one request besides the request itself. It goes
// with the context, because the router hands its handlers a copy of the request.
type visit struct {
	id     string
	client netip.Addr
	say    func(r *http.Request, code string) string // nil: English

	mu    sync.Mutex
	route string
	notes []slog.Attr
}

type visitKey struct{}

func visitOf(ctx context.Context) *visit {
	if v, ok := ctx.Value(visitKey{}).(*visit); ok {
		return v
	}
	return &visit{}
}

// RequestID is the id of the request that ctx belongs to, or empty.
func RequestID(ctx context.Context) string { return visitOf(ctx).id }

// Client is the address of the caller: the peer, or whom a trusted proxy names.
func Client(ctx context.Context) netip.Addr { return visitOf(ctx).client }

// Network is whom a limit counts as one caller: his address, or in IPv6 the network of which
// each customer has all addresses.
func Network(ctx context.Context) string {
	const ours = 64
	at := Client(ctx).Unmap()
	if !at.Is6() {
		return at.String()
	}
	network, err := at.Prefix(ours)
	if err != nil {
		return at.String()
	}
	return network.String()
}

// Note adds attributes, such as the id of an API key, to the log line of the request.
func Note(ctx context.Context, attrs ...slog.Attr) {
	v := visitOf(ctx)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.notes = append(v.notes, attrs...)
}

func (v *visit) setRoute(template string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.route = template
}

func (v *visit) seen() (route string, notes []slog.Attr) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.route, slices.Clone(v.notes)
}

// identify finds out who calls, and gives the request its id. Only a peer inside
// the trusted networks may name another caller or a request id; the
// headers with which others try are removed, so that nothing behind can believe
// them. Headers that would change the path or the method are removed always.
func identify(trusted []netip.Prefix) middleware {
	goodID := regexp.MustCompile(`^[A-Za-z0-9._-]{8,64}$`)
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			peer := peerOf(r)
			v := &visit{client: peer}
			if inside(trusted, peer) {
				v.client = forwardedFor(r, peer, trusted)
				if id := r.Header.Get("X-Request-Id"); goodID.MatchString(id) {
					v.id = id
				}
				dropHeaders(r.Header, overrides())
			} else {
				dropHeaders(r.Header, append(overrides(), claims()...))
			}
			if v.id == "" {
				v.id = "req_" + strings.ToLower(rand.Text())
			}
			w.Header().Set("X-Request-Id", v.id)
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), visitKey{}, v)))
		})
	}
}

// overrides are headers by which some servers let a caller replace path or method.
func overrides() []string {
	return []string{
		"x-original-url", "x-rewrite-url", "x-original-uri", "x-forwarded-uri", "x-forwarded-path", "x-forwarded-prefix", "x-forwarded-method",
		"x-http-method", "x-http-method-override", "x-method-override",
	}
}

// claims are headers by which a proxy says for whom it speaks.
func claims() []string {
	return []string{
		"forwarded", "x-forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-port",
		"x-forwarded-server", "x-real-ip", "x-client-ip", "true-client-ip", "x-request-id",
	}
}

// dropHeaders removes the named headers, also those spelled with underscores.
func dropHeaders(h http.Header, names []string) {
	for name := range h {
		if slices.Contains(names, strings.ReplaceAll(strings.ToLower(name), "_", "-")) {
			delete(h, name)
		}
	}
}

func peerOf(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{} // a Unix socket has no address
	}
	return peer.Addr().Unmap().WithZone("")
}

// mostHops bounds how far back a forwarded chain is read.
const mostHops = 32

// forwardedFor reads the chain from its end, which the nearest proxy wrote, and
// stops at the first address that is no proxy of ours: what stands before it is
// what that caller chose to send.
func forwardedFor(r *http.Request, peer netip.Addr, trusted []netip.Prefix) netip.Addr {
	chain := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	client := peer
	for i, hop := range slices.Backward(chain) {
		addr, err := netip.ParseAddr(strings.Trim(strings.TrimSpace(hop), "[]"))
		if err != nil || len(chain)-i > mostHops {
			return client
		}
		if client = addr.Unmap().WithZone(""); !inside(trusted, client) {
			return client
		}
	}
	return client
}

func inside(networks []netip.Prefix, addr netip.Addr) bool {
	return slices.ContainsFunc(networks, func(n netip.Prefix) bool { return n.Contains(addr) })
}

// LogHandler adds the request id to each record that is logged with the context
// of a request.
func LogHandler(next slog.Handler) slog.Handler { return idHandler{next} }

type idHandler struct{ slog.Handler }

func (h idHandler) Handle(ctx context.Context, r slog.Record) error {
	if id := RequestID(ctx); id != "" {
		r = r.Clone()
		r.AddAttrs(slog.String("request_id", id))
	}
	return h.Handler.Handle(ctx, r)
}

func (h idHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return idHandler{h.Handler.WithAttrs(attrs)}
}

func (h idHandler) WithGroup(name string) slog.Handler { return idHandler{h.Handler.WithGroup(name)} }
