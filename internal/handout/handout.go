// Package handout hands out files that are too large for the messenger, by links that
// expire.
//
// It owns the links as they are stored: each is for one file, of one case or notice, in one chat, and can
// be taken back. Whoever has one may fetch the file until then, so it is a secret of the chat; only
// its hash is kept. A person's ends with the connection of the account that got it, a
// group's with its binding. Content is package file's, who is given a link the courier's
// and the board's, accounts and groups are package directory's.
package handout

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	"countersign/internal/directory"
	"countersign/internal/file"
	"countersign/internal/locale"
)

// Life is how long a link is good.
const Life = 14 * 24 * time.Hour

// Desk makes links and answers them. Set the fields before use.
type Desk struct {
	Store     *Store
	Directory *directory.Store
	Files     *file.Store
	PublicURL string // links lead here; empty: there are none
	Texts     *locale.Texts
	Zone      *time.Location
	Log       *slog.Logger
}

// Offer is a file for a chat.
type Offer struct {
	SHA256 string
	Name   string // as people see it
	Case   string // or the notice that it is of
	Chat   int64
	Group  string // external id of the group that the chat is; empty: a person's
}

// Open reports whether links can be made.
func (d *Desk) Open() bool { return d != nil && d.PublicURL != "" }

// Link makes a link. Those made before stay good for their time: a message with one of
// them may be there although nobody heard of it.
func (d *Desk) Link(ctx context.Context, o Offer) (string, error) {
	token := rand.Text()
	o.Name = printable(o.Name)
	var connection int64
	if o.Chat > 0 {
		var err error
		if connection, err = d.Directory.Connection(ctx, o.Chat); err != nil && !errors.Is(err, directory.ErrUnknown) {
			return "", err
		}
	}
	if err := d.Store.add(ctx, token, o, connection); err != nil {
		return "", err
	}
	return d.PublicURL + path + token, nil
}

// look finds what a link opens now.
func (d *Desk) look(ctx context.Context, token string) (link, error) {
	l, err := d.Store.find(ctx, token)
	if err != nil {
		return l, err
	}
	held, err := d.held(ctx, l)
	if err == nil && !held {
		err = errEnded
	}
	return l, err
}

// held reports whether whoever was given a link still is who he was: the account connected
// without a break, the group bound. One from before that was noted belongs to whoever has
// the chat.
func (d *Desk) held(ctx context.Context, l link) (bool, error) {
	if l.place > 0 {
		now, err := d.Directory.Connection(ctx, l.place)
		if errors.Is(err, directory.ErrUnknown) {
			return false, nil
		}
		return l.connection == 0 || l.connection == now, err
	}
	known, err := d.Directory.Chats(ctx)
	return slices.ContainsFunc(known, func(c directory.Chat) bool {
		return !c.Disabled && (c.TelegramID == l.place || c.MigratedFrom == l.place) && (l.group == "" || l.group == c.ExternalID)
	}), err
}

// printable is a name without what could break a page or a header.
func printable(name string) string {
	name = strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '/' || r == '\\' {
			return '_'
		}
		return r
	}, strings.ToValidUTF8(name, "_")))
	if runes := []rune(name); len(runes) > 255 {
		name = string(runes[:255])
	}
	if name == "" {
		return "document"
	}
	return name
}
