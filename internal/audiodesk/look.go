package audiodesk

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"

	"countersign/internal/markup"
	"countersign/internal/people"
	"countersign/internal/screen"
	"countersign/internal/telegram"
)

// rooms lists those that a person may look at.
func (d *Desk) rooms(ctx context.Context, w work) (draft, error) {
	all, err := d.Store.open(ctx, w.Person)
	if err != nil {
		return draft{}, err
	}
	shown, at := part(all, w.place.Page)
	w.place = place{Verb: toRooms, Page: at}
	var p draft
	p.head("☎️ " + w.t("audio.title", nil))
	p.say(w.t("audio.what", nil))
	if len(all) == 0 {
		p.gap()
		p.say(w.t("audio.none", nil))
	}
	for _, r := range shown {
		p.row(link{text: w.sign(r) + " " + short(r.Name) + inIt(r.in), to: place{Verb: toRoom, Room: r.ID}})
	}
	p.row(w.turns(at, len(all))...)
	p.row(link{text: "➕ " + w.t("audio.new", nil), to: place{Verb: toNew}})
	_, has, err := d.Store.number(ctx, w.Person.ID)
	if err != nil {
		return draft{}, err
	}
	if has {
		p.row(link{text: "🗑 " + w.t("audio.forget", nil), to: place{Verb: forgetNumber}})
	} else {
		p.row(link{text: "📱 " + w.t("audio.give", nil), to: place{Verb: giveNumber}})
	}
	return p, nil
}

func inIt(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(" · %d", n)
}

// sign tells the kinds apart at a glance.
func (w work) sign(r standing) string {
	switch {
	case r.Kind == Public:
		return "🔊"
	case r.Kind == OfCase:
		return "📄"
	case r.right < enters:
		return "🛡" // seen by who looks after rooms
	default:
		return "🔑"
	}
}

// room shows one, with who is in it.
func (d *Desk) room(ctx context.Context, w work) (draft, error) {
	in, err := d.Store.present(ctx, w.of.ID)
	if err != nil {
		return draft{}, err
	}
	dir, err := d.Directory(ctx)
	if err != nil {
		return draft{}, err
	}
	p := draft{live: &w.of}
	p.head(w.sign(w.of) + " " + line(w.of.Name, mostRoom))
	p.say(w.t("audio.kind."+string(w.of.Kind), nil) + " · " + w.t(map[bool]string{true: "audio.anonymous", false: "audio.by_name"}[w.of.Anonymous], nil))
	if w.of.Kind == Private && w.of.right >= leads && w.of.Maker == w.Person.ID {
		p.say(w.t("audio.invite", map[string]any{"Command": "/" + Command + " " + w.of.Number}))
	}
	if w.of.Locked {
		p.say("🔒 " + w.t("audio.locked", nil))
	}
	p.gap()
	shown, at := part(in, w.place.Page)
	w.place = place{Verb: toRoom, Room: w.of.ID, Page: at}
	p.head(w.Lang.N("audio.people", len(in), nil))
	for _, one := range in[:min(len(in), mostShown)] {
		p.say(w.participant(one, dir))
	}
	if len(in) > mostShown {
		p.say("…")
	}
	w.of.in = len(in)
	if err := d.doors(ctx, w, &p); err != nil {
		return draft{}, err
	}
	if w.of.right >= leads {
		for _, one := range shown {
			p.row(w.over(one, dir)...)
		}
		p.row(w.turns(at, len(in))...)
	}
	p.row(w.back(place{Verb: toRooms}))
	return p, nil
}

// mostRoom is how much of a room's name is shown.
const mostRoom = 80

// called is how a participant is called here. In a room without names nobody reads any, and
// whoever dialled in by himself has none: his number is nobody's business.
func (w work) called(p participant, dir people.Directory) string {
	who, known := dir.Person(p.Person)
	switch {
	case w.of.Anonymous:
		return w.t("audio.participant", map[string]any{"No": strconv.Itoa(p.No)})
	case !known || p.Person == "":
		return w.t("audio.guest", map[string]any{"No": strconv.Itoa(p.No)})
	default:
		return short(who.Name)
	}
}

func (w work) participant(p participant, dir people.Directory) string {
	text := "👤 " + w.called(p, dir)
	if p.Person == w.Person.ID {
		text += " (" + w.t("audio.you", nil) + ")"
	}
	if p.Muted {
		text += " 🔇"
	}
	return text
}

// over are the buttons by which whoever leads a room acts on a participant.
func (w work) over(p participant, dir people.Directory) []link {
	to := func(v verb) place { return place{Verb: v, Room: w.of.ID, Who: p.Whom} }
	name := markup.Truncate(w.called(p, dir), 24)
	sound := link{text: "🔇 " + name, to: to(mute)}
	if p.Muted {
		sound = link{text: "🔊 " + name, to: to(unmute)}
	}
	return []link{sound, {text: "✖️ " + name, to: to(kick), style: telegram.Danger}}
}

// doors says how it stands with the person's own call, and leads in; whoever leads the room
// also locks and closes it.
func (d *Desk) doors(ctx context.Context, w work, p *draft) error {
	c, there, err := d.Store.latest(ctx, w.of.ID, w.Person.ID)
	if err != nil {
		return err
	}
	if there {
		p.gap()
		p.say(w.standing(c))
	}
	again := link{text: "📞 " + w.t("audio.join", nil), to: w.at(join)}
	if there {
		again.text = "📞 " + w.t("audio.again", nil)
	}
	if w.of.right >= enters && (!there || c.State == ended) {
		p.row(again)
	}
	if w.of.right < leads {
		return nil
	}
	bolt := link{text: "🔒 " + w.t("audio.lock", nil), to: w.at(lock)}
	if w.of.Locked {
		bolt = link{text: "🔓 " + w.t("audio.unlock", nil), to: w.at(unlock)}
	}
	shut := link{text: "🚪 " + w.t("audio.close", nil), to: w.at(toClose)}
	if w.of.in > 0 {
		p.row(bolt, shut)
	} else {
		p.row(shut)
	}
	p.row(link{text: "📒 " + w.t("audio.acts", nil), to: w.at(toActs)})
	return nil
}

// standing is how it stands with a call, in words.
func (w work) standing(c call) string {
	switch c.State {
	case wanted:
		return "⏳ " + w.t("audio.call.asked", nil)
	case claimed:
		return "📲 " + w.t("audio.call.claimed", nil)
	case ringing:
		return "📲 " + w.t("audio.call.ringing", nil)
	case inside:
		return "✅ " + w.t("audio.call.in", nil)
	case ended:
	}
	sign := "⚠️ "
	if c.Outcome == Over {
		sign = "☎️ "
	}
	return sign + w.t("audio.over."+string(c.Outcome), nil)
}

// closed is the screen of a room that is no more.
func closed(w work, of standing) draft {
	var p draft
	p.head("🚪 " + line(of.Name, mostRoom))
	p.say(w.t("audio.closed", nil))
	p.row(w.back(place{Verb: toRooms}))
	return p
}

// mostActs are shown.
const mostActs = 15

// acts shows what was done to others in a room.
func (d *Desk) acts(ctx context.Context, w work) (draft, error) {
	all, err := d.Store.acts(ctx, w.of.ID, mostActs)
	if err != nil {
		return draft{}, err
	}
	dir, err := d.Directory(ctx)
	if err != nil {
		return draft{}, err
	}
	var p draft
	p.head("📒 " + line(w.of.Name, mostRoom))
	p.head(w.t("audio.acts", nil))
	if len(all) == 0 {
		p.say(w.t("audio.acts_none", nil))
	}
	for _, a := range all {
		who, _ := dir.Person(a.Person)
		parts := []string{w.Lang.DateTime(a.At, w.Zone), short(who.Name), w.t("audio.did."+string(a.What), nil)}
		if a.Whom != "" {
			parts = append(parts, w.t("audio.participant", map[string]any{"No": strconv.Itoa(a.Participant)}))
		}
		if a.Outcome != done {
			parts = append(parts, w.t("audio.end."+cmp.Or(string(a.Outcome), "unknown"), nil))
		}
		p.say(strings.Join(parts, " · "))
	}
	p.row(link{text: "🔄 " + w.t("audio.refresh", nil), to: w.place}, w.back(w.at(toRoom)))
	return p, nil
}

// lead answers the command with the number of a room behind it.
func (d *Desk) lead(ctx context.Context, v screen.Visitor, number string) (screen.Screen, error) {
	w := work{Visitor: v, place: place{Verb: toRooms}}
	of, there, err := d.Store.numbered(ctx, strings.ToUpper(line(number, mostRoom)), v.Person)
	if err != nil {
		return screen.Screen{}, err
	}
	var p draft
	switch {
	case !there || of.right < knows:
		p.say(w.t("audio.room_gone", nil))
	case of.right < sees:
		p.head("🔑 " + line(of.Name, mostRoom))
		p.say(w.t("audio.needs_pin", nil))
		p.row(link{text: "🔑 " + w.t("audio.enter", nil), to: place{Verb: toEnter, Room: of.ID}})
	default:
		p.head(w.sign(of) + " " + line(of.Name, mostRoom))
		p.row(link{text: w.t("audio.open", nil), to: place{Verb: toRoom, Room: of.ID}})
	}
	p.row(w.back(place{Verb: toRooms}))
	return d.finish(ctx, w, p)
}
