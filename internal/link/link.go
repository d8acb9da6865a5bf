// Package link ties a Telegram account to a person: it owns the attempts to do so, from
// /login in the chat through the login service in the browser back into the chat, and the
// acts that take a tie away again.
//
// What a stranger may try, and what stops him:
//
//   - a state that is guessed, old or used: it is random, kept as a hash, and used once
//   - his own link, sent to somebody: the page names the Telegram account; the proof shows
//     on the victim's screen and opens in the victim's Telegram, which ends the attempt and
//     is told to the administrators
//   - his own login on somebody's Telegram: the account of the login service must be that
//     of the person, and the chat names both before it is agreed to
//   - another browser, a code from elsewhere: a cookie, a nonce and PKCE that only this
//     browser's secret gives
//   - robots that look at links: reading the page changes nothing
//
// It leaves tokens of login services to package google, persons and links as stored to
// package directory, and what the messenger looks like to package chat.
package link

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"countersign/internal/directory"
	"countersign/internal/google"
	"countersign/internal/locale"
	"countersign/internal/notice"
	"countersign/internal/people"
)

// ErrTooMany comes back to an account that began too many attempts.
var ErrTooMany = errors.New("too many attempts")

// Desk is where accounts are tied and untied. Set the fields before use.
type Desk struct {
	Store     *Store
	Directory *directory.Store
	Services  []*google.Provider // in the order of their buttons; none: only administrators link
	PublicURL string             // where the pages are
	Terms     directory.Terms
	Texts     *locale.Texts
	Username  func() string // of the bot
	Zone      *time.Location
	Now       func() time.Time
	Notices   *notice.Store // whom an act concerns is told by the act's own commit
	// Others are asked first whether somebody whom a login service sends back is theirs:
	// there is one address for that, and several reasons to sign in.
	Others []func(http.ResponseWriter, *http.Request) (theirs bool)
	// Redraw is told that a person's messages must be shown anew.
	Redraw func(ctx context.Context, person people.ID) error
	Log    *slog.Logger
}

// User is a Telegram account as an update shows it.
type User struct {
	Account  int64
	Name     string
	Username string
	Language string        // of the messenger
	Person   people.Person // to whom it is tied; zero: to nobody
}

// decides reports whether the account may decide anything at all in the person's name.
func (u User) decides(now time.Time) bool {
	return u.Person.ID != "" && u.Person.Power.Decides(now, 0) == nil
}

// Button is one under a message: it opens an address or brings back data.
type Button struct {
	Text string
	URL  string
	Data string
}

// Screen is a message, in plain text.
type Screen struct {
	Text    string
	Buttons []Button // one a row
	Linked  bool     // the account is somebody's from now on
}

// lang is the language of a person: his own choice, then the messenger's.
func (d *Desk) lang(u User) locale.Lang {
	if u.Person.Locale != "" {
		return d.Texts.For(u.Person.Locale)
	}
	return d.Texts.For(u.Language)
}

func (d *Desk) service(name string) *google.Provider {
	for _, s := range d.Services {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// title is what a service is called on a button.
func (d *Desk) title(name string) string {
	if s := d.service(name); s != nil {
		return s.Title
	}
	return name
}

// alarm tells administrators, and the log in any case. What is as it should be is no warning.
func (d *Desk) alarm(ctx context.Context, tx tx, key string, data map[string]any, attrs ...slog.Attr) error {
	level := slog.LevelWarn
	if key == "linked" || key == "waits" {
		level = slog.LevelInfo
	}
	d.Log.LogAttrs(ctx, level, "account link", append([]slog.Attr{slog.String("alarm", key)}, attrs...)...)
	return d.add(ctx, tx, notice.To{Administrators: true}, notice.Body{Key: "link.alarm." + key, Data: notice.With(data)})
}

// tell writes into a private chat.
func (d *Desk) tell(ctx context.Context, tx tx, to notice.Account, key string, data map[string]any) error {
	return d.add(ctx, tx, notice.To{Accounts: []notice.Account{to}}, notice.Body{Key: key, Data: notice.With(data)})
}

// newsLife is for a bot that is away over a long weekend.
const newsLife = 7 * 24 * time.Hour

func (d *Desk) add(ctx context.Context, tx tx, to notice.To, b notice.Body) error {
	_, err := d.Notices.Add(ctx, tx, notice.New{Class: notice.Alarm, To: to, Body: b, Life: newsLife})
	return err
}

// masked shows of an address what its owner recognizes.
func masked(email string) string {
	local, domain, ok := strings.Cut(email, "@")
	r := []rune(local)
	switch {
	case !ok:
		return "…"
	case len(r) < 3:
		return string(r[:min(1, len(r))]) + "…@" + domain
	default:
		return string(r[:1]) + "…" + string(r[len(r)-1:]) + "@" + domain
	}
}
