package demo

import (
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"golang.org/x/sync/errgroup"

	"countersign/internal/telegram/telegramtest"
)

// errSignIn comes back when a page of the gateway is not what it should be.
var errSignIn = errors.New("signing in does not go on")

// signIn lets everybody but the newcomer tie his Telegram to his account, as people do:
// /login, the browser, the way back into the chat, [Connect].
func (s *stage) signIn(ctx context.Context) error {
	all, ctx := errgroup.WithContext(ctx)
	for _, a := range s.cast {
		if a.Part == newcomer {
			continue
		}
		all.Go(func() error {
			if err := s.connect(ctx, a); err != nil {
				return fmt.Errorf("%s: %w", a.Key, err)
			}
			return nil
		})
	}
	return all.Wait()
}

func (s *stage) connect(ctx context.Context, a Actor) error {
	if _, err := s.telegram.Say(a.Account, a.Account, "/login", 0); err != nil { //nolint:contextcheck // a delivery outlives the call
		return err
	}
	offer, err := s.button(ctx, a, func(b telegramtest.Button) bool { return strings.Contains(b.URL, "/auth/google/start") })
	if err != nil {
		return err
	}
	payload, err := (&visit{stage: s}).prove(ctx, offer.URL, a.email())
	if err != nil {
		return err
	}
	if _, err := s.telegram.StartBot(a.Account, payload); err != nil { //nolint:contextcheck // a delivery outlives the call
		return err
	}
	yes, err := s.button(ctx, a, func(b telegramtest.Button) bool { return strings.HasPrefix(b.Data, "lk:y:") })
	if err != nil {
		return err
	}
	if _, err := s.telegram.Tap(ctx, a.Account, a.Account, yes.message, yes.Data); err != nil {
		return err
	}
	return s.telegram.WaitFor(ctx, func() bool {
		dir := s.telegram.Messages(a.Account)
		return len(dir) > 0 && strings.HasPrefix(dir[len(dir)-1].Text, "✅")
	})
}

// pressable is a button with its message.
type pressable struct {
	telegramtest.Button

	message int64
}

// button waits for one in somebody's chat.
func (s *stage) button(ctx context.Context, a Actor, is func(telegramtest.Button) bool) (found pressable, err error) {
	err = s.telegram.WaitFor(ctx, func() bool {
		for _, m := range s.telegram.Messages(a.Account) {
			for _, row := range m.Keyboard {
				for _, b := range row {
					if is(b) {
						found = pressable{b, m.ID}
						return true
					}
				}
			}
		}
		return false
	})
	return found, err
}

// visit is somebody's browser while he signs in.
type visit struct {
	stage   *stage
	cookies []*http.Cookie
}

// prove goes from the button of the chat to the page that leads back, and gives what it
// hands over.
func (v *visit) prove(ctx context.Context, address, email string) (payload string, err error) {
	page, _, err := v.open(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	token, err := find(page, `name="attempt" value="([^"]+)"`)
	if err != nil {
		return "", err
	}
	start, _, _ := strings.Cut(address, "?")
	_, to, err := v.open(ctx, http.MethodPost, start, url.Values{"attempt": {token}})
	if err != nil {
		return "", err
	}
	if to, err = v.stage.google.SignIn(ctx, to, email); err != nil {
		return "", err
	}
	if _, to, err = v.open(ctx, http.MethodGet, to, nil); err != nil {
		return "", err
	}
	if page, _, err = v.open(ctx, http.MethodGet, to, nil); err != nil {
		return "", err
	}
	return find(page, `\?start=([A-Za-z0-9_-]+)`)
}

func find(page, pattern string) (string, error) {
	m := regexp.MustCompile(pattern).FindStringSubmatch(page)
	if m == nil {
		return "", fmt.Errorf("%s is not on the page: %w", pattern, errSignIn)
	}
	return html.UnescapeString(m[1]), nil
}

// open asks for a page; to is where it sends on.
func (v *visit) open(ctx context.Context, method, address string, form url.Values) (page, to string, err error) {
	req, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(form.Encode()))
	if err != nil {
		return "", "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for _, c := range v.cookies {
		req.AddCookie(c)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return "", "", err
	}
	defer func() { _ = resp.Body.Close() }()
	if set := resp.Cookies(); len(set) > 0 {
		v.cookies = set
	}
	const most = 1 << 20
	body, err := io.ReadAll(io.LimitReader(resp.Body, most))
	switch {
	case err != nil:
		return "", "", err
	case resp.StatusCode == http.StatusSeeOther:
		u, err := resp.Location()
		if err != nil {
			return "", "", err
		}
		return "", u.String(), nil
	case resp.StatusCode != http.StatusOK:
		return "", "", fmt.Errorf("%s %s: %w", method, resp.Status, errSignIn)
	}
	return string(body), "", nil
}
