package chat

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"countersign/internal/directory"
	"countersign/internal/inbox"
	"countersign/internal/locale"
	"countersign/internal/markup"
	"countersign/internal/notice"
	"countersign/internal/pace"
	"countersign/internal/telegram"
)

// binding reports whether a message asks to bind or unbind a chat, whoever wrote it.
func (d *Door) binding(m *telegram.Message) bool {
	name, _, ok := telegram.Command(m.Text, d.Username())
	return ok && !m.Chat.Private() && !m.ViaBot && (name == "bind" || name == "unbind")
}

// here is the place of a message as the directory knows places.
func here(m *telegram.Message, update int64) directory.Place {
	p := directory.Place{TelegramID: m.Chat.ID, Title: m.Chat.Title, Kind: directory.ChatKind(m.Chat.Type), Update: update}
	if m.Chat.Forum && m.InTopic {
		p.Thread = m.ThreadID
	}
	if m.From != nil {
		p.Account = m.From.ID
	}
	return p
}

// nameless answers those who ask under the name of a chat, or with somebody else's words.
func (d *Door) nameless(ctx context.Context, m *telegram.Message) error {
	if err := d.Directory.ChatRefused(ctx, here(m, 0), "not written under one's own name"); err != nil {
		return failed(err)
	}
	return d.under(ctx, m, d.Texts.For(d.GroupLang).T("group.bind.nameless", nil))
}

// under answers in a group, under the message.
func (d *Door) under(ctx context.Context, m *telegram.Message, text string) error {
	out := telegram.Outgoing{ChatID: m.Chat.ID, ThreadID: m.ThreadID, ReplyTo: m.ID, HTML: markup.Escape(text)}
	if !m.InTopic {
		out.ThreadID = 0
	}
	return d.reply(ctx, pace.Notice, out)
}

// group answers the few commands that make sense where others read along.
func (d *Door) group(ctx context.Context, it *inbox.Item, m *telegram.Message, r request) error {
	switch r.name {
	case "bind":
		return d.bind(ctx, it, m, r)
	case "unbind":
		return d.unbind(ctx, it, m, r)
	case "start", "help":
		return d.under(ctx, m, r.lang.T("group.hello", map[string]any{"Chat": m.Chat.ID}))
	default:
		return d.under(ctx, m, r.lang.T("command.private_only", nil))
	}
}

// bind ties a group or topic to what an administrator made a code for.
func (d *Door) bind(ctx context.Context, it *inbox.Item, m *telegram.Message, r request) error {
	if r.args == "" {
		return d.under(ctx, m, r.lang.T("group.bind.usage", nil))
	}
	c, err := d.Directory.BindChat(ctx, here(m, it.ID), r.args)
	var text string
	switch {
	case errors.Is(err, directory.ErrCode):
		text = r.lang.T("group.bind.wrong", nil)
	case errors.Is(err, directory.ErrTries):
		text = r.lang.T("group.bind.tries", nil)
	case errors.Is(err, directory.ErrTaken):
		text = r.lang.T("group.bind.taken", nil)
	case errors.Is(err, directory.ErrInvalid):
		text = r.lang.T("group.bind.place", nil)
	case err != nil:
		return failed(err)
	default:
		text = r.lang.T("group.bind.done", map[string]any{"Name": short(c.ExternalID), "Types": kinds(c, r.lang)})
	}
	return d.under(ctx, m, text)
}

// kinds names the types of document that a chat is told of.
func kinds(c directory.Chat, lang locale.Lang) string {
	var out []string
	for _, name := range c.Notices {
		out = append(out, typeName(lang, name))
	}
	if len(out) == 0 {
		return "—"
	}
	return short(strings.Join(out, ", "))
}

// unbind ends the notices in a group. It takes somebody who runs the group and looks after
// the gateway too.
func (d *Door) unbind(ctx context.Context, it *inbox.Item, m *telegram.Message, r request) error {
	may, err := d.mayUnbind(ctx, m, r)
	if err != nil {
		return err
	}
	at := here(m, it.ID)
	if !may {
		if err := d.Directory.ChatRefused(ctx, at, "may not unbind"); err != nil {
			return failed(err)
		}
		return d.under(ctx, m, r.lang.T("group.unbind.forbidden", nil))
	}
	if _, err := d.Directory.UnbindChat(ctx, at); err != nil {
		return failed(err)
	}
	return d.under(ctx, m, r.lang.T("group.unbind.done", nil)) // whether or not it was bound
}

func (d *Door) mayUnbind(ctx context.Context, m *telegram.Message, r request) (bool, error) {
	if d.Administrator == nil || r.person.ID == "" || !r.person.Active {
		return false, nil
	}
	yes, err := d.Administrator(ctx, r.person)
	if err != nil {
		return false, failed(err)
	}
	if !yes {
		return false, nil
	}
	member, err := d.Telegram.GetChatMember(ctx, m.Chat.ID, m.From.ID)
	switch telegram.KindOf(err) {
	case telegram.OK:
		return member.Runs(), nil
	case telegram.RateLimited, telegram.Transient, telegram.Unknown, telegram.Config, telegram.Conflict:
		return false, later(err)
	default:
		return false, nil // the messenger does not know him there
	}
}

// migrated: a group became a supergroup and has another id.
func (d *Door) migrated(ctx context.Context, from, to int64) (string, error) {
	if err := d.Directory.MigrateChat(ctx, from, to); err != nil {
		return "", failed(err)
	}
	return fmt.Sprintf("group %d is now %d", from, to), nil
}

// mayNotWrite begins the fault of a group in which the bot is told to be silent; then comes
// what it is there.
const mayNotWrite = "the bot may not write here: "

// member notes that the bot was let in, put out, blocked or unblocked.
func (d *Door) member(ctx context.Context, c *telegram.MemberChange) (string, error) {
	if c.Chat.Private() {
		if !c.New.Present() {
			return "blocked by the person", hear(ctx, d.Cards.Lost, c.Chat.ID)
		}
		p, err := d.person(ctx, c.From.ID)
		if err != nil {
			return "", err
		}
		return "unblocked by the person", d.redraw(ctx, c.Chat.ID, p)
	}
	fault := ""
	if !c.New.Writes() {
		fault = mayNotWrite + c.New.Status
	}
	chats, err := d.Directory.ChatsAt(ctx, c.Chat.ID)
	if err != nil {
		return "", failed(err)
	}
	for _, known := range chats {
		if fault == "" && known.Fault == directory.TopicFault {
			continue // that the bot may write says nothing of the topic
		}
		if err := d.Directory.ChatFault(ctx, known.ID, fault); err != nil {
			return "", failed(err)
		}
	}
	if fault == "" {
		err = d.reached(ctx, c.Chat.ID)
	}
	return "member: " + c.New.Status, err
}

// inWords is why a group takes no messages, where that is known, for people.
func inWords(fault string) map[string]string {
	status, of := strings.CutPrefix(fault, mayNotWrite)
	switch out := of && (status == "kicked" || status == "left"); {
	case out, strings.Contains(fault, "("+telegram.Unreachable.String()+")"):
		return map[string]string{"Why": "group.why.out"}
	case of, strings.Contains(fault, "("+telegram.NoRights.String()+")"):
		return map[string]string{"Why": "group.why.muted"}
	default:
		return nil
	}
}

// TellChats tells those who look after the gateway which groups take no messages any more,
// and which do again, each once.
func (d *Door) TellChats(ctx context.Context) error {
	defer d.Notices.Bell.Ring()
	return d.Directory.TellFaults(ctx, func(tx directory.Tx, c directory.Chat) error {
		key := "group.fault.lost"
		switch c.Fault {
		case "":
			key = "group.fault.well"
		case directory.TopicFault:
			key = "group.fault.topic"
		}
		_, err := d.Notices.Add(ctx, tx, notice.New{Class: notice.Alarm, To: notice.To{Administrators: true}, Body: notice.Body{
			Key: key, Data: notice.With(map[string]any{"Title": short(c.Title), "Name": short(c.ExternalID), "Why": short(c.Fault)}), Words: inWords(c.Fault),
		}})
		return err
	})
}
