package hook

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"code.dny.dev/ssrf"
)

const (
	longestURL = 2048
	lookupTime = 3 * time.Second
)

// guard decides which addresses webhooks may reach. It is asked when an endpoint is
// made, for a kind answer, and again for each connection, after the name was resolved:
// only that decides.
type guard struct {
	allow  []netip.Prefix
	deny   []netip.AddrPort
	ports  []uint16
	lookup func(ctx context.Context, host string) ([]netip.Addr, error)
	public *ssrf.Guardian
}

func newGuard(egress []netip.Prefix, o Options) *guard {
	g := &guard{deny: o.Deny, ports: append([]uint16{443, 8443}, o.Ports...), lookup: o.Lookup, public: ssrf.New(ssrf.WithAnyPort())}
	for _, p := range egress {
		if p.Addr().Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		g.allow = append(g.allow, p.Masked())
	}
	if g.lookup == nil {
		resolver := &net.Resolver{PreferGo: true} // the system's own takes 127.1 and the like for addresses
		g.lookup = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return resolver.LookupNetIP(ctx, "ip", host)
		}
	}
	return g
}

// never lists what no operator can open: where clouds keep their machines' secrets,
// link-local, multicast and addresses that are none.
func never() []netip.Prefix {
	return []netip.Prefix{
		netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("224.0.0.0/3"),
		netip.MustParsePrefix("100.100.100.200/32"), netip.MustParsePrefix("168.63.129.16/32"), netip.MustParsePrefix("192.0.0.192/32"),
		netip.MustParsePrefix("::/96"), netip.MustParsePrefix("fe80::/10"), netip.MustParsePrefix("fec0::/10"), netip.MustParsePrefix("ff00::/8"),
		netip.MustParsePrefix("fd00:ec2::/32"), netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("64:ff9b:1::/48"),
		netip.MustParsePrefix("2002::/16"), netip.MustParsePrefix("2001::/32"),
	}
}

// closedPorts lists where other things than web servers live, also in networks that
// the operator has opened.
func closedPorts() []uint16 {
	return []uint16{0, 7, 9, 19, 21, 22, 23, 25, 53, 110, 111, 135, 139, 143, 389, 445, 465, 514, 587, 636, 873, 993, 995, 1433, 1521, 2049, 2375, 2379, 3306, 3389, 5432, 6379, 9200, 11211, 27017}
}

// opened reports whether the operator has named the network of the address. Loopback
// counts only where a network within it was named.
func (g *guard) opened(a netip.Addr) bool {
	return slices.ContainsFunc(g.allow, func(p netip.Prefix) bool {
		return p.Contains(a) && (!a.IsLoopback() || p.Addr().IsLoopback() && (p.Bits() >= 8 && a.Is4() || p.Bits() == 128))
	})
}

// local refuses all but the networks that the operator has opened: plain http may go
// nowhere else.
func (g *guard) local(at netip.AddrPort) error {
	a, err := g.sane(at)
	if err != nil {
		return err
	}
	if !g.opened(a) {
		return fmt.Errorf("%w: plain http to %s, a network that egress.allow does not name", ErrBlocked, a)
	}
	return nil
}

// world refuses what is neither public nor opened by the operator.
func (g *guard) world(at netip.AddrPort) error {
	a, err := g.sane(at)
	if err != nil {
		return err
	}
	if g.opened(a) {
		return nil
	}
	if err := g.public.SafeAddr(a); err != nil {
		return fmt.Errorf("%w: %s is not a public address", ErrBlocked, a)
	}
	if !slices.Contains(g.ports, at.Port()) {
		return fmt.Errorf("%w: port %d", ErrBlocked, at.Port())
	}
	return nil
}

// sane refuses what nothing can open, and gives the address in its plain form.
func (g *guard) sane(at netip.AddrPort) (netip.Addr, error) {
	a := at.Addr()
	if !a.IsValid() || a.Zone() != "" {
		return a, fmt.Errorf("%w: %s is no plain address", ErrBlocked, a)
	}
	a = a.Unmap()
	for _, p := range never() {
		if p.Contains(a) && !a.IsLoopback() {
			return a, fmt.Errorf("%w: %s is never allowed", ErrBlocked, a)
		}
	}
	for _, own := range g.deny {
		same := own.Addr().Unmap() == a || own.Addr().IsUnspecified() && a.IsLoopback()
		if same && (own.Port() == 0 || own.Port() == at.Port()) {
			return a, fmt.Errorf("%w: %s is the gateway's own", ErrBlocked, at)
		}
	}
	if slices.Contains(closedPorts(), at.Port()) {
		return a, fmt.Errorf("%w: port %d", ErrBlocked, at.Port())
	}
	return a, nil
}

type addressCheck func(netip.AddrPort) error

// control checks the address that a connection is about to be made to.
func (check addressCheck) control(_ context.Context, network, address string, _ syscall.RawConn) error {
	if network != "tcp4" && network != "tcp6" {
		return fmt.Errorf("%w: network %s", ErrBlocked, network)
	}
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: %s", ErrBlocked, address)
	}
	return check(at)
}

// check refuses an address that webhooks must not be sent to.
func (g *guard) check(ctx context.Context, raw string) error {
	u, err := parseURL(raw)
	if err != nil {
		return err
	}
	port, check := uint16(443), addressCheck(g.world)
	if u.Scheme == "http" {
		port, check = 80, g.local
	}
	if p := u.Port(); p != "" {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil || n == 0 {
			return fmt.Errorf("%w: port %q", ErrBlocked, p)
		}
		port = uint16(n)
	}
	if a, err := netip.ParseAddr(u.Hostname()); err == nil {
		return check(netip.AddrPortFrom(a, port))
	}
	return g.checkName(ctx, u.Hostname(), port, check)
}

// checkName demands that every address of a name is allowed; of the machine's own name,
// any: it stands for both loopback addresses, and one may be open.
func (g *guard) checkName(ctx context.Context, host string, port uint16, check addressCheck) error {
	if !isName(host) {
		return fmt.Errorf("%w: %q is neither an address nor a name", ErrBlocked, host)
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	found, err := g.lookup(ctx, host)
	if err != nil || len(found) == 0 {
		return fmt.Errorf("%w: the name %s is not known", ErrBlocked, host)
	}
	var refused error
	open := 0
	for _, a := range found {
		if err := check(netip.AddrPortFrom(a, port)); err != nil {
			refused = err
		} else {
			open++
		}
	}
	if open > 0 && strings.EqualFold(host, "localhost") {
		return nil
	}
	return refused
}

// parseURL takes an address apart and refuses what is not written plainly.
func parseURL(raw string) (*url.URL, error) {
	if raw == "" || len(raw) > longestURL {
		return nil, fmt.Errorf("%w: the address must have 1 to %d characters", ErrBlocked, longestURL)
	}
	if i := strings.IndexFunc(raw, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '\\' || r == '#' }); i >= 0 {
		return nil, fmt.Errorf("%w: the character %q in the address", ErrBlocked, raw[i:i+1])
	}
	u, err := url.Parse(raw)
	if err != nil || u.Opaque != "" || u.Host == "" {
		return nil, fmt.Errorf("%w: not an address like https://erp.example.org/hook", ErrBlocked)
	}
	if u.Scheme != "https" && u.Scheme != "http" {
		return nil, fmt.Errorf("%w: the scheme must be https", ErrBlocked)
	}
	if u.User != nil {
		return nil, fmt.Errorf("%w: a user or password in the address", ErrBlocked)
	}
	return u, nil
}

// isName reports whether the text is a host name that no resolver takes for a number.
func isName(host string) bool {
	host = strings.TrimSuffix(host, ".")
	if len(host) > 253 {
		return false
	}
	labels := strings.Split(host, ".")
	label, number := regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$`), regexp.MustCompile(`^([0-9]+|0[xX][0-9A-Fa-f]*)$`)
	for _, l := range labels {
		if !label.MatchString(l) {
			return false
		}
	}
	return !number.MatchString(labels[len(labels)-1])
}
