// Package notice tells people what is not a card: alarms for those who look after the
// gateway, lines to somebody whose account changed hands, and what an ERP has to say.
//
// It owns the notices and the messages that they became. Who has something to tell adds a
// notice in the transaction of what it is about: it is then neither lost with a process
// nor told of something that did not happen. What an ERP tells is addressed first, so that
// it learns who is not reached, and posted with its answer. Sending one message is package
// post's, limits are pace's, people and chats directory's, documents the ledger's; what a
// group may see of one is decided when it is sent.
//
// A process that dies between a message and its note sends it once more; nothing is sent
// after it has expired.
package notice

import (
	"cmp"
	"errors"
	"time"

	"countersign/internal/markup"
	"countersign/internal/people"
)

// ErrInvalid comes back for a notice that cannot be told; the text says why.
var ErrInvalid = errors.New("not acceptable")

// Errors of a change. Nothing was changed.
var (
	// ErrUnknown: the source has no such notice.
	ErrUnknown = errors.New("no such notice")
	// ErrFixed: it is no progress, and stays as it was sent.
	ErrFixed = errors.New("not a progress")
	// ErrOver: the progress has ended.
	ErrOver = errors.New("the progress has ended")
	// ErrLate: a change with this number, or a later one, was taken before.
	ErrLate = errors.New("a later change is known")
)

// Class says what a notice is for.
type Class string

// The classes.
const (
	Info     Class = "info"     // silent outside working hours; several may go in one message
	Alarm    Class = "alarm"    // never silent
	Progress Class = "progress" // changes in place until it is over
)

// New is a notice to be told.
type New struct {
	Source string // who tells it; empty: the gateway itself
	Class  Class
	To     To
	Body   Body
	Life   time.Duration // what is not sent within it is not sent; a day when 0
}

// To is who is told. Whoever is meant in several ways is told once.
type To struct {
	Administrators bool          `json:"administrators,omitempty"` // the chats that are told when nobody can be asked
	Accounts       []Account     `json:"accounts,omitempty"`
	People         []people.ID   `json:"people,omitempty"`
	Roles          []people.Role `json:"roles,omitempty"`
	Chats          []string      `json:"chats,omitempty"` // by their external ids
}

// Account is a Telegram account, whoever has it.
type Account struct {
	ID       int64  `json:"id"`
	Language string `json:"language,omitempty"`
}

// Body is what is told: a text of ours in the language of each reader, or one as given.
type Body struct {
	Key   string                   `json:"key,omitempty"`
	Data  map[string]string        `json:"data,omitempty"`
	Times map[string]time.Time     `json:"times,omitempty"` // data, shown as the language does
	Spans map[string]time.Duration `json:"spans,omitempty"` // the same for how long something takes
	Words map[string]string        `json:"words,omitempty"` // data that are keys of texts; these are filled with the rest
	Title string                   `json:"title,omitempty"`
	Text  string                   `json:"text,omitempty"`
	Done  int                      `json:"done,omitempty"` // of a progress, of Total
	Total int                      `json:"total,omitempty"`
	State State                    `json:"state,omitempty"` // of a progress
	Files []File                   `json:"files,omitempty"`
	About string                   `json:"about,omitempty"` // external id of a document of the source

	Buttons [][]Button `json:"buttons,omitempty"` // in rows
}

// State is how a progress stands.
type State string

// The states; the empty one is that of what is no progress.
const (
	Running  State = "running"
	Finished State = "finished"
	Failed   State = "failed"
)

// File is one that package file keeps.
type File struct {
	SHA256 string `json:"sha256"`
	Name   string `json:"name"`
	Size   int64  `json:"size"`
}

// Limits of a notice, in pieces and in UTF-16 units, as the messenger counts.
const (
	MaxTitle    = 200
	MaxText     = 3500 // a message of the messenger takes 4096, the title, the document and the progress included
	MaxFiles    = 10
	MaxTo       = 500
	DefaultLife = 24 * time.Hour

	maxAbout = 400
)

// Why says, as a word, why a message did not arrive.
type Why string

// The reasons; the empty one is that of what is well.
const (
	Expired     Why = "expired"      // nobody could send it in its time
	Unlinked    Why = "unlinked"     // the person has no account, or another than the notice was for
	Deactivated Why = "deactivated"  // the person has left
	Disabled    Why = "disabled"     // the chat gets nothing
	NoChat      Why = "unknown_chat" // there is no such chat
	Unreachable Why = "unreachable"  // the chat does not want the bot
	NoRights    Why = "no_rights"    // the bot may not write there
	TooLarge    Why = "too_large"
	BadFile     Why = "bad_file"
	Withheld    Why = "withheld" // the chat gets no files of documents
	Refused     Why = "refused"  // by the messenger, for another reason
)

// Fault tells what is wrong with a notice, or nothing.
func (n New) Fault() string {
	to := n.To
	switch {
	case n.Class != Info && n.Class != Alarm && n.Class != Progress:
		return "class is not info, alarm or progress"
	case !to.Administrators && len(to.Accounts)+len(to.People)+len(to.Roles)+len(to.Chats) == 0:
		return "nobody is told"
	case len(to.Accounts)+len(to.People)+len(to.Roles)+len(to.Chats) > MaxTo:
		return "more than 500 people, roles and chats are named"
	case (n.Class == Progress) != (n.Body.State != ""):
		return "a state belongs to a progress, and to nothing else"
	default:
		return n.Body.check()
	}
}

func (n New) life() time.Duration { return cmp.Or(n.Life, DefaultLife) }

// clean takes out what deceives the eye, and what the database does not take.
func (b Body) clean() Body {
	b.Title, b.Text = markup.Clean(b.Title), markup.Clean(b.Text)
	data := make(map[string]string, len(b.Data))
	for key, value := range b.Data {
		data[key] = markup.Clean(value)
	}
	b.Data = data
	return b
}

func (b Body) check() string {
	switch {
	case (b.Key == "") == (b.Text == ""):
		return "text is missing"
	case length(b.Title) > MaxTitle:
		return "title is longer than 200 UTF-16 units"
	case length(b.Text) > MaxText:
		return "text is longer than 3500 UTF-16 units"
	case len(b.Files) > MaxFiles:
		return "more than 10 files"
	case length(b.About) > maxAbout:
		return "the name of the document is too long"
	case b.Done < 0 || b.Total < 0 || b.Done > b.Total:
		return "done is not between 0 and total"
	case !fit(b.Buttons):
		return "the messenger does not take the buttons"
	default:
		return ""
	}
}

func length(s string) int { return markup.Len16(s) }
