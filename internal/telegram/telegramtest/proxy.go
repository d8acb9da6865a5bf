package telegramtest

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"
)

// ProxyOptions configure a Proxy. The zero value is usable.
type ProxyOptions struct {
	// Listen is the loopback address to listen on; "127.0.0.1:0" when empty.
	Listen string
	// User and Password are asked for unless both are empty.
	User, Password string
	// Certificate makes clients speak TLS to the proxy, which is then an https:// one.
	Certificate *tls.Certificate
	// Refuse is the status, or the code of SOCKS, with which whoever is let in is refused.
	Refuse int
	// Cut closes the connection when it was said where to go.
	Cut bool
}

// Proxy is a proxy on the way to the Bot API: SOCKS5 and HTTP on the same port.
type Proxy struct {
	options  ProxyOptions
	listener net.Listener
	running  sync.WaitGroup

	mu     sync.Mutex
	closed bool
	open   map[net.Conn]bool
	asked  []string
}

// OpenProxy starts a proxy.
func OpenProxy(o ProxyOptions) (*Proxy, error) {
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0"
	}
	p := &Proxy{options: o, open: map[net.Conn]bool{}}
	var config net.ListenConfig
	var err error
	if p.listener, err = config.Listen(context.Background(), "tcp", o.Listen); err != nil {
		return nil, fmt.Errorf("listen for the proxy: %w", err)
	}
	p.running.Go(p.accept)
	return p, nil
}

// Addr is where it listens.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// URL is the address to give to a client, with user and password.
func (p *Proxy) URL(scheme string) string {
	u := url.URL{Scheme: scheme, Host: p.Addr()}
	if p.options.User+p.options.Password != "" {
		u.User = url.UserPassword(p.options.User, p.options.Password)
	}
	return u.String()
}

// Asked lists where clients that were let in wanted to go: "CONNECT host:port",
// "SOCKS5 host:port" or "POST http://host:port/path".
func (p *Proxy) Asked() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.asked)
}

// Close ends the proxy and cuts every connection.
func (p *Proxy) Close() error {
	p.mu.Lock()
	p.closed = true
	for c := range p.open {
		_ = c.Close()
	}
	p.mu.Unlock()
	err := p.listener.Close()
	p.running.Wait()
	return err
}

func (p *Proxy) accept() {
	for {
		conn, err := p.listener.Accept()
		if err != nil {
			return
		}
		if p.options.Certificate != nil {
			conn = tls.Server(conn, &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{*p.options.Certificate}})
		}
		if p.hold(conn) {
			p.running.Go(func() {
				defer p.drop(conn)
				_ = p.serve(conn) // what a client does wrong ends its connection
			})
		}
	}
}

// hold keeps a connection that is to be cut at the end; false when that has come.
func (p *Proxy) hold(conn net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		_ = conn.Close()
		return false
	}
	p.open[conn] = true
	return true
}

func (p *Proxy) drop(conn net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, conn)
	_ = conn.Close()
}

func (p *Proxy) serve(conn net.Conn) error {
	from := bufio.NewReader(conn)
	first, err := from.Peek(1)
	switch {
	case err != nil:
		return err
	case first[0] == socksVersion:
		return p.socks(conn, from)
	}
	for {
		req, err := http.ReadRequest(from)
		if err != nil {
			return err
		}
		if err := p.request(conn, from, req); err != nil {
			return err
		}
	}
}

// wanted notes where somebody wants to go.
func (p *Proxy) wanted(where string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, where)
	if p.options.Cut {
		return io.EOF
	}
	return nil
}

// request does what an HTTP proxy is asked for.
func (p *Proxy) request(conn net.Conn, from io.Reader, req *http.Request) error {
	login := &http.Request{Header: http.Header{"Authorization": req.Header["Proxy-Authorization"]}}
	user, password, _ := login.BasicAuth()
	if user != p.options.User || password != p.options.Password {
		_, err := io.Copy(io.Discard, req.Body)
		return errors.Join(err, status(conn, http.StatusProxyAuthRequired))
	}
	if err := p.wanted(req.Method + " " + req.RequestURI); err != nil {
		return err
	}
	if p.options.Refuse != 0 {
		_, err := io.Copy(io.Discard, req.Body)
		return errors.Join(err, status(conn, p.options.Refuse))
	}
	if req.Method == http.MethodConnect {
		to, err := dial(req.Host)
		if err != nil {
			return status(conn, http.StatusBadGateway)
		}
		if _, err := io.WriteString(conn, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
			return err
		}
		return p.join(conn, from, to)
	}
	req.RequestURI = ""
	req.Header.Del("Proxy-Authorization")
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		return status(conn, http.StatusBadGateway)
	}
	defer func() { _ = resp.Body.Close() }()
	return resp.Write(conn)
}

func status(conn io.Writer, code int) error {
	_, err := fmt.Fprintf(conn, "HTTP/1.1 %d %s\r\nContent-Length: 0\r\n\r\n", code, http.StatusText(code))
	return err
}

func dial(address string) (net.Conn, error) { return net.DialTimeout("tcp", address, 5*time.Second) }

// join carries bytes both ways until one side ends.
func (p *Proxy) join(conn net.Conn, from io.Reader, to net.Conn) error {
	if !p.hold(to) {
		return net.ErrClosed
	}
	defer p.drop(to)
	p.running.Go(func() {
		_, _ = io.Copy(conn, to)
		_ = conn.Close()
	})
	_, err := io.Copy(to, from)
	return err
}

// What SOCKS5 says (RFC 1928, and RFC 1929 for the password).
const (
	socksVersion  = 5
	socksPassword = 2
	socksNobody   = 0xff
	socksConnect  = 1
	socksName     = 3
)

func (p *Proxy) socks(conn net.Conn, from *bufio.Reader) error {
	head := make([]byte, 2)
	if _, err := io.ReadFull(from, head); err != nil {
		return err
	}
	methods := make([]byte, head[1])
	if _, err := io.ReadFull(from, methods); err != nil {
		return err
	}
	want := byte(0)
	if p.options.User+p.options.Password != "" {
		want = socksPassword
	}
	if !slices.Contains(methods, want) {
		_, err := conn.Write([]byte{socksVersion, socksNobody})
		return errors.Join(err, io.EOF)
	}
	if _, err := conn.Write([]byte{socksVersion, want}); err != nil {
		return err
	}
	if want == socksPassword {
		if err := p.socksLogin(conn, from); err != nil {
			return err
		}
	}
	return p.socksGo(conn, from)
}

func (p *Proxy) socksLogin(conn io.Writer, from *bufio.Reader) error {
	var words [2]string
	if _, err := from.ReadByte(); err != nil {
		return err
	}
	for i := range words {
		n, err := from.ReadByte()
		if err != nil {
			return err
		}
		word := make([]byte, n)
		if _, err := io.ReadFull(from, word); err != nil {
			return err
		}
		words[i] = string(word)
	}
	if words[0] != p.options.User || words[1] != p.options.Password {
		_, err := conn.Write([]byte{1, 1})
		return errors.Join(err, io.EOF)
	}
	_, err := conn.Write([]byte{1, 0})
	return err
}

func (p *Proxy) socksGo(conn net.Conn, from *bufio.Reader) error {
	head := make([]byte, 4)
	if _, err := io.ReadFull(from, head); err != nil {
		return err
	}
	size := map[byte]int{1: net.IPv4len, 4: net.IPv6len}[head[3]]
	if head[3] == socksName {
		n, err := from.ReadByte()
		if err != nil {
			return err
		}
		size = int(n)
	}
	address := make([]byte, size+2)
	if _, err := io.ReadFull(from, address); err != nil || head[1] != socksConnect || size == 0 {
		return errors.Join(err, io.EOF)
	}
	host := net.IP(address[:size]).String()
	if head[3] == socksName {
		host = string(address[:size])
	}
	where := net.JoinHostPort(host, strconv.Itoa(int(binary.BigEndian.Uint16(address[size:]))))
	if err := p.wanted("SOCKS5 " + where); err != nil {
		return err
	}
	reply := byte(p.options.Refuse)
	var to net.Conn
	if reply == 0 {
		var err error
		if to, err = dial(where); err != nil {
			reply = 5
		}
	}
	if _, err := conn.Write([]byte{socksVersion, reply, 0, 1, 0, 0, 0, 0, 0, 0}); err != nil || to == nil {
		return errors.Join(err, io.EOF)
	}
	return p.join(conn, from, to)
}
