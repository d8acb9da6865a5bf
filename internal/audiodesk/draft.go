package audiodesk

import (
	"context"
	"crypto/sha256"
	"strings"

	"countersign/internal/markup"
	"countersign/internal/screen"
	"countersign/internal/telegram"
)

// draft is a screen whose buttons have no tokens yet.
type draft struct {
	lines  []string
	rows   [][]link
	notice string
	loud   bool
	live   *standing // the room that it shows, to be followed; nil: it shows none
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

// Bounds of a screen, so that it fits into a message whatever is on it.
const (
	mostName  = 60 // of a person, or a room on a button
	mostLabel = 48
	onePage   = 8  // rooms, or participants with their buttons
	mostShown = 40 // participants
)

// finish gives the buttons their tokens, and lets a screen of a room be followed.
func (d *Desk) finish(ctx context.Context, w work, p draft) (screen.Screen, error) {
	out, err := d.drawn(ctx, w, p)
	if err != nil || w.Message == 0 || len(out.Lines) == 0 {
		return out, err
	}
	if p.live == nil {
		return out, d.Store.leave(ctx, w.Account, w.Message)
	}
	f := followed{
		Account: w.Account, Message: w.Message, Person: w.Person.ID, Room: p.live.ID, Page: w.place.Page, Version: p.live.Version, Shown: digest(out),
	}
	out.Sent = func(ctx context.Context) error { return d.Store.sent(ctx, f, d.drawEvery()) }
	return out, d.Store.follow(ctx, f, d.drawEvery())
}

// drawn is a screen with its buttons.
func (d *Desk) drawn(ctx context.Context, w work, p draft) (screen.Screen, error) {
	tokens, err := d.Store.tokens(ctx, d.Store.Pool, w.Person.ID, places(p.rows))
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

// digest tells two screens apart. What a button means is part of its token, which changes with
// it.
func digest(s screen.Screen) []byte {
	var all strings.Builder
	all.WriteString(strings.Join(s.Lines, "\n"))
	for _, row := range s.Rows {
		all.WriteString("\x00")
		for _, b := range row {
			all.WriteString("\x01" + b.Text + "\x02" + b.Data)
		}
	}
	sum := sha256.Sum256([]byte(all.String()))
	return sum[:]
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

// at is a place of the same room.
func (w work) at(v verb) place { return place{Verb: v, Room: w.place.Room} }

func (w work) back(to place) link {
	key := "audio.back"
	if to.Verb == toRooms {
		key = "audio.title"
	}
	return link{text: "← " + w.t(key, nil), to: to}
}

// turns are the buttons to the pages before and after; none where all is on one.
func (w work) turns(number, total int) []link {
	var out []link
	turn := func(sign string, to int) {
		p := w.place
		p.Page = to
		out = append(out, link{text: sign, to: p})
	}
	if number > 0 {
		turn("◀️ "+w.t("audio.earlier", nil), number-1)
	}
	if (number+1)*onePage < total {
		turn(w.t("audio.later", nil)+" ▶️", number+1)
	}
	return out
}

// part is what stands on a page; beyond the end it is the last one.
func part[T any](all []T, number int) (shown []T, at int) {
	if len(all) == 0 {
		return nil, 0
	}
	at = min(max(number, 0), (len(all)-1)/onePage)
	return all[at*onePage : min(len(all), (at+1)*onePage)], at
}

// line is text from outside on one line.
func line(s string, limit int) string {
	return markup.Truncate(strings.Join(strings.Fields(markup.Clean(s)), " "), limit)
}

func short(s string) string { return line(s, mostName) }
