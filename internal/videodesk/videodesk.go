// Package videodesk is where administrators look after TrueConf Servers in the messenger:
// how each is, what runs there and who is in it, and the end of what should not run.
//
// It owns the screens, what their buttons mean (a random token each, so that no name of a
// server or of a conference is ever part of a button), who may do what, and the record of
// acts. What a server says is package trueconf's, when a conference counts as forgotten
// videowatch's, showing a screen package chat's. An act is on record before it is tried, and
// is tried once: what became of one that was cut off is found out by looking.
package videodesk

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"countersign/internal/deed"
	"countersign/internal/ledger"
	"countersign/internal/locale"
	"countersign/internal/notice"
	"countersign/internal/people"
	"countersign/internal/screen"
	"countersign/internal/trueconf"
	"countersign/internal/videowatch"
)

// Command opens the desk.
const Command = "tc"

// Server is one that is looked after.
type Server struct {
	*trueconf.Server

	Rule      videowatch.Rule // which of its conferences are forgotten
	StopRoute string          // the type of document by which a stop is approved; empty: it is done at once
}

// Desk makes the screens. Set the fields before use.
type Desk struct {
	Servers   []Server // in the order in which they are shown
	Store     *Store
	Watch     *videowatch.Store
	Ledger    *ledger.DB
	Notices   *notice.Store
	Texts     *locale.Texts
	Language  string // of what is written for all, as on a document
	Deeds     *deed.Store
	Directory func(ctx context.Context) (people.Directory, error)
	Patience  time.Duration // with a server while somebody waits for a screen; 0: the usual
	Now       func() time.Time
	Log       *slog.Logger
}

const (
	patience   = 8 * time.Second  // with a server while somebody waits for a screen
	actionTime = 45 * time.Second // for an act, and for looking what became of it
)

// briefly is a context for asking a server while somebody waits.
func (d *Desk) briefly(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, cmp.Or(d.Patience, patience))
}

// Hosted is the desk as package chat shows it.
func (d *Desk) Hosted() screen.Desk { return screen.Desk{Open: d.open, Tap: d.tap} }

// open answers the command.
func (d *Desk) open(ctx context.Context, v screen.Visitor) (screen.Screen, error) {
	return d.show(ctx, v, place{Verb: toServers})
}

// tap answers a button. Whoever may look no longer is not told what it was about.
func (d *Desk) tap(ctx context.Context, v screen.Visitor) (screen.Screen, error) {
	if len(v.Args) != 1 {
		return refused(v, "video.button_old"), nil
	}
	p, known, err := d.Store.place(ctx, v.Person.ID, v.Args[0])
	if err != nil {
		return screen.Screen{}, err
	}
	if !known {
		return refused(v, "video.button_old"), nil
	}
	return d.show(ctx, v, p)
}

func refused(v screen.Visitor, key string) screen.Screen {
	return screen.Screen{Notice: v.Lang.T(key, nil), Loud: true}
}

// page makes one kind of screen.
type page struct {
	least Right
	turn  func(ctx context.Context, w work) (draft, error)
}

// pages are the screens of one server.
func (d *Desk) pages() map[verb]page {
	return map[verb]page{
		toServer:     {Viewer, d.status},
		toRunning:    {Viewer, d.running},
		toConference: {Viewer, d.conference},
		toOnline:     {Viewer, d.online},
		toStop:       {Operator, d.askStop},
		stopNow:      {Operator, d.stop},
		askNow:       {Operator, d.ask},
		toActs:       {Administrator, d.acts},

		toForgotten:   {Viewer, d.forgotten},
		toSnooze:      {Operator, d.snooze},
		toIgnore:      {Operator, d.ignore},
		toAlerts:      {Viewer, d.alerts},
		wantParts:     {Viewer, d.choose},
		wantForgotten: {Viewer, d.choose},
	}
}

// work is one tap being answered.
type work struct {
	screen.Visitor

	place  place
	server Server
	right  Right
}

func (w work) t(key string, data map[string]any) string { return w.Lang.T(key, data) }

func (d *Desk) show(ctx context.Context, v screen.Visitor, p place) (screen.Screen, error) {
	if p.Verb == toServers {
		return d.finish(ctx, v, d.servers(v, p.Page))
	}
	w := work{Visitor: v, place: p, right: RightOf(v.Person, p.Server)}
	server, there := d.server(p.Server)
	w.server = server
	page, known := d.pages()[p.Verb]
	if p.Verb == stopNow && server.StopRoute != "" || p.Verb == askNow && server.StopRoute == "" { // what it takes to stop is another since
		return refused(v, "video.button_old"), nil
	}
	switch {
	case w.right < Viewer:
		return refused(v, "video.right_gone"), nil
	case !there || !known:
		return refused(v, "video.server_gone"), nil
	case w.right < page.least:
		return refused(v, "video.right_less"), nil
	}
	out, err := page.turn(ctx, w)
	if err != nil {
		return screen.Screen{}, err
	}
	return d.finish(ctx, v, out)
}

// person is the name of somebody; that of nobody is a dash.
func (d *Desk) person(ctx context.Context, id people.ID) (string, error) {
	dir, err := d.Directory(ctx)
	if err != nil {
		return "", err
	}
	if p, known := dir.Person(id); known {
		return short(p.Name), nil
	}
	return "—", nil
}
