package videowatch

import (
	"context"
	"slices"
	"strings"
	"time"

	"countersign/internal/markup"
	"countersign/internal/notice"
	"countersign/internal/people"
)

// alert is something to be told.
type alert struct {
	class notice.Class
	body  notice.Body
}

// alerts are what people are told of news about a server.
func alerts(server string, n news) []alert {
	var out []alert
	changes := n.changes
	if both, rest := whole(changes); both.part != "" {
		out, changes = append(out, of(server, "server", both)), rest
	}
	for _, c := range changes {
		switch a := of(server, string(c.part), c); {
		case c.part == Certificate && (c.to != Well || c.from != Unseen):
			a.body.Key, a.body.Times = "watch.certificate_"+string(c.to), map[string]time.Time{"Until": n.expires}
			out = append(out, a)
		case c.part != Certificate && (c.to == Down || c.from == Down):
			out = append(out, a)
		}
	}
	if n.to != "" {
		out = append(out, alert{notice.Info, notice.Body{Key: "watch.version", Data: map[string]string{"Server": oneLine(server), "Old": n.from, "New": n.to}}})
	}
	return out
}

// of is what is told of one change: that it is down makes a sound at any hour.
func of(server, what string, c change) alert {
	a := alert{notice.Info, notice.Body{Data: map[string]string{"Server": oneLine(server), "Right": oneLine(c.right)}}}
	if c.to == Down || c.to == Expired {
		a.class = notice.Alarm
	}
	switch c.to {
	case Down:
		a.body.Key, a.body.Words = "watch.down."+what, map[string]string{"Why": "watch.fault." + c.fault}
	default:
		a.body.Key, a.body.Spans = "watch.up."+what, map[string]time.Duration{"Away": c.lasted}
	}
	return a
}

// whole finds that the engine and the web part went down, or came back, at once: that is
// the server, and one message.
func whole(changes []change) (both change, rest []change) {
	at := func(p Part) int { return slices.IndexFunc(changes, func(c change) bool { return c.part == p }) }
	e, w := at(Engine), at(Web)
	if e < 0 || w < 0 || changes[e].to != changes[w].to || changes[e].to == Well && (changes[e].from != Down || changes[w].from != Down) {
		return change{}, changes
	}
	both = changes[w]
	both.lasted = max(changes[e].lasted, changes[w].lasted)
	for _, c := range changes {
		if c.part != Engine && c.part != Web {
			rest = append(rest, c)
		}
	}
	return both, rest
}

// oneLine keeps a name that somebody chose in its place: it may hold anything.
func oneLine(s string) string {
	const most = 240
	return markup.Truncate(strings.Join(strings.Fields(markup.Clean(s)), " "), most)
}

// tell adds alerts for whoever wants them, in the transaction of what they are about.
func (w *Watch) tell(ctx context.Context, tx Tx, dir people.Directory, server string, all []alert) error {
	to, err := audience(ctx, tx, dir, server, func(w Wants) bool { return w.Alerts })
	if err != nil {
		return err
	}
	for _, a := range all {
		if err := w.add(ctx, tx, a, to); err != nil {
			return err
		}
	}
	return nil
}

// add tells people one thing. Where nobody looks after the server, those who look after the
// gateway hear of it.
func (w *Watch) add(ctx context.Context, tx Tx, a alert, to crowd) error {
	if to.nobody {
		_, err := w.Notices.Add(ctx, tx, notice.New{Class: a.class, To: notice.To{Administrators: true}, Body: a.body})
		return err
	}
	for some := range slices.Chunk(to.ids(), notice.MaxTo) {
		if _, err := w.Notices.Add(ctx, tx, notice.New{Class: a.class, To: notice.To{People: some}, Body: a.body}); err != nil {
			return err
		}
	}
	return nil
}
