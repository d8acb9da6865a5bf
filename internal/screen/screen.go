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

	// Sent is called when the message was asked to show this, whatever came of it; nil: nobody
	// wants to know. Until then somebody else's change of the message may come before it.
	Sent func(ctx context.Context) error
}

// Visitor is somebody at a screen.
type Visitor struct {
	Person  people.Person
	Account int64
	Lang    locale.Lang
	Zone    *time.Location
	Args    []string // of the button, or the words behind the command
	Tap     string   // names his tap for good, as it may be handled again; empty: none
	Message int64    // the one that he tapped under; 0: none
}

// Turn makes the screen that a command or a button asks for.
type Turn func(ctx context.Context, v Visitor) (Screen, error)

// Desk is somebody who has screens of his own in the chats of people.
type Desk struct {
	Open Turn // by the command
	Tap  Turn // by a button; the first word of its data is the command's
	Hear Hear // what he says there, if the desk has asked for it; nil: it asks for nothing
	// Aside is told that somebody is asked something else now: until the desk asks again, only
	// what replies to its question answers it. Nil where Hear is.
	Aside func(ctx context.Context, v Visitor) error
}

// Words are what somebody said in his private chat, to no command.
type Words struct {
	*telegram.Message

	Update int64 // that brought them: whoever hears them again does what he did then
	After  int64 // the newest message in which another question was put to him; 0: none
}

// Heard is what became of words.
type Heard struct {
	Taken   bool   // they were for the desk, which has answered them
	Secret  bool   // they are to be kept nowhere
	Outcome string // for the record, without anything of what was said
}

// Hear takes words, or leaves them to others.
type Hear func(ctx context.Context, v Visitor, w Words) (Heard, error)

// Prefix begins the data of each button under a screen.
const Prefix = "m:"

// Bold is a line that stands out.
func Bold(text string) string { return "<b>" + markup.Escape(text) + "</b>" }

// Plain is a line that does not.
func Plain(text string) string { return markup.Escape(text) }
