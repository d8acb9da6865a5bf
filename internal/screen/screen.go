// Package screen holds the shape of what a desk shows in a private chat, one message that
// changes in its place, and of whoever looks at it.
//
// It owns the two shapes and how a line of them is written. Showing a screen, and asking
// whether a tap is a person's own, is package chat's; what is on it is each desk's.
package screen

import (
	"context"
	"time"

	"countersign/internal/locale"
	"countersign/internal/markup"
	"countersign/internal/people"
	"countersign/internal/telegram"
)

// Screen is what a message shows.
type Screen struct {
	Lines  []string // HTML; none: what is shown stays
	Rows   [][]telegram.Button
	Notice string // told whoever tapped
	Loud   bool   // in a window that he must close
}

// Visitor is somebody at a screen.
type Visitor struct {
	Person  people.Person
	Account int64
	Lang    locale.Lang
	Zone    *time.Location
	Args    []string // of the button, or the words behind the command
}

// Turn makes the screen that a command or a button asks for.
type Turn func(ctx context.Context, v Visitor) (Screen, error)

// Desk is somebody who has screens of his own in the chats of people.
type Desk struct {
	Open Turn // by the command
	Tap  Turn // by a button; the first word of its data is the command's
}

// Prefix begins the data of each button under a screen.
const Prefix = "m:"

// Bold is a line that stands out.
func Bold(text string) string { return "<b>" + markup.Escape(text) + "</b>" }

// Plain is a line that does not.
func Plain(text string) string { return markup.Escape(text) }
