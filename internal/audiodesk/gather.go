package audiodesk

import (
	"context"
	"errors"
	"slices"
	"time"

	"countersign/internal/ident"
	"countersign/internal/ledger"
	"countersign/internal/markup"
	"countersign/internal/notice"
	"countersign/internal/people"
)

const (
	tries      = 4                // each but the last ends because somebody else was faster
	noticeLife = 10 * time.Minute // who reads later that his phone rings is only puzzled
)

var errFaster = errors.New("somebody else was faster")

// Matter is a case that people are to talk about.
type Matter struct {
	Case   string
	Topic  string
	Cause  string // names the tap: handled again it rings nobody again
	Caller people.Person
	People []people.Person // who is called, the caller among them
}

// Rung is what came of it.
type Rung struct {
	Room   string
	Phones int // that are called now
	Asked  int // people without a number, who are told how to give one
}

// Discuss makes the room of a case, or finds it, and has the phones called of those who are
// not in it. Those who have given no number are told how to, when they are called for the
// first time. Note commits the making of a room together with what is known of it elsewhere:
// all of it happens, or nothing does.
func (d *Desk) Discuss(ctx context.Context, m Matter, note func(room string, also ledger.Also) error) (Rung, error) {
	for range tries {
		out, err := d.gather(ctx, m, note)
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

// round is who is called now, and who is told what.
type round struct {
	room  newRoom
	fresh bool // the room is to be made
	joins []people.Person
	calls []call
	tells []notice.New
	rules Rules
}

func (d *Desk) gather(ctx context.Context, m Matter, note func(string, ledger.Also) error) (Rung, error) {
	if !d.On() {
		return Rung{}, ErrOff
	}
	if _, err := d.key(ctx); err != nil { // the gate is its row
		return Rung{}, err
	}
	was, err := d.Store.gathered(ctx, m.Case, "case/"+m.Cause+"/")
	if err != nil {
		return Rung{}, err
	}
	if was.before {
		return Rung{Room: was.room.ID}, nil
	}
	r := round{room: was.room, fresh: was.room.ID == "", rules: d.Rules}
	if r.fresh {
		id, err := ident.New("arm")
		if err != nil {
			return Rung{}, err
		}
		r.room = newRoom{Room: Room{ID: id, Number: newNumber(), Kind: OfCase, Name: line(m.Topic, mostRoom), Maker: m.Caller.ID}, About: m.Case}
	}
	out := Rung{Room: r.room.ID}
	for _, p := range m.People {
		rings, told, err := d.summon(ctx, &r, was, m, p)
		if err != nil {
			return Rung{}, err
		}
		out.Phones += rings
		out.Asked += told
	}
	if !r.fresh {
		return out, d.Store.widen(ctx, r, d.Notices)
	}
	also, err := r.lend(d.Notices)
	if err != nil {
		return Rung{}, err
	}
	if err := note(r.room.ID, also); err != nil {
		if taken(err, "audio_room") {
			return Rung{}, errFaster
		}
		return Rung{}, err
	}
	return out, nil
}

// summon adds somebody to a round: his call, and what he is told. Whoever is in the room, or
// is being called, is left alone.
func (d *Desk) summon(ctx context.Context, r *round, was gathering, m Matter, p people.Person) (rings, told int, err error) {
	fresh := !slices.Contains(was.members, p.ID)
	if fresh {
		r.joins = append(r.joins, p)
	}
	if slices.Contains(was.busy, p.ID) {
		return 0, 0, nil
	}
	number, mark, has, err := d.number(ctx, p)
	if err != nil {
		return 0, 0, err
	}
	has = has && d.Rules.called(number)
	lang := d.lang(p.Locale)
	key := "audio.discuss.rings"
	switch {
	case !has && !fresh:
		return 0, 0, nil
	case !has:
		key, told = "audio.discuss.no_number", 1
	default:
		c := call{
			Cause: "case/" + m.Cause + "/" + string(p.ID), Room: r.room.ID, Person: p.ID, mark: mark, Lang: language(lang.Tag()), Leads: p.ID == r.room.Maker,
		}
		if c.ID, err = ident.New("acl"); err != nil {
			return 0, 0, err
		}
		r.calls = append(r.calls, c)
		rings = 1
	}
	buttons := []link{{text: "☎️ " + lang.T("audio.open", nil), to: place{Verb: toRoom, Room: r.room.ID}}}
	if !has {
		buttons = append(buttons, link{text: "📱 " + lang.T("audio.give", nil), to: place{Verb: giveNumber}})
	}
	tokens, err := d.Store.tokens(ctx, d.Store.Pool, p.ID, places([][]link{buttons}))
	if err != nil {
		return 0, 0, err
	}
	body := notice.Body{Key: key, Data: map[string]string{"Name": short(m.Caller.Name), "Topic": r.room.Name}}
	for _, b := range buttons {
		body.Buttons = append(body.Buttons, []notice.Button{{Text: markup.Truncate(b.text, mostLabel), Data: data(tokens[b.to])}})
	}
	r.tells = append(r.tells, notice.New{Class: notice.Alarm, To: notice.To{People: []people.ID{p.ID}}, Body: body, Life: noticeLife})
	return rings, told, nil
}
