package audiodesk

import (
	"context"
	"log/slog"

	"countersign/internal/ident"
	"countersign/internal/markup"
	"countersign/internal/pace"
	"countersign/internal/people"
	"countersign/internal/pin"
	"countersign/internal/screen"
	"countersign/internal/secret"
	"countersign/internal/telegram"
)

// Digits of a room's PIN.
const (
	shortPIN = 4
	longPIN  = 8
)

// The kinds of room that a button makes, as its page has them.
const (
	privateByName = iota
	privateAnonymous
	publicByName
	publicAnonymous
)

// choose asks which kind of room is to be made.
func (d *Desk) choose(_ context.Context, w work) (draft, error) {
	var p draft
	p.head("➕ " + w.t("audio.new", nil))
	p.say(w.t("audio.new_private", map[string]any{"Most": d.Rules.Rooms}))
	p.say(w.t("audio.new_anonymous", nil))
	of := func(sign, key string, page int) link {
		return link{text: sign + " " + w.t(key, nil), to: place{Verb: toName, Page: page}}
	}
	p.row(of("🔑", "audio.make.private", privateByName))
	p.row(of("🎭", "audio.make.private_anonymous", privateAnonymous))
	if w.Person.Holds(people.Role{Name: Administrator}) {
		p.row(of("🔊", "audio.make.public", publicByName))
		p.row(of("🎭", "audio.make.public_anonymous", publicAnonymous))
	}
	p.row(w.back(place{Verb: toRooms}))
	return p, nil
}

// askName asks what the new room is called.
func (d *Desk) askName(ctx context.Context, w work) (draft, error) {
	a := asking{Person: w.Person.ID, What: forName, Kind: Private, Tap: "tap/" + w.Tap}
	a.Anonymous = w.place.Page == privateAnonymous || w.place.Page == publicAnonymous
	if w.place.Page >= publicByName {
		a.Kind = Public
		if !w.Person.Holds(people.Role{Name: Administrator}) {
			return draft{notice: w.t("audio.right_less", nil), loud: true}, nil
		}
	}
	if a.Kind == Private && d.Seal == nil {
		return draft{notice: w.t("audio.no_seal", nil), loud: true}, nil
	}
	return draft{notice: w.t("audio.write", nil)}, d.put(ctx, w, &a)
}

// enter asks for the PIN of a room.
func (d *Desk) enter(ctx context.Context, w work) (draft, error) {
	if w.of.right >= enters {
		return d.room(ctx, w)
	}
	a := asking{Person: w.Person.ID, What: forPIN, Room: w.of.ID, Name: w.of.Name, Tap: "tap/" + w.Tap}
	return draft{notice: w.t("audio.write", nil)}, d.put(ctx, w, &a)
}

// askNumber asks for the number of the person's own phone.
func (d *Desk) askNumber(ctx context.Context, w work) (draft, error) {
	if d.Seal == nil {
		return draft{notice: w.t("audio.no_seal", nil), loud: true}, nil
	}
	a := asking{Person: w.Person.ID, What: forNumber, Tap: "tap/" + w.Tap}
	return draft{notice: w.t("audio.press", nil)}, d.put(ctx, w, &a)
}

// forget forgets it.
func (d *Desk) forget(ctx context.Context, w work) (draft, error) {
	if err := d.Store.drop(ctx, w.Person.ID, 0); err != nil {
		return draft{}, err
	}
	w.place = place{Verb: toRooms}
	out, err := d.rooms(ctx, w)
	out.notice = w.t("audio.forgotten", nil)
	return out, err
}

// put puts a question in a message of its own, below which the answer is written, and notes
// the message. A tap that is handled again puts none that is there.
func (d *Desk) put(ctx context.Context, w work, a *asking) error {
	if err := d.Store.ask(ctx, a); err != nil {
		return err
	}
	return d.pose(ctx, w.Visitor, a)
}

func (d *Desk) pose(ctx context.Context, v screen.Visitor, a *asking) error {
	if a.Message != 0 {
		return nil
	}
	out := telegram.Outgoing{ChatID: v.Account}
	say := func(key string, data map[string]any) { out.HTML = markup.Escape(v.Lang.T(key, data)) }
	switch a.What {
	case forName:
		say("audio.ask.name", nil)
		out.Ask = v.Lang.T("audio.hint.name", nil)
	case forNewPIN:
		say("audio.ask.new_pin", map[string]any{"Name": line(a.Name, mostRoom)})
		out.Ask = v.Lang.T("audio.hint.pin", nil)
	case forPIN:
		say("audio.ask.pin", map[string]any{"Name": line(a.Name, mostRoom)})
		out.Ask = v.Lang.T("audio.hint.pin", nil)
	case forNumber:
		say("audio.ask.number", nil)
		out.Contact = "📱 " + v.Lang.T("audio.give", nil)
	case forNone:
		return nil
	}
	id, err := d.send(ctx, out)
	if err != nil || id == 0 {
		return err
	}
	a.Message = id
	return d.Store.asked(ctx, *a)
}

// told writes a line to somebody who said something.
func (d *Desk) told(ctx context.Context, v screen.Visitor, key string, data map[string]any) {
	if _, err := d.send(ctx, telegram.Outgoing{ChatID: v.Account, HTML: markup.Escape(v.Lang.T(key, data))}); err != nil {
		d.Log.WarnContext(ctx, "not told", slog.Any("error", err))
	}
}

// send sends a message when its turn has come.
func (d *Desk) send(ctx context.Context, m telegram.Outgoing) (int64, error) {
	for {
		wait, err := d.Pace.Take(ctx, pace.Ask{Bot: d.Telegram.BotID(), Chat: m.ChatID, Class: pace.Outcome})
		if err != nil {
			return 0, err
		}
		if wait == 0 {
			return d.Telegram.Send(ctx, m)
		}
		if !rest(ctx, wait) {
			return 0, ctx.Err()
		}
	}
}

// make makes the room, and gives the question that it answers, answered.
func (d *Desk) make(ctx context.Context, v screen.Visitor, a asking, code secret.Text) (asking, error) {
	id, err := ident.New("arm")
	if err != nil {
		return asking{}, err
	}
	r := newRoom{Room: Room{ID: id, Number: newNumber(), Kind: a.Kind, Name: a.Name, Maker: v.Person.ID, Anonymous: a.Anonymous}}
	if code != "" {
		d.slow.Lock()
		hashed := pin.Make(code.Reveal())
		d.slow.Unlock()
		if r.pin, err = d.Seal.Seal(secret.Text(hashed), pinOf(id)); err != nil {
			return asking{}, err
		}
	}
	a.What = forNone
	err = d.Store.make(ctx, r, a, d.Rules.Rooms)
	a.Room, a.Message = id, 0
	return a, err
}

// isPIN reports whether something typed is the PIN of a room. That a try is counted comes
// first, so whatever fails here has cost one.
func (d *Desk) isPIN(ctx context.Context, room string, typed secret.Text) (bool, error) {
	sealed, err := d.Store.pin(ctx, room)
	if err != nil {
		return false, err
	}
	hashed, err := d.Seal.Open(sealed, pinOf(room))
	if err != nil {
		return false, err
	}
	h, err := pin.Read(hashed.Reveal())
	if err != nil {
		return false, err
	}
	d.slow.Lock()
	defer d.slow.Unlock()
	return h.Is(typed.Reveal()), nil
}
