// Package audiodesk brings people together by telephone: rooms of an Asterisk exchange, chosen
// in the messenger, into which a tap has one's own phone called.
//
// It owns the rooms and who may be in them, the telephone numbers of people, the calls, who
// is in a room now, the screens that show it, and the record of what was done to others
// there. How an exchange is spoken to is package asterisk's, showing a screen package chat's,
// what a case is about whoever asks for a talk.
//
// The people of a case have a room of their own. It closes with the case, or when it stood
// empty, and the end is noted under the document by package ledger.
//
// A call is written down with the tap that asks for it. Whoever claims it may ask the
// exchange once, and nobody asks again: what became of one that was cut off is found out by
// looking. Every replica hears the exchange, and writes down the same.
package audiodesk

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"countersign/internal/asterisk"
	"countersign/internal/ledger"
	"countersign/internal/locale"
	"countersign/internal/notice"
	"countersign/internal/pace"
	"countersign/internal/people"
	"countersign/internal/screen"
	"countersign/internal/seal"
	"countersign/internal/telegram"
	"countersign/internal/wake"
)

// Command opens the desk.
const Command = "rooms"

// Administrator is the role of those who make public rooms, and look after all but those of
// documents.
const Administrator = "audio_administrator"

// Errors of asking for a call. Nobody was called.
var (
	// ErrOff: there is no exchange, or no key by which numbers are kept.
	ErrOff = errors.New("no telephone exchange is set")
	// ErrInvalid: the request cannot be met; the text says why.
	ErrInvalid = errors.New("not acceptable")
	// ErrPrefix: numbers like this one are not called from here.
	ErrPrefix = errors.New("numbers that begin like this one are not called")
	// ErrCaller: phones do not show this number for another system.
	ErrCaller = errors.New("this number is not shown")
	// ErrInProgress: somebody, or a number, is being called, or is in a call.
	ErrInProgress = errors.New("a call is already in progress")
	// ErrDaily: a person, or a number, was called as often as may be within a day.
	ErrDaily = errors.New("called too often today")
	// ErrDailyAll: so many calls were made within a day that no more are.
	ErrDailyAll = errors.New("too many calls today")
	// ErrOther: the key of the request names another one.
	ErrOther = errors.New("the key was used for another call")
	// ErrAway: the exchange does not answer.
	ErrAway = errors.New("the telephone exchange does not answer")
	// ErrLocked: whoever runs the room has locked it.
	ErrLocked = errors.New("the room is locked")
	// ErrClosed: the room is closed.
	ErrClosed = errors.New("the room is closed")
)

// Desk makes rooms, the screens of rooms, and calls. Set the fields before use.
type Desk struct {
	Store     *Store
	Exchange  *asterisk.Client // nil: there is none
	Seal      *seal.Seal       // of numbers and PINs; nil: there can be none
	Ledger    *ledger.DB       // of the cases that are talked about
	Notices   *notice.Store
	Telegram  *telegram.Client
	Pace      *pace.Pace
	Texts     *locale.Texts
	GroupLang string // of what many read
	Zone      *time.Location
	Directory func(ctx context.Context) (people.Directory, error)
	Rules     Rules
	Bell      *wake.Bell // rings when there is somebody to call or something to show
	Now       func() time.Time
	Log       *slog.Logger

	slow   sync.Mutex    // one slow hash at a time
	grace  time.Duration // of a call of which nothing is heard; 0: doubt
	still  time.Duration // that a screen is left alone after it was drawn; 0: drawEvery
	empty  time.Duration // that the room of a case stands before it is closed; 0: deserted
	missed time.Duration // that a call waits for a replica with a line; 0: twice lookEvery
	idle   time.Duration // after which work is looked for that nothing rang for; 0: lookEvery
}

// Rules is what holds for all calls.
type Rules struct {
	Prefixes []string      // numbers that are called begin like one of them, and not like one after a "!"; none: nobody is called
	Daily    int           // calls to one person, or number, within a day
	DailyAll int           // calls within a day
	AtOnce   int           // calls at the same time
	Rooms    int           // open private rooms of one person
	Ring     time.Duration // a phone rings no longer
	CallerID string        // the number that phones show
	Callers  []string      // others that another system may have shown
}

// DefaultRules are the limits where nobody says otherwise. Who may be called, nobody can say
// but whoever pays for it.
func DefaultRules() Rules {
	return Rules{Daily: 30, DailyAll: 500, AtOnce: 10, Rooms: 3, Ring: 30 * time.Second}
}

const (
	patience   = 8 * time.Second  // for the exchange while somebody waits for a screen
	doubt      = 15 * time.Second // whoever claimed a call is at it for no longer
	waiting    = 2 * time.Minute  // a call for which no line is free is not made after it
	recent     = 12 * time.Hour   // a call that ended is shown for so long
	screenLife = 24 * time.Hour   // a screen is followed for so long
	drawEvery  = time.Second      // and is drawn no more often: so many messages a chat gets
	askLife    = 15 * time.Minute // a question waits so long for its answer
)

// On reports whether people can be called.
func (d *Desk) On() bool { return d != nil && d.Exchange != nil && d.Seal != nil }

// Calls reports whether there are numbers that may be called.
func (d *Desk) Calls() bool { return d.On() && len(d.Rules.Prefixes) > 0 }

// Missing names the settings without which nobody can be called.
func (d *Desk) Missing() []string {
	if d == nil || d.Exchange == nil {
		return []string{"asterisk.mode", "asterisk.prefixes"}
	}
	var out []string
	if d.Seal == nil {
		out = append(out, "seal.key_file")
	}
	if len(d.Rules.Prefixes) == 0 {
		out = append(out, "asterisk.prefixes")
	}
	return out
}

// Hosted is the desk as package chat shows it.
func (d *Desk) Hosted() screen.Desk {
	return screen.Desk{Open: d.open, Tap: d.tap, Hear: d.hear, Aside: d.aside}
}

func (d *Desk) doubt() time.Duration { return cmp.Or(d.grace, doubt) }

func (d *Desk) drawEvery() time.Duration { return cmp.Or(d.still, drawEvery) }

func (d *Desk) turn() time.Duration { return cmp.Or(d.missed, 2*lookEvery) }

func (d *Desk) lookEvery() time.Duration { return cmp.Or(d.idle, lookEvery) }

// open answers the command: all rooms, or the one whose number was written behind it.
func (d *Desk) open(ctx context.Context, v screen.Visitor) (screen.Screen, error) {
	if !d.trusts(v.Person) {
		return screen.Screen{Lines: []string{screen.Plain(v.Lang.T(notYet, nil))}}, nil
	}
	if len(v.Args) == 0 {
		return d.show(ctx, v, place{Verb: toRooms})
	}
	return d.lead(ctx, v, v.Args[0])
}

// tap answers a button. Whoever may look no longer is not told what it was about.
func (d *Desk) tap(ctx context.Context, v screen.Visitor) (screen.Screen, error) {
	switch {
	case !d.trusts(v.Person):
		return refused(v, notYet), nil
	case len(v.Args) != 1:
		return refused(v, "audio.button_old"), nil
	}
	p, known, err := d.Store.place(ctx, v.Person.ID, v.Args[0])
	if err != nil {
		return screen.Screen{}, err
	}
	if !known {
		return refused(v, "audio.button_old"), nil
	}
	return d.show(ctx, v, p)
}

func refused(v screen.Visitor, key string) screen.Screen {
	return screen.Screen{Notice: v.Lang.T(key, nil), Loud: true}
}

// page makes one kind of screen.
type page struct {
	least right
	turn  func(ctx context.Context, w work) (draft, error)
}

// pages are the screens of one room.
func (d *Desk) pages() map[verb]page {
	return map[verb]page{
		toRoom:   {sees, d.room},
		toEnter:  {knows, d.enter},
		join:     {enters, d.join},
		mute:     {leads, d.act},
		unmute:   {leads, d.act},
		kick:     {leads, d.act},
		lock:     {leads, d.act},
		unlock:   {leads, d.act},
		toClose:  {leads, d.askClose},
		closeNow: {leads, d.close},
		toActs:   {leads, d.acts},
	}
}

// lobby are the screens of no room.
func (d *Desk) lobby() map[verb]func(ctx context.Context, w work) (draft, error) {
	return map[verb]func(ctx context.Context, w work) (draft, error){
		toRooms: d.rooms, toNew: d.choose, toName: d.askName, giveNumber: d.askNumber, forgetNumber: d.forget,
	}
}

// work is one tap being answered.
type work struct {
	screen.Visitor

	place place
	of    standing
}

func (w work) t(key string, data map[string]any) string { return w.Lang.T(key, data) }

// show makes the screen of a place. What somebody may do is looked up each time.
func (d *Desk) show(ctx context.Context, v screen.Visitor, p place) (screen.Screen, error) {
	w := work{Visitor: v, place: p}
	turn := d.lobby()[p.Verb]
	if turn == nil {
		at, known := d.pages()[p.Verb]
		of, there, err := d.Store.standing(ctx, p.Room, v.Person)
		switch {
		case err != nil:
			return screen.Screen{}, err
		case !known || !there || of.right < knows:
			return refused(v, "audio.room_gone"), nil
		case !of.Closed.IsZero() && p.Verb != closeNow:
			return d.finish(ctx, w, closed(w, of))
		case of.right < at.least:
			return refused(v, "audio.right_less"), nil
		}
		w.of, turn = of, at.turn
	}
	out, err := turn(ctx, w)
	if err != nil {
		return screen.Screen{}, err
	}
	return d.finish(ctx, w, out)
}
