// Package handout hands out files that are too large for the messenger, by links that
// expire.
//
// It owns the links as they are stored: each is for one file, of one case, in one chat, and can be taken
// back. Whoever has one may fetch the file until then, so it is a secret of the chat; only
// its hash is kept. Content is package file's, and who is given a link the courier's.
package handout

import (
	"context"
	"crypto/rand"
	"log/slog"
	"strings"
	"time"

	"countersign/internal/file"
	"countersign/internal/locale"
)

// Life is how long a link is good.
const Life = 14 * 24 * time.Hour

// Desk makes links and answers them. Set the fields before use.
type Desk struct {
	Store     *Store
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
	Case   string
	Chat   int64
}

// Open reports whether links can be made.
func (d *Desk) Open() bool { return d != nil && d.PublicURL != "" }

// Link makes a link. Those made before stay good for their time: a message with one of
// them may be there although nobody heard of it.
func (d *Desk) Link(ctx context.Context, o Offer) (string, error) {
	token := rand.Text()
	o.Name = printable(o.Name)
	if err := d.Store.add(ctx, token, o); err != nil {
		return "", err
	}
	return d.PublicURL + path + token, nil
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
