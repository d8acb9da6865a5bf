// Package demo owns the demonstration: the whole gateway, exactly as it is served, with
// everything around it played on loopback: the Bot API and its people, the accounting
// system, and a page that shows them side by side.
//
// It seeds what an administrator would, by the same commands and calls. It leaves the
// gateway to whoever serves it (Serve, Admin), the messenger to telegramtest and the
// accounting to fakeerp; nothing of the product knows that it is being shown.
package demo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"countersign/internal/asterisk/asterisktest"
	"countersign/internal/config"
	"countersign/internal/demo/fakeerp"
	"countersign/internal/directory"
	"countersign/internal/google/googletest"
	"countersign/internal/ledger"
	"countersign/internal/secret"
	"countersign/internal/telegram/telegramtest"
	"countersign/internal/wake"
)

// ErrNotLocal comes back for an address that others could reach: the page acts for
// everybody and asks nobody who he is.
var ErrNotLocal = errors.New("the demonstration is for this machine only: listen on 127.0.0.1 or [::1]")

// ErrUsed comes back for a folder that holds something: the people and the messenger of
// a demonstration begin anew each time, and their database must too.
var ErrUsed = errors.New("the folder is not empty: give the demonstration one of its own")

const source = "erp1c"

// Demo is one demonstration. Set the fields before Run.
type Demo struct {
	Listen  string // of the page
	DataDir string // new or empty, and kept; none: a temporary folder that is removed
	Lang    string // of people and groups; empty: English, and Russian for one of them
	Log     *slog.Logger
	Now     func() time.Time
	// Serve runs the gateway until ctx ends, and calls ready once it takes requests.
	Serve func(ctx context.Context, cfg config.Config, ready func(url string)) error
	// Admin runs a command of an administrator beside it.
	Admin func(ctx context.Context, cfg config.Config, act func(context.Context, *ledger.DB, *directory.Store) error) error
	// Ready is called with the addresses of the page and of the gateway once everything is there.
	Ready func(page, gateway string)
}

// Run plays until ctx ends, and leaves nothing behind.
func (d Demo) Run(ctx context.Context) (err error) {
	page, err := listenLocal(ctx, d.Listen)
	if err != nil {
		return err
	}
	folder, remove, err := dataDir(d.DataDir)
	if err != nil {
		return errors.Join(err, page.Close())
	}
	defer func() { err = errors.Join(err, remove()) }()
	s, err := newStage(ctx, d, page)
	if err != nil {
		return errors.Join(err, page.Close())
	}
	defer func() {
		err = errors.Join(err, s.telegram.Close(), s.google.Close(), s.video.close(), s.exchange.Close())
	}()
	return s.run(ctx, folder)
}

// dataDir gives the folder of a run, and how to leave it.
func dataDir(wanted string) (folder string, remove func() error, err error) {
	if wanted != "" {
		found, err := os.ReadDir(wanted)
		if err == nil && len(found) > 0 {
			err = ErrUsed
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", nil, fmt.Errorf("%s: %w", wanted, err)
		}
		folder, err = filepath.Abs(wanted)
		return folder, func() error { return nil }, err
	}
	if folder, err = os.MkdirTemp("", "countersign-demo-"); err != nil {
		return "", nil, err
	}
	if os.Geteuid() == 0 { // the private database gives up root and must be able to pass
		err = os.Chmod(folder, 0o711) //nolint:gosec // passing is not reading
	}
	return folder, func() error { return os.RemoveAll(folder) }, err
}

// stage is everything that is played around the gateway.
type stage struct {
	Demo

	cast     []Actor
	telegram *telegramtest.Server
	google   *googletest.Server
	video    studio
	exchange *asterisktest.Server
	erp      *fakeerp.ERP
	page     net.Listener
	hooks    net.Listener // of the ERP
	gateway  string       // host:port
	bell     *wake.Bell
}

func newStage(ctx context.Context, d Demo, page net.Listener) (*stage, error) {
	gateway, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	hooks, err := listenLocal(ctx, "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	messenger, err := telegramtest.Open(telegramtest.Options{Token: "4242424242:demonstration", BotName: botName})
	if err != nil {
		return nil, errors.Join(err, hooks.Close())
	}
	people := cast(d.Lang)
	google, err := openGoogle(ctx, d, people, gateway)
	if err != nil {
		return nil, errors.Join(err, messenger.Close(), hooks.Close())
	}
	video, err := openVideo(ctx, d.Now)
	if err != nil {
		return nil, errors.Join(err, messenger.Close(), google.Close(), hooks.Close())
	}
	exchange, err := openExchange(ctx, people, d.Now)
	if err != nil {
		return nil, errors.Join(err, messenger.Close(), google.Close(), video.close(), hooks.Close())
	}
	bell := &wake.Bell{}
	return &stage{
		video: video, exchange: exchange,
		Demo: d, cast: people, telegram: messenger, google: google, page: page, hooks: hooks, gateway: gateway, bell: bell,
		erp: &fakeerp.ERP{
			Gateway: "http://" + gateway, Source: source, Client: &http.Client{Timeout: time.Minute}, Log: d.Log, Now: d.Now, Bell: bell,
		},
	}, nil
}

// loginClient is the gateway as the issuer knows it.
const loginClient = "demonstration"

// openGoogle starts the issuer at which the people can sign in.
func openGoogle(ctx context.Context, d Demo, people []Actor, gateway string) (*googletest.Server, error) {
	o := googletest.Options{
		ClientID: loginClient, Secret: loginClient, Redirects: []string{"http://" + gateway + "/auth/google/callback"}, Now: d.Now,
	}
	for _, a := range people {
		o.Accounts = append(o.Accounts, googletest.Account{Subject: a.Key, Email: a.email(), Verified: true, Name: a.Name, Domain: mailDomain})
	}
	return googletest.Open(ctx, o)
}

// config is what an operator would write into the file.
func (s *stage) config(folder string) config.Config {
	cfg := config.Default()
	cfg.DataDir = folder
	cfg.Server.Listen = s.gateway
	cfg.Server.PublicURL = "http://" + s.gateway
	cfg.Server.ShutdownTimeout = 5 * time.Second
	cfg.Telegram.Token = secret.Text(s.telegram.Token())
	cfg.Telegram.APIURL = s.telegram.URL()
	cfg.Telegram.Mode = config.Webhook
	cfg.Telegram.GroupLanguage = cmp.Or(s.Lang, cfg.Telegram.GroupLanguage)
	cfg.Telegram.MessagesPerSecond, cfg.Telegram.ChatMessagesPerSecond, cfg.Telegram.GroupMessagesPerMinute = 100, 20, 600 // nobody limits here
	cfg.Google.ClientID, cfg.Google.ClientSecret = loginClient, loginClient
	cfg.Google.Issuer, cfg.Google.HostedDomains = s.google.URL(), []string{mailDomain}
	cfg.Console.Administrators = []string{s.cast[0].email()}
	cfg.TrueConf, cfg.Meet.Server, cfg.Meet.Owner = s.video.config(), clinic, "orlova"
	cfg.Asterisk = s.exchangeConfig()
	cfg.Egress.Allow = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	cfg.Log = config.Log{Level: slog.LevelWarn, Format: config.Text}
	return cfg
}

func (s *stage) run(ctx context.Context, folder string) error {
	cfg := s.config(folder)
	served := make(chan struct{})
	parts, ctx := errgroup.WithContext(ctx)
	parts.Go(func() error {
		err := s.Serve(ctx, cfg, func(string) { close(served) })
		if err == nil && ctx.Err() == nil {
			err = errors.New("the gateway ended by itself")
		}
		return err
	})
	parts.Go(func() error { return serveHTTP(ctx, s.hooks, s.erp) })
	parts.Go(func() error { return s.watch(ctx) })
	parts.Go(func() error {
		select {
		case <-ctx.Done():
			return s.page.Close()
		case <-served:
		}
		if err := s.seed(ctx, cfg); err != nil {
			return errors.Join(quietly(ctx, err), s.page.Close())
		}
		handler, err := s.handler()
		if err != nil {
			return errors.Join(err, s.page.Close())
		}
		parts.Go(func() error { return s.erp.Follow(ctx) })
		parts.Go(func() error { return serveHTTP(ctx, s.page, handler) })
		s.Ready("http://"+s.page.Addr().String()+"/", "http://"+s.gateway)
		return nil
	})
	return parts.Wait()
}

// quietly drops an error that only says that the end has come.
func quietly(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return nil
}

// watch passes on what changes in the messenger.
func (s *stage) watch(ctx context.Context) error {
	var version int64
	for {
		v, err := s.telegram.Changed(ctx, version)
		if err != nil {
			return quietly(ctx, err)
		}
		version = v
		s.bell.Ring()
	}
}

// serveHTTP answers until ctx ends; requests that wait are told by their context.
func serveHTTP(ctx context.Context, l net.Listener, h http.Handler) error {
	srv := &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, MaxHeaderBytes: 32 << 10,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
	defer cancel()
	if srv.Shutdown(stop) == nil {
		return nil
	}
	return srv.Close()
}

// listenLocal listens where nobody but this machine can come in.
func listenLocal(ctx context.Context, address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("listen on %q: %w", address, err)
	}
	if ip, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("listen on %s: %w", address, ErrNotLocal)
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w (another program has the port: try --listen 127.0.0.1:0)", address, err)
	}
	return l, nil
}

// freePort finds a port for the gateway: it must tell the messenger its address before
// it listens.
func freePort(ctx context.Context) (string, error) {
	l, err := listenLocal(ctx, "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
