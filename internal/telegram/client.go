package telegram

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-telegram/bot"

	"countersign/internal/secret"
)

// PublicAPI is the address of Telegram's own Bot API.
const PublicAPI = "https://api.telegram.org"

// MaxFile is the greatest file that the public Bot API takes, in bytes.
const MaxFile = 50 << 20

const (
	minTimeout      = 30 * time.Second // the server waits through short flood waits and may still succeed
	uploadTimeout   = 5 * time.Minute
	maxAnswer       = 8 << 20
	maxPollSeconds  = 50
	minMasked       = 8 // a shorter text would be found in words
	messageCall     = "sendMessage"
	documentCall    = "sendDocument"
	albumCall       = "sendMediaGroup"
	pollCall        = "getUpdates"
	editTextCall    = "editMessageText"
	editCaptionCall = "editMessageCaption"
)

// Options configure a Client.
type Options struct {
	// Token is the token from BotFather.
	Token secret.Text
	// APIURL is the address of the Bot API; PublicAPI when empty.
	APIURL string
	// Proxy is the address of an http://, https:// or socks5:// proxy; none when empty.
	Proxy string
	// Timeout bounds one call; 30 s at least, which is also the default.
	Timeout time.Duration
	// MaxFile is the greatest file to send, in bytes; 50 MB, the limit of the public API, when zero.
	MaxFile int64
	// FilesDir is where a Bot API server of one's own in local mode keeps the files that people
	// sent, as it is seen from here; none when empty.
	FilesDir string
	// Log takes what the library has to say.
	Log *slog.Logger
	// Observe is called after every call with its method, what became of it and how long it took. It needs Now.
	Observe func(method string, kind Kind, took time.Duration)
	// Note is called after every call, too, with all that can be asked about it later. It must not wait. It needs Now.
	Note func(Call)
	// Now is the clock for Observe and Note.
	Now func() time.Time
}

// Client talks to the Bot API for one bot. Its methods may be called concurrently; each returns nil or
// an *Error.
type Client struct {
	token   string
	base    string
	bot     *bot.Bot
	proxy   *url.URL        // nil: none
	wire    *http.Transport // used bare: a http.Client would follow, or at least read, redirects
	timeout time.Duration
	maxFile int64
	files   string
	observe func(method string, kind Kind, took time.Duration)
	noted   func(Call)
	now     func() time.Time
}

// New checks the options and returns a client. It calls nobody.
func New(o Options) (*Client, error) {
	c := &Client{
		token: o.Token.Reveal(), timeout: max(o.Timeout, minTimeout), maxFile: o.MaxFile, files: o.FilesDir,
		observe: o.Observe, noted: o.Note, now: o.Now,
	}
	if !regexp.MustCompile(`^[0-9]{1,20}:[A-Za-z0-9_-]{1,128}$`).MatchString(c.token) {
		return nil, errors.New("telegram token: want NUMBER:LETTERS as given by BotFather")
	}
	if c.maxFile == 0 {
		c.maxFile = MaxFile
	}
	if (c.observe != nil || c.noted != nil) && c.now == nil {
		return nil, errors.New("telegram options: Observe and Note need Now")
	}
	var err error
	if c.base, err = baseURL(o.APIURL); err != nil {
		return nil, err
	}
	if c.proxy, err = proxyURL(o.Proxy); err != nil {
		return nil, err
	}
	if c.wire = transport(); c.proxy != nil {
		by(c.wire, c.proxy)
	}
	log := o.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	c.bot, err = bot.New(c.token, bot.WithSkipGetMe(), bot.WithServerURL(c.base), bot.WithHTTPClient(c.timeout, c),
		bot.WithErrorsHandler(func(err error) {
			log.LogAttrs(context.Background(), slog.LevelDebug, "telegram request body", slog.String("error", c.mask(err.Error())))
		}))
	if err != nil {
		return nil, fmt.Errorf("telegram client: %w", errors.New(c.mask(err.Error())))
	}
	return c, nil
}

// BotID is the id of the bot, as the token says.
func (c *Client) BotID() int64 { return c.bot.ID() }

// Close closes the idle connections.
func (c *Client) Close() { c.wire.CloseIdleConnections() }

func baseURL(raw string) (string, error) {
	if raw == "" {
		return PublicAPI, nil
	}
	u, err := url.Parse(raw)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return "", errors.New("telegram api url: want http(s)://HOST[:PORT][/PATH]")
	}
	return strings.TrimRight(u.String(), "/"), nil
}

// perform makes one call. What counts is what the exchange saw: the library may fail to decode an answer that
// says the message was sent.
func (c *Client) perform(ctx context.Context, t *exchange, send func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, exchangeKey{}, t), t.limit+c.timeout)
	defer cancel()
	var started time.Time
	if c.observe != nil || c.noted != nil {
		started = c.now()
	}
	err := send(ctx)
	switch {
	case t.done:
		err = t.failure()
	case err != nil:
		err = c.failed(t, Bug, err)
	default:
		err = c.failed(t, Bug, errors.New("was never sent"))
	}
	if c.observe != nil {
		c.observe(t.method, KindOf(err), c.now().Sub(started))
	}
	c.note(ctx, t, started, err)
	if KindOf(err) == NotModified {
		return nil
	}
	return err
}

// raw makes a call with a JSON body, for what the library cannot say, and decodes the result.
func (c *Client) raw(ctx context.Context, t *exchange, params, result any) error {
	err := c.perform(ctx, t, func(ctx context.Context) error {
		body, err := json.Marshal(params)
		if err != nil {
			return fmt.Errorf("encode: %w", err)
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+"/bot"+c.token+"/"+t.method, bytes.NewReader(body))
		if err != nil {
			return fmt.Errorf("request: %w", err)
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := c.Do(req)
		if err != nil {
			return err
		}
		return resp.Body.Close()
	})
	if err != nil || result == nil {
		return err
	}
	return c.decode(t, result)
}

// decode reads the result of a finished exchange.
func (c *Client) decode(t *exchange, result any) error {
	if len(t.result) == 0 { // the message was as wanted already
		return nil
	}
	if err := unmarshal(t.result, result); err != nil {
		return c.failed(t, lost(t.method), fmt.Errorf("unexpected result: %w", err))
	}
	return nil
}

// failed makes an error without an answer.
func (c *Client) failed(t *exchange, kind Kind, cause error) *Error {
	if text := cause.Error(); c.mask(text) != text {
		cause = errors.New(c.mask(text))
	}
	return &Error{Kind: kind, Method: t.method, cause: cause}
}

// mask hides the token, the secret half of it should it stand alone, and the password of
// the proxy as it stands and as it is sent.
func (c *Client) mask(s string) string {
	s = strings.ReplaceAll(s, c.token, "***")
	_, own, _ := strings.Cut(c.token, ":")
	hidden := []string{own}
	if c.proxy != nil {
		password, _ := c.proxy.User.Password()
		hidden = append(hidden, password, base64.StdEncoding.EncodeToString([]byte(c.proxy.User.Username()+":"+password)))
	}
	for _, h := range hidden {
		if len(h) >= minMasked {
			s = strings.ReplaceAll(s, h, "***")
		}
	}
	return s
}
