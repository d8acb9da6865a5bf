package config

import (
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// webAddress is an http or https address taken apart; ok is false for anything else.
type webAddress struct {
	ok           bool
	scheme       string
	host, port   string // the port is also there when it is the usual one
	path         string // whatever is there beside scheme, host and port
	addr         netip.Addr
	numericValid bool
}

func parseURL(text string) webAddress {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" {
		return webAddress{}
	}
	a := webAddress{scheme: u.Scheme, host: u.Hostname(), port: u.Port()}
	a.ok = u.Scheme == "http" || u.Scheme == "https"
	if a.path = strings.TrimPrefix(u.EscapedPath(), "/"); u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		a.path += "?"
	}
	if a.port == "" {
		a.port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	addr, err := netip.ParseAddr(a.host)
	a.addr, a.numericValid = addr, err == nil
	return a
}

// loopback reports whether the address is on this machine.
func (a webAddress) loopback() bool {
	return a.host == "localhost" || a.numericValid && a.addr.Unmap().IsLoopback()
}

// closed reports whether the address is certainly not to be reached from the Internet.
func (a webAddress) closed() bool {
	return a.loopback() || a.numericValid && isClosed(a.addr)
}

func isClosed(addr netip.Addr) bool {
	addr = addr.Unmap()
	return addr.IsLoopback() || addr.IsPrivate() || addr.IsLinkLocalUnicast() || addr.IsUnspecified()
}

// publicAPI reports whether the Bot API is Telegram's own, with its rules on
// ports; one's own Bot API server calls any address.
func (t Telegram) publicAPI() bool { return parseURL(t.APIURL).host == parseURL(PublicAPI).host }

// LargestFile is the largest file that the Bot API takes from a bot, in bytes.
func (t Telegram) LargestFile() int64 {
	if t.publicAPI() {
		return 50 << 20
	}
	return 2000 << 20
}

// isProxy reports whether the text is the address of a proxy and nothing more.
func isProxy(text string) bool {
	u, err := url.Parse(text)
	return err == nil && slices.Contains([]string{"http", "https", "socks5"}, u.Scheme) && u.Hostname() != "" &&
		strings.Trim(u.Path, "/") == "" && u.RawQuery == "" && u.Fragment == ""
}

// loneUser reports whether a SOCKS5 proxy is given a login that its protocol cannot carry.
func loneUser(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "socks5" || u.User == nil {
		return false
	}
	password, _ := u.User.Password()
	bad := func(word string) bool { return word == "" || len(word) > 255 }
	return bad(u.User.Username()) || bad(password)
}

func everybody(network netip.Prefix) bool { return network.Bits() == 0 }

// isListen reports whether the text is an address to listen on; the host may be missing.
func isListen(text string) bool {
	_, port, err := net.SplitHostPort(text)
	return err == nil && isPort(port)
}

// isDial reports whether the text is an address to connect to.
func isDial(text string) bool {
	host, port, err := net.SplitHostPort(text)
	return err == nil && host != "" && port != "0" && isPort(port)
}

func isPort(text string) bool {
	_, err := strconv.ParseUint(text, 10, 16)
	return err == nil
}

// isDatabase reports whether the text looks like an address of PostgreSQL, as a
// URL or in the key=value form.
func isDatabase(text string) bool {
	if !strings.Contains(text, "://") {
		return matches(`(^|\s)(host|service|dbname|user)\s*=`, text)
	}
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "postgres" || u.Scheme == "postgresql")
}

func isZone(name string) bool {
	_, err := time.LoadLocation(name)
	return err == nil && name != ""
}
