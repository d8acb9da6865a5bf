package audiodesk

import (
	"context"
	"errors"
	"time"

	"countersign/internal/approval"
	"countersign/internal/ident"
	"countersign/internal/ledger"
	"countersign/internal/locale"
	"countersign/internal/markup"
	"countersign/internal/notice"
	"countersign/internal/people"
	"countersign/internal/screen"
)

const (
	tries      = 4                // each but the last ends because somebody else was faster
	noticeLife = 10 * time.Minute // who reads later that his phone rings is only puzzled
)

var errFaster = errors.New("somebody else was faster")

// Matter is a case that people are to talk about.
type Matter struct {
	Case   approval.ID
	Topic  string
	People []people.Person // who is called, whoever asks among them
}

// Rung is what came of it.
type Rung struct {
	Room       string
	Asked      bool // whoever asks has given no number: he is asked for it, and nobody is called
	Phones     int  // that are called now
	Numberless int  // people who have given no number, and were told how to
	Unable     int  // people who cannot be called now, and were told why
}

// Noting commits the making of a room together with what is known of it elsewhere: all of it
// happens, or nothing does.
type Noting func(room string, also ledger.Also) error

// Discuss makes the room of a case, or finds it, and has the phones called of those who are
// not in it. Who has not been asked into the room before and cannot be called is told why; who
// has no account that may act for him is left out.
// A tap that is handled again rings nobody again.
func (d *Desk) Discuss(ctx context.Context, v screen.Visitor, m Matter, note Noting) (Rung, error) {
	if !d.Calls() {
		return Rung{}, ErrOff
	}
	if err := v.Person.Power.Decides(d.Now(), 0); err != nil {
		return Rung{}, err
	}
	k, err := d.key(ctx) // the gate is its row, too
	if err != nil {
		return Rung{}, err
	}
	c, err := d.circle(ctx, v, m, k)
	if err != nil {
		return Rung{}, err
	}
	for range tries {
		out, err := d.gather(ctx, c, note)
		if err == nil {
			d.Bell.Ring()
			d.Notices.Bell.Ring()
		}
		if !errors.Is(err, errFaster) {
			return out, err
		}
	}
	return Rung{}, errFaster
}

// circle is a tap of somebody who asks others to talk, with what is known of their phones.
type circle struct {
	Matter

	by     screen.Visitor
	guests []guest
}

// cause is what asks for a call by this tap; to nobody: what all of them begin with.
func (c circle) cause(to people.ID) string { return "case/" + c.by.Tap + "/" + string(to) }

func (d *Desk) circle(ctx context.Context, v screen.Visitor, m Matter, k keys) (circle, error) {
	c := circle{Matter: m, by: v}
	for _, p := range m.People {
		if !d.trusts(p) {
			continue // as if he had no account
		}
		g := guest{Person: p}
		number, has, err := d.number(ctx, p)
		switch {
		case err != nil:
			return circle{}, err
		case !has:
			g.bar = numberless
		case !d.Rules.called(number):
			g.bar = strange
		default:
			g.mark, g.before = markWith(k.now, number), k.earlier(number)
		}
		c.guests = append(c.guests, g)
	}
	return c, nil
}

func (d *Desk) gather(ctx context.Context, c circle, note Noting) (Rung, error) {
	room, there, err := d.Store.ofCase(ctx, c.Case)
	if err != nil {
		return Rung{}, err
	}
	now, err := d.Store.tally(ctx, d.Store.Pool, room.ID, c)
	switch {
	case err != nil:
		return Rung{}, err
	case now.before > 0:
		return Rung{Room: room.ID, Phones: now.before}, nil
	case !d.Exchange.State().Up:
		return Rung{}, ErrAway
	case room.Locked:
		return Rung{}, ErrLocked
	}
	if asked, err := d.admit(ctx, c, now); asked || err != nil {
		return Rung{Asked: asked}, err
	}
	if !there {
		room, err = c.open(note)
	}
	if err != nil {
		return Rung{}, err
	}
	return d.ring(ctx, room.Room, c)
}

// open makes the room, unless somebody else does in this moment.
func (c circle) open(note Noting) (newRoom, error) {
	room, err := c.room()
	if err == nil {
		err = note(room.ID, room.lend())
	}
	if taken(err, "audio_room") {
		err = errFaster
	}
	return room, err
}

// Refusal says in words why nobody is called. It reports false for a fault of our own.
func Refusal(lang locale.Lang, err error) (string, bool) {
	for _, known := range []struct {
		err error
		key string
	}{{ErrOff, "audio.off"}, {ErrAway, "audio.discuss.away"}, {ErrLocked, "audio.discuss.locked"}, {people.ErrUnconfirmed, notYet}, {people.ErrCoolingOff, notYet}} {
		if errors.Is(err, known.err) {
			return lang.T(known.key, nil), true
		}
	}
	key, known := refusal(err)
	return lang.T(key, nil), known
}

// room is the one to be made for a case. Those who take part know each other: it shows names.
func (c circle) room() (newRoom, error) {
	id, err := ident.New("arm")
	return newRoom{
		Room:  Room{ID: id, Number: newNumber(), Kind: OfCase, Name: line(c.Topic, mostRoom), Maker: c.by.Person.ID},
		About: string(c.Case),
	}, err
}

// admit looks whether whoever asks for a talk can be called himself: nobody is called into a
// room that he cannot come into. Who has given no number is asked for it, and taps again.
func (d *Desk) admit(ctx context.Context, c circle, now tally) (asked bool, err error) {
	fates := now.fates(c.guests, d.Rules)
	for i, g := range c.guests {
		if g.ID != c.by.Person.ID {
			continue
		}
		switch fates[i] {
		case numberless:
			_, err := d.askNumber(ctx, work{Visitor: c.by})
			return true, err
		case strange:
			return false, ErrPrefix
		case elsewhere:
			return false, ErrInProgress
		case tired:
			return false, ErrDaily
		case allTired:
			return false, ErrDailyAll
		case rings, inThere:
		}
	}
	return false, nil
}

// ring writes down who is called, and tells him: all in one commit, in which nobody else
// counts calls.
func (d *Desk) ring(ctx context.Context, room Room, c circle) (Rung, error) {
	out := Rung{Room: room.ID}
	err := d.Store.ring(ctx, room.ID, c, func(r *round, now tally) error {
		out = Rung{Room: room.ID, Phones: now.before}
		if now.before > 0 {
			return nil
		}
		for i, fate := range now.fates(c.guests, d.Rules) {
			g := c.guests[i]
			switch fate {
			case rings:
				out.Phones++
				call, err := d.callOfCase(room, c, g)
				if err != nil {
					return err
				}
				r.call(call)
			case inThere:
				continue
			case numberless:
				out.Numberless++
			default:
				out.Unable++
			}
			if fate != rings && now.of[i].member {
				continue // he was told when he was asked first
			}
			r.letIn(g.ID)
			if err := d.tell(ctx, r, c, telling{room, g, fate}); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

func (d *Desk) callOfCase(room Room, c circle, g guest) (call, error) {
	id, err := ident.New("acl")
	return call{
		ID: id, Cause: c.cause(g.ID), Room: room.ID, Person: g.ID, mark: g.mark, Lang: language(d.lang(g.Locale).Tag()), Leads: g.ID == room.Maker,
	}, err
}

// telling is somebody who is told of a talk.
type telling struct {
	room  Room
	guest guest
	fate  fate
}

// tell writes to somebody that he is asked to talk, and how he comes in.
func (d *Desk) tell(ctx context.Context, r *round, c circle, t telling) error {
	lang := d.lang(t.guest.Locale)
	buttons := []link{{text: "☎️ " + lang.T("audio.open", nil), to: place{Verb: toRoom, Room: t.room.ID}}}
	if t.fate == numberless || t.fate == strange {
		buttons = append(buttons, link{text: "📱 " + lang.T("audio.give", nil), to: place{Verb: giveNumber}})
	}
	tokens, err := d.Store.tokens(ctx, r.tx, t.guest.ID, places([][]link{buttons}))
	if err != nil {
		return err
	}
	key := "audio.discuss." + string(t.fate)
	if t.guest.ID == c.by.Person.ID && t.fate == rings {
		key = "audio.discuss.own"
	}
	body := notice.Body{Key: key, Data: map[string]string{"Name": short(c.by.Person.Name), "Topic": t.room.Name}}
	for _, b := range buttons {
		body.Buttons = append(body.Buttons, []notice.Button{{Text: markup.Truncate(b.text, mostLabel), Data: data(tokens[b.to])}})
	}
	_, err = d.Notices.Add(ctx, r.tx, notice.New{Class: notice.Alarm, To: notice.To{People: []people.ID{t.guest.ID}}, Body: body, Life: noticeLife})
	return err
}
