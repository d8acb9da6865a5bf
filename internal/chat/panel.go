package chat

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"countersign/internal/inbox"
	"countersign/internal/locale"
	"countersign/internal/markup"
	"countersign/internal/pace"
	"countersign/internal/people"
	"countersign/internal/screen"
	"countersign/internal/telegram"
)

// panelPrefix begins the data of buttons under a panel: a message in which somebody looks
// after his own matters, or works at a desk. All that a button means is in its data, or is
// kept by the desk, and is looked at anew on each tap: panels outlive restarts, and an old
// one can do no more than a new one.
const panelPrefix = screen.Prefix

// visit is somebody at a panel.
type visit struct {
	screen.Visitor

	language string // that of the messenger
}

func (d *Door) visit(p people.Person, u telegram.User) visit {
	return visit{screen.Visitor{Person: p, Account: u.ID, Lang: d.lang(p, u), Zone: d.zone(p)}, u.Language}
}

func (v visit) t(key string, data map[string]any) string { return v.Lang.T(key, data) }

// button makes a button of a panel.
func (v visit) button(text string, parts ...string) telegram.Button {
	return telegram.Button{Text: text, Data: panelPrefix + strings.Join(parts, ":")}
}

// called is the name of somebody to whom a right is given: where another has the same name, with
// what tells the two apart.
func called(p people.Person, dir people.Directory) string {
	mark := cmp.Or(p.Email, p.ExternalID)
	alone := true
	for _, o := range dir.Named(p.Name, math.MaxInt) {
		if o.ID == p.ID || !strings.EqualFold(short(o.Name), short(p.Name)) {
			continue
		}
		if alone = false; mark == o.Email {
			mark = p.ExternalID
		}
	}
	if alone {
		return short(p.Name)
	}
	return short(p.Name) + " (" + short(mark) + ")"
}

// zone is the one by whose clock times are told to a person.
func (d *Door) zone(p people.Person) *time.Location { return p.Clock(d.Zone) }

// turn is a page of a panel.
type turn func(ctx context.Context, v visit) (screen.Screen, error)

// pages are the panels by the first word of their buttons.
func (d *Door) pages() map[string]turn {
	all := map[string]turn{"away": d.awayTap, "set": d.settingsTap, "q": d.queueTap, delegatePage: d.delegateTap}
	for name, desk := range d.Desks {
		all[name] = hosted(desk.Tap)
	}
	return all
}

// hosted is a page that belongs to somebody else.
func hosted(t screen.Turn) turn {
	return func(ctx context.Context, v visit) (screen.Screen, error) { return t(ctx, v.Visitor) }
}

// desks are the commands of all desks.
func (d *Door) desks() []string { return slices.Sorted(maps.Keys(d.Desks)) }

// help lists what the bot answers.
func (d *Door) help(lang locale.Lang) string {
	var more strings.Builder
	for _, name := range d.desks() {
		more.WriteString("\n" + lang.T("help."+name, nil))
	}
	return lang.T("help.text", map[string]any{"Desks": more.String()})
}

// desk answers a command with the first screen of a desk.
func (d *Door) desk(ctx context.Context, m *telegram.Message, r request) error {
	desk, there := d.Desks[r.name]
	if !there {
		off := map[string]string{"tc": "video.off", "rooms": "audio.off"}[r.name]
		return d.reply(ctx, pace.Outcome, telegram.Outgoing{ChatID: m.Chat.ID, HTML: markup.Escape(r.lang.T(off, nil))})
	}
	return d.own(ctx, m, r, hosted(desk.Open))
}

// own answers a command by which somebody looks after his own matters.
func (d *Door) own(ctx context.Context, m *telegram.Message, r request, page turn) error {
	if r.person.ID == "" {
		return d.reply(ctx, pace.Outcome, telegram.Outgoing{ChatID: m.Chat.ID, HTML: markup.Escape(r.lang.T("link.not_linked", nil))})
	}
	v := d.visit(r.person, *m.From)
	v.Args = strings.Fields(markup.Clean(r.args))
	out, err := page(ctx, v)
	if err != nil {
		return failed(err)
	}
	return d.panel(ctx, m.Chat.ID, out)
}

// heard lets a desk take what it asked for. Of two questions the one that was put last is
// answered.
func (d *Door) heard(ctx context.Context, it *inbox.Item, m *telegram.Message, p people.Person) (bool, string, error) {
	if p.ID == "" {
		return false, "", nil
	}
	w := screen.Words{Message: m, Update: it.ID}
	for _, name := range d.desks() {
		hear := d.Desks[name].Hear
		if hear == nil {
			continue
		}
		if w.After == 0 {
			dlg, err := d.Dialogs.Of(ctx, Text{Account: m.From.ID, Update: it.ID})
			if err != nil {
				return true, "", failed(err)
			}
			if dlg != nil && dlg.Outcome == "" && len(dlg.Messages) > 0 {
				w.After = slices.Max(dlg.Messages)
			}
		}
		h, err := hear(ctx, d.visit(p, *m.From).Visitor, w)
		if h.Secret {
			it.Forget()
		}
		if err != nil {
			return true, "", failed(err)
		}
		if h.Taken {
			return true, name + ": " + h.Outcome, nil
		}
	}
	return false, "", nil
}

func (d *Door) panel(ctx context.Context, chat int64, p screen.Screen) error {
	k, err := telegram.NewKeyboard(p.Rows...)
	if err != nil {
		return err
	}
	return d.reply(ctx, pace.Outcome, telegram.Outgoing{ChatID: chat, HTML: strings.Join(p.Lines, "\n"), Keyboard: k})
}

// panelTap acts on a button of a panel and shows what came of it in its place.
func (d *Door) panelTap(ctx context.Context, it *inbox.Item, cb *telegram.Callback) (string, error) {
	b := ballot{query: cb.ID, user: cb.From, chat: cb.Message.Chat.ID}
	p, err := d.person(ctx, cb.From.ID)
	if err != nil {
		return "", err
	}
	v := d.visit(p, cb.From)
	v.Args = strings.Split(strings.TrimPrefix(cb.Data, panelPrefix), ":")
	page := d.pages()[v.Args[0]]
	switch {
	case p.ID == "":
		d.answer(ctx, cb.ID, v.t("tap.not_linked", nil), Window)
		return "refused: not linked", nil
	case page == nil:
		d.answer(ctx, cb.ID, v.t("tap.button_invalid", nil), Window)
		return "refused: unreadable button", nil
	}
	v.Args, v.Tap, v.Message = v.Args[1:], cb.ID, cb.Message.ID
	out, err := page(ctx, v)
	if err != nil {
		return "", d.fault(ctx, it, b, failed(err))
	}
	d.answer(ctx, cb.ID, out.Notice, loudness(out))
	if len(out.Lines) == 0 {
		return "panel", nil
	}
	k, err := telegram.NewKeyboard(out.Rows...)
	if err != nil {
		return "", err
	}
	err = d.edit(ctx, telegram.Edit{
		ChatID: cb.Message.Chat.ID, MessageID: cb.Message.ID, HTML: strings.Join(out.Lines, "\n"), Keyboard: k,
	})
	if out.Sent != nil {
		if err := out.Sent(ctx); err != nil {
			d.Log.WarnContext(ctx, "a screen does not know that it was shown", slog.Any("error", err))
		}
	}
	switch kind := telegram.KindOf(err); {
	case err == nil, kind == telegram.NotModified:
		return "panel", nil
	case kind == telegram.Gone:
		return "panel", d.panel(ctx, cb.Message.Chat.ID, out)
	default:
		d.Log.WarnContext(ctx, "panel not shown in its place", slog.Any("error", err))
		return "panel", nil
	}
}

func loudness(s screen.Screen) Loudness {
	if s.Loud {
		return Window
	}
	return Line
}
