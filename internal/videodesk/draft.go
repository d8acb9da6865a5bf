package videodesk

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"countersign/internal/markup"
	"countersign/internal/screen"
	"countersign/internal/telegram"
	"countersign/internal/trueconf"
)

// draft is a screen whose buttons have no tokens yet.
type draft struct {
	lines  []string
	rows   [][]link
	notice string
	loud   bool
}

// link is a button to be.
type link struct {
	text  string
	to    place
	style telegram.Style
}

func (p *draft) say(line string)   { p.lines = append(p.lines, screen.Plain(line)) }
func (p *draft) head(line string)  { p.lines = append(p.lines, screen.Bold(line)) }
func (p *draft) gap()              { p.lines = append(p.lines, "") }
func (p *draft) row(links ...link) { p.rows = append(p.rows, links) }
func (p *draft) fact(label, value string) {
	p.lines = append(p.lines, screen.Plain(label+": ")+screen.Bold(value))
}

// mostLine and mostTopic keep a screen within what a message takes, whatever is on it.
const (
	mostTopic  = 120
	mostLabel  = 48
	mostName   = 60
	oneList    = 20 // servers
	onePage    = 8  // conferences
	oneGroup   = 15 // participants
	namesAsked = 10 // participants whom a confirmation names
)

// finish gives the buttons their tokens.
func (d *Desk) finish(ctx context.Context, v screen.Visitor, p draft) (screen.Screen, error) {
	tokens, err := d.Store.tokens(ctx, d.Store.Pool, v.Person.ID, places(p.rows))
	if err != nil {
		return screen.Screen{}, err
	}
	out := screen.Screen{Lines: p.lines, Notice: p.notice, Loud: p.loud}
	for _, row := range p.rows {
		var made []telegram.Button
		for _, l := range row {
			made = append(made, telegram.Button{Text: markup.Truncate(l.text, mostLabel), Data: data(tokens[l.to]), Style: l.style})
		}
		out.Rows = append(out.Rows, made)
	}
	return out, nil
}

// places are what buttons mean.
func places(rows [][]link) (all []place) {
	for _, row := range rows {
		for _, l := range row {
			all = append(all, l.to)
		}
	}
	return all
}

func data(token string) string { return screen.Prefix + Command + ":" + token }

// at is a place of the same server.
func (w work) at(v verb) place { return place{Verb: v, Server: w.place.Server} }

// of is a place of the same conference.
func (w work) of(v verb) place {
	return place{Verb: v, Server: w.place.Server, Conference: w.place.Conference, Session: w.place.Session}
}

func (w work) back(key string, to place) link {
	return link{text: "← " + w.t(key, nil), to: to}
}

func (w work) refresh() link { return link{text: "🔄 " + w.t("video.refresh", nil), to: w.place} }

// turns are the buttons to the pages before and after; none where all is on one.
func (w work) turns(number, total, size int) []link {
	var out []link
	turn := func(sign string, to int) {
		p := w.place
		p.Page = to
		out = append(out, link{text: sign, to: p})
	}
	if number > 0 {
		turn("◀️ "+w.t("video.earlier", nil), number-1)
	}
	if (number+1)*size < total {
		turn(w.t("video.later", nil)+" ▶️", number+1)
	}
	return out
}

// part is what stands on a page; beyond the end it is the last one.
func part[T any](all []T, number, size int) (shown []T, at int) {
	if len(all) == 0 {
		return nil, 0
	}
	at = min(max(number, 0), (len(all)-1)/size)
	return all[at*size : min(len(all), (at+1)*size)], at
}

// line is text from outside on one line.
func line(s string, limit int) string {
	return markup.Truncate(strings.Join(strings.Fields(markup.Clean(s)), " "), limit)
}

// button leads to a conference of a list; none to what no button can name.
func (w work) button(c trueconf.Conference, no int) []link {
	if !named(c) {
		return nil
	}
	to := place{Verb: toConference, Server: w.place.Server, Conference: c.ID, Session: c.Session}
	return []link{{text: fmt.Sprintf("%d. %s", no, w.topic(c)), to: to}}
}

// named reports whether a conference can be told from others by a button.
func named(c trueconf.Conference) bool {
	odd := func(id string) bool {
		return len(id) > 500 || !utf8.ValidString(id) || strings.ContainsFunc(id, unicode.IsControl)
	}
	return (c.ID != "" || c.Session != "") && !odd(c.ID) && !odd(c.Session)
}

func short(s string) string { return line(s, mostName) }

// lasted says for how long something has gone on.
func (d *Desk) lasted(w work, since time.Time) string {
	return w.Lang.Duration(max(0, d.Now().Sub(since)))
}

// seen says when a screen was drawn.
func (d *Desk) seen(w work) string {
	return w.t("video.seen", map[string]any{"Time": d.Now().In(w.Zone).Format("15:04:05")})
}
