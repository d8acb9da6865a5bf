package journal

import (
	"slices"
	"strings"

	"countersign/internal/telegram"
)

// describe says of an update who it is from, where it was written and what it is, and
// nothing of what it says.
func (j *Journal) describe(e *Entry, body []byte) {
	u, err := telegram.Parse(body)
	if err != nil {
		return
	}
	e.Method = u.Kind.String()
	switch u.Kind {
	case telegram.UpdateCallback:
		c := u.Callback
		e.Account, e.What = c.From.ID, "tap"
		if c.Message != nil {
			e.Chat, e.Message = c.Message.Chat.ID, c.Message.ID
		}
		if j.Case != nil {
			e.Case = j.Case(c.Data)
		}
	case telegram.UpdateMessage, telegram.UpdateEdited:
		m := u.Message
		e.Chat, e.Message, e.What = m.Chat.ID, m.ID, kind(m)
		if m.From != nil {
			e.Account = m.From.ID
		}
	case telegram.UpdateInline:
		e.Account, e.What = u.Inline.From.ID, "search"
	case telegram.UpdateChosen:
		e.Account, e.What = u.Chosen.From.ID, "posted"
	case telegram.UpdateMember:
		e.Chat, e.Account, e.What = u.Member.Chat.ID, u.Member.From.ID, "member: "+u.Member.New.Status
	case telegram.UpdateOther:
	}
}

// kind is what sort of message it is.
func kind(m *telegram.Message) string {
	switch {
	case m.MigrateTo != 0 || m.MigrateFrom != 0:
		return "migration"
	case m.Attached != nil:
		return "file: " + m.Attached.Kind
	case m.Contact != nil:
		return "contact"
	case strings.HasPrefix(m.Text, "/"):
		return command(m.Text)
	case m.ReplyTo != nil:
		return "reply"
	case m.Text != "":
		return "text"
	default:
		return "other"
	}
}

// commands are those whose names are kept. Behind the slash of any other there may be
// whatever somebody typed in the wrong place, a code too.
func commands() []string {
	return []string{
		"start", "help", "login", "unlink", "lost", "security", "queue", "find", "who", "cancel", "bind", "unbind", "settings", "away", "delegate", "tc", "rooms", "chatid",
		"pause", "resume", "history", "status", "menu", "stop", "doctor",
	}
}

func command(text string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(text, "/"), "@")
	if fields := strings.Fields(name); len(fields) > 0 && slices.Contains(commands(), strings.ToLower(fields[0])) {
		return "/" + strings.ToLower(fields[0])
	}
	return "/…"
}
