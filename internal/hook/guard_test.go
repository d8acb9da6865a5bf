package hook_test

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"countersign/internal/hook"
)

// names is a resolver for tests.
func names(_ context.Context, host string) ([]netip.Addr, error) {
	known := map[string][]string{
		"localhost": {"127.0.0.1", "::1"}, "localhost.": {"127.0.0.1", "::1"},
		"erp.example.org": {"93.184.216.34"}, "both.example.org": {"93.184.216.34", "2606:2800:220:1::1"},
		"private.example.org": {"10.0.0.7"}, "mixed.example.org": {"93.184.216.34", "10.0.0.7"},
		"metadata.example.org": {"169.254.169.254"}, "mapped.example.org": {"::ffff:10.0.0.7"},
		"zone.example.org": {"fe80::1%eth0"}, "erp": {"192.168.1.5"}, "loop.example.org": {"127.0.0.1"},
	}
	var out []netip.Addr
	for _, a := range known[host] {
		out = append(out, netip.MustParseAddr(a))
	}
	if out == nil {
		return nil, errors.New("no such host")
	}
	return out, nil
}

func guarded(egress ...string) *hook.Hook {
	h := &hook.Hook{Now: time.Now, Log: slog.New(slog.DiscardHandler), Options: hook.Options{
		Lookup: names, Deny: []netip.AddrPort{netip.MustParseAddrPort("10.0.0.9:8080"), netip.MustParseAddrPort("[::]:7777")},
		Ports: []uint16{9443},
	}}
	for _, e := range egress {
		h.Egress = append(h.Egress, netip.MustParsePrefix(e))
	}
	return h
}

func TestAddressesThatNobodyMayReach(t *testing.T) {
	t.Parallel()
	hooks := map[string]*hook.Hook{
		"nothing opened": guarded(),
		"much opened":    guarded("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fe80::/10", "::/0", "0.0.0.0/0", "fc00::/7"),
	}
	for _, address := range []string{
		"", "https://", "https:///path", "https:erp.example.org", "erp.example.org", "//erp.example.org", "/hook", "ftp://erp.example.org",
		"file:///etc/passwd", "javascript:alert(1)", "gopher://erp.example.org", "HTTPS//erp.example.org", "http://erp.example.org:22/",
		"https://user@erp.example.org/", "https://user:pass@erp.example.org/", "https://@erp.example.org/", "https://erp.example.org/#x", "https://erp.example.org/#",
		"https://erp.example.org\\@127.0.0.1/", "https://erp.example.org/\r\nX: y", "https://erp.example.org/ x", " https://erp.example.org/", "https://erp.example.org/\x00",
		"https://пример.рф/", "https://erp.example.org/путь", "https://" + strings.Repeat("a", 3000) + ".org/", "https://erp.example.org/" + strings.Repeat("a", 2048),
		"https://erp.example.org:0/", "https://erp.example.org:65536/", "https://erp.example.org:-1/", "https://erp.example.org:x/",
		"https://erp.example.org:22/", "https://erp.example.org:5432/", "https://erp.example.org:25/", "https://erp.example.org:6379/",
		"https://127.1/", "https://2130706433/", "https://0x7f000001/", "https://0177.0.0.1/", "https://0/", "https://127.0.0.1./", "https://0x7f.1/", "https://1.2.3/", "https://1.2.3.4.5/",
		"https://127.0.0.1/", "https://127.255.255.254/", "https://localhost/", "https://localhost./", "https://loop.example.org/", "http://localhost/",
		"https://[::1]/", "https://[::]/", "https://[::127.0.0.1]/", "https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/", "https://[0:0:0:0:0:ffff:a9fe:a9fe]/",
		"https://[64:ff9b::7f00:1]/", "https://[64:ff9b:1::1]/", "https://[2002:7f00:1::]/", "https://[2001::1]/", "https://[fe80::1]/", "https://[fe80::1%25eth0]/", "https://[ff02::1]/", "https://[fd00:ec2::254]/",
		"https://169.254.169.254/latest/meta-data", "https://metadata.example.org/", "https://zone.example.org/", "https://100.100.100.200/", "https://168.63.129.16/",
		"https://0.0.0.0/", "https://0.1.2.3/", "https://224.0.0.1/", "https://240.0.0.1/", "https://255.255.255.255/",
		"https://unknown.example.org/", "https://-erp.example.org/", "https://erp..example.org/", "https://*.example.org/", "https://a_b$.org/", "https://[1.2.3.4]/", "https://[::1/",
		"https://10.0.0.9:8080/", "https://127.0.0.1:7777/", "https://[::1]:7777/",
	} {
		for name, h := range hooks {
			if err := h.Check(t.Context(), address); !errors.Is(err, hook.ErrBlocked) {
				t.Errorf("%s: %.100q: %v", name, address, err)
			}
		}
	}
}

func TestPrivateNetworksAreClosedUnlessNamed(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		address string
		egress  string // opens it
	}{
		{"https://10.0.0.7/", "10.0.0.0/8"},
		{"http://10.0.0.7:8000/hs/gateway", "10.0.0.0/24"},
		{"http://[::ffff:10.0.0.7]/", "10.0.0.7/32"},
		{"http://10.0.0.7/", "::ffff:10.0.0.0/104"},
		{"https://100.64.0.1/", "100.64.0.0/10"},
		{"https://172.16.0.1/", "172.16.0.0/12"},
		{"https://172.31.255.254/", "172.16.0.0/12"},
		{"https://192.0.0.1/", "192.0.0.0/24"},
		{"https://192.0.2.1/", "192.0.2.0/24"},
		{"https://192.88.99.1/", "192.88.99.0/24"},
		{"https://192.168.1.5/", "192.168.0.0/16"},
		{"https://198.18.0.1/", "198.18.0.0/15"},
		{"https://198.51.100.1/", "198.51.100.0/24"},
		{"https://203.0.113.1/", "203.0.113.0/24"},
		{"https://[100::1]/", "100::/64"},
		{"https://[2001:db8::1]/", "2001:db8::/32"},
		{"https://[3fff::1]/", "3fff::/20"},
		{"https://[5f00::1]/", "5f00::/16"},
		{"https://[fc00::1]/", "fc00::/7"},
		{"https://private.example.org/", "10.0.0.0/8"},
		{"https://mixed.example.org/", "10.0.0.0/8"},
		{"https://mapped.example.org/", "10.0.0.0/8"},
		{"http://erp/", "192.168.1.5/32"},
		{"http://private.example.org:8080/", "10.0.0.0/8"},
		{"http://93.184.216.34/", "93.184.216.0/24"},
		{"http://127.0.0.1:1234/", "127.0.0.0/8"},
		{"https://127.0.0.2/", "127.0.0.2/32"},
		{"http://localhost:1234/", "127.0.0.0/8"},
		{"http://localhost:1234/", "::1/128"},
		{"http://[::1]:1234/", "::1/128"},
	} {
		if err := guarded().Check(t.Context(), test.address); !errors.Is(err, hook.ErrBlocked) {
			t.Errorf("%s is open though nothing was named: %v", test.address, err)
		}
		if err := guarded("192.168.77.0/24", "fd77::/64").Check(t.Context(), test.address); !errors.Is(err, hook.ErrBlocked) {
			t.Errorf("%s is open though another network was named: %v", test.address, err)
		}
		if err := guarded(test.egress).Check(t.Context(), test.address); err != nil {
			t.Errorf("%s is closed though %s was named: %v", test.address, test.egress, err)
		}
	}
}

func TestLoopbackOpensOnlyWhenItIsNamedItself(t *testing.T) {
	t.Parallel()
	for _, egress := range []string{"0.0.0.0/0", "::/0", "126.0.0.0/7", "::/127", "10.0.0.0/8"} {
		for _, address := range []string{"http://127.0.0.1:1234/", "https://127.0.0.1/", "https://[::1]/"} {
			if err := guarded(egress).Check(t.Context(), address); !errors.Is(err, hook.ErrBlocked) {
				t.Errorf("%s opens %s: %v", egress, address, err)
			}
		}
	}
}

func TestPublicAddressesAreOpenOverTLS(t *testing.T) {
	t.Parallel()
	h := guarded()
	for address, open := range map[string]bool{
		"https://erp.example.org/hook?key=1&x=%20": true, "https://erp.example.org.:443/": false, "https://both.example.org:8443": true,
		"https://93.184.216.34/": true, "https://[2606:2800:220:1::1]/": true, "https://erp.example.org:9443/": true, "HTTPS://erp.example.org/": true,
		"https://erp.example.org:8080/": false, "http://erp.example.org/": false, "http://93.184.216.34/": false, "https://mixed.example.org/": false,
	} {
		err := h.Check(t.Context(), address)
		if open && err != nil || !open && !errors.Is(err, hook.ErrBlocked) {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func FuzzCheckOpensNothingClosed(f *testing.F) {
	for _, seed := range []string{"https://erp.example.org/", "https://127.1/", "https://[::ffff:127.0.0.1]/", "http://user@h:1/#"} {
		f.Add(seed)
	}
	h := guarded()
	f.Fuzz(func(t *testing.T, address string) {
		if h.Check(t.Context(), address) != nil {
			return
		}
		u, err := url.Parse(address)
		if err != nil || u.Scheme != "https" || u.User != nil || u.Fragment != "" || len(address) > 2048 {
			t.Fatalf("%q was let through: %v", address, err)
		}
		found, err := names(t.Context(), strings.ToLower(u.Hostname()))
		if a, bad := netip.ParseAddr(u.Hostname()); bad == nil {
			found, err = []netip.Addr{a}, nil
		}
		for _, a := range found {
			if a = a.Unmap(); !a.IsGlobalUnicast() || a.IsPrivate() {
				t.Fatalf("%q leads to %s", address, a)
			}
		}
		if err != nil {
			t.Fatalf("%q leads nowhere known: %v", address, err)
		}
	})
}
