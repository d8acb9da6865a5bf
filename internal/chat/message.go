package chat

import (
	"context"
	"log/slog"

	"countersign/internal/card"
	"countersign/internal/inbox"
	"countersign/internal/locale"
	"countersign/internal/markup"
	"countersign/internal/pace"
	"countersign/internal/people"
	"countersign/internal/telegram"
)

// message acts on what somebody wrote.
func (d *Door) message(ctx context.Context, it *inbox.Item, m *telegram.Message) (string, error) {
	switch {
	case m.MigrateTo != 0:
		return d.migrated(ctx, m.Chat.ID, m.MigrateTo)
	case m.MigrateFrom != 0:
		return d.migrated(ctx, m.MigrateFrom, m.Chat.ID)
	case !m.Written() && d.binding(m):
		return "group command by nobody who can be named", d.nameless(ctx, m)
	}
	if taken, outcome, err := d.contact(ctx, it, m); taken {
		return outcome, err
	}
	if !m.Written() {
		return "ignored: not written by a person", nil
	}
	p, err := d.person(ctx, m.From.ID)
	if err != nil {
		return "", err
	}
	lang := d.lang(p, *m.From)
	name, args, isCommand := telegram.Command(m.Text, d.Username())
	switch {
	case !m.Chat.Private() && isCommand:
		return "group command", d.group(ctx, it, m, request{name, args, p, lang})
	case !m.Chat.Private():
		if mine, outcome, err := d.replied(ctx, it, m, p); mine {
			return outcome, err
		}
		return "ignored: group talk", nil
	case isCommand:
		return "command " + name, d.command(ctx, m, request{name, args, p, lang})
	}
	if mine, err := d.broughtBack(ctx, m, p, d.Link.Typed, m.Text); mine {
		return "code of a login", err
	}
	if taken, outcome, err := d.heard(ctx, it, m, p); taken {
		return outcome, err
	}
	if taken, outcome, err := d.written(ctx, it, m, lang); taken {
		return outcome, err
	}
	if mine, err := d.drafted(ctx, m, p); mine {
		return "part of a delegation", err
	}
	if mine, outcome, err := d.replied(ctx, it, m, p); mine {
		return outcome, err
	}
	d.note(ctx, m.Chat.ID, lang.T("command.talk", nil))
	return "ignored: no question was open", nil
}

// contact hands a shared number to the desk that asks for some: also somebody else's, and one
// that was forwarded, for that is refused in words. It is kept by whoever takes it, and not here.
func (d *Door) contact(ctx context.Context, it *inbox.Item, m *telegram.Message) (bool, string, error) {
	if m.Contact == nil || !m.Chat.Private() || m.From == nil || !m.From.Person() {
		return false, "", nil
	}
	it.Forget()
	p, err := d.person(ctx, m.From.ID)
	if err != nil {
		return true, "", err
	}
	return d.heard(ctx, it, m, p)
}

// request is a command with who gave it.
type request struct {
	name   string
	args   string
	person people.Person
	lang   locale.Lang
}

func (d *Door) command(ctx context.Context, m *telegram.Message, r request) error {
	var text string
	switch r.name {
	case "start":
		return d.start(ctx, m, r)
	case "help":
		text = markup.Escape(d.help(r.lang))
	case "login", "unlink", "lost":
		return d.linkCommand(ctx, m, r)
	case "security":
		return d.security(ctx, m, r)
	case "queue":
		return d.own(ctx, m, r, d.queue)
	case "who":
		return d.who(ctx, m, r)
	case "cancel":
		said, err := d.cancel(ctx, m.From.ID, r)
		if err != nil {
			return err
		}
		text = markup.Escape(said)
	case "bind", "unbind":
		text = markup.Escape(r.lang.T("group.bind.where", nil))
	case "settings":
		return d.own(ctx, m, r, d.settings)
	case "away":
		return d.own(ctx, m, r, d.away)
	case "delegate":
		return d.own(ctx, m, r, d.delegate)
	case "find":
		return d.find(ctx, m, r)
	case "tc", "rooms":
		return d.desk(ctx, m, r)
	default:
		text = markup.Escape(r.lang.T("command.unknown", nil))
	}
	return d.reply(ctx, pace.Outcome, telegram.Outgoing{ChatID: m.Chat.ID, HTML: text})
}

// start greets, or leads from a group to the card of a document.
func (d *Door) start(ctx context.Context, m *telegram.Message, r request) error {
	if mine, err := d.broughtBack(ctx, m, r.person, d.Link.Started, r.args); mine {
		return err
	}
	if query, ok := cameFrom(r.args); ok {
		return d.cameToLink(ctx, m, r, query)
	}
	text := r.lang.T("start.hello_unlinked", nil)
	switch {
	case r.person.ID != "" && r.args != "":
		return d.lead(ctx, m, r)
	case r.person.ID != "":
		text = r.lang.T("start.hello_linked", map[string]any{"Name": r.person.Name})
	case r.args != "" && !startsCase(r.args):
		text = r.lang.T("start.link_invalid", nil)
	}
	if err := d.redraw(ctx, m.Chat.ID, r.person); err != nil {
		return err
	}
	return d.reply(ctx, pace.Outcome, telegram.Outgoing{ChatID: m.Chat.ID, HTML: markup.Escape(text)})
}

// redraw: whoever could not be written to before the chat was started gets his cards now.
func (d *Door) redraw(ctx context.Context, chat int64, p people.Person) error {
	if p.ID == "" {
		return nil
	}
	if err := d.Ledger.RedrawOf(ctx, p.ID); err != nil {
		return failed(err)
	}
	return d.reached(ctx, chat)
}

func startsCase(args string) bool {
	_, err := card.ParseLink(args)
	return err == nil
}

// lead shows the document that a link is about.
func (d *Door) lead(ctx context.Context, m *telegram.Message, r request) error {
	id, err := card.ParseLink(r.args)
	if err != nil {
		return d.reply(ctx, pace.Outcome, telegram.Outgoing{ChatID: m.Chat.ID, HTML: markup.Escape(r.lang.T("start.link_invalid", nil))})
	}
	if err := d.redraw(ctx, m.Chat.ID, r.person); err != nil {
		return err
	}
	return d.point(ctx, m.Chat.ID, id, r)
}

func short(s string) string { return markup.Truncate(markup.Clean(s), 60) }

// note writes a line to a chat; the update is done whether it arrives or not.
func (d *Door) note(ctx context.Context, chat int64, text string) {
	if _, err := d.say(ctx, pace.Outcome, telegram.Outgoing{ChatID: chat, HTML: markup.Escape(text)}); err != nil {
		d.Log.WarnContext(ctx, "not told", slog.Any("error", err))
	}
}
