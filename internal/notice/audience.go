package notice

import (
	"context"
	"slices"
	"strings"

	"countersign/internal/directory"
	"countersign/internal/people"
)

// The beginnings of the names of recipients.
const (
	personName  = "person:"
	chatName    = "chat:"
	accountName = "account:"
)

// recipients are those whom a notice means, each once.
func (b *Board) recipients(ctx context.Context, to To) ([]recipient, error) {
	dir, err := b.Directory.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	known, err := b.Directory.Chats(ctx)
	if err != nil {
		return nil, err
	}
	all := gather(to, dir, known, b.Language)
	if len(all) == 0 {
		b.Log.WarnContext(ctx, "a notice is for nobody: there is no chat of administrators")
	}
	return all, nil
}

// gather finds whom a notice means; groups read the language given.
func gather(to To, dir people.Directory, known []directory.Chat, language string) []recipient {
	g := &gathering{met: map[string]bool{}, spoken: map[int64]bool{}}
	for _, c := range known {
		if slices.Contains(to.Chats, c.ExternalID) || to.Administrators && c.Fallback && !c.Disabled {
			g.chat(c, language)
		}
	}
	for _, name := range to.Chats {
		g.add(recipient{name: chatName + name, why: NoChat, fault: "no such chat"})
	}
	for _, role := range to.Roles {
		for _, p := range dir.InRole(role.Name, role.Scope) {
			g.person(p)
		}
	}
	for _, id := range to.People {
		p, _ := dir.Person(id)
		g.person(p)
	}
	for _, a := range to.Accounts {
		g.account(a, dir)
	}
	return g.all
}

// gathering collects recipients.
type gathering struct {
	all    []recipient
	met    map[string]bool // by name
	spoken map[int64]bool  // private chats
}

func (g *gathering) add(r recipient) {
	if g.met[r.name] || r.chat > 0 && g.spoken[r.chat] {
		return
	}
	g.met[r.name] = true
	if r.chat > 0 {
		g.spoken[r.chat] = true
	}
	g.all = append(g.all, r)
}

func (g *gathering) chat(c directory.Chat, language string) {
	r := recipient{name: chatName + c.ExternalID, chat: c.TelegramID, thread: c.Thread, language: language}
	if c.Disabled {
		r.chat, r.why, r.fault = 0, Disabled, "the chat is disabled"
	}
	g.add(r)
}

func (g *gathering) person(p people.Person) {
	r := recipient{name: personName + p.ExternalID, chat: p.Telegram, language: p.Locale}
	switch {
	case p.ID == "":
		return
	case !p.Active:
		r.chat, r.why, r.fault = 0, Deactivated, "deactivated"
	case !p.Linked():
		r.why, r.fault = Unlinked, "not connected to Telegram"
	}
	g.add(r)
}

func (g *gathering) account(a Account, dir people.Directory) {
	r := recipient{name: accountName + number(a.ID), chat: a.ID, language: a.Language}
	if p, ok := dir.ByTelegram(a.ID); ok && p.Locale != "" {
		r.language = p.Locale
	}
	g.add(r)
}

// reader is who reads a message, as it stands when it is sent.
type reader struct {
	who   people.Person   // zero: a group, or an account that is nobody's
	group *directory.Chat // nil: a person
	dir   people.Directory
}

// reader finds who reads a message. A reason says that it is not for them any more: the
// account or the place has changed hands since the notice was addressed.
func (b *Board) reader(ctx context.Context, p piece) (reader, Why, error) {
	dir, err := b.Directory.Snapshot(ctx)
	if err != nil {
		return reader{}, "", err
	}
	r := reader{dir: dir}
	if name, ok := strings.CutPrefix(p.To, chatName); ok {
		known, err := b.Directory.Chats(ctx)
		if err != nil {
			return reader{}, "", err
		}
		i := slices.IndexFunc(known, func(c directory.Chat) bool { return c.ExternalID == name })
		if i < 0 || known[i].Disabled || known[i].TelegramID != p.Chat && known[i].MigratedFrom != p.Chat {
			return reader{}, Disabled, nil
		}
		r.group = &known[i]
		return r, "", nil
	}
	who, known := dir.ByTelegram(p.Chat)
	if name, ok := strings.CutPrefix(p.To, personName); ok && (!known || who.ExternalID != name) {
		return reader{}, Unlinked, nil
	}
	r.who = who
	return r, "", nil
}

// silent: news can wait until somebody works, by his own clock and not in his quiet hours.
func (b *Board) silent(p piece, r reader) bool {
	if p.Class == Alarm {
		return p.Part > 0 // the text has made its sound
	}
	now, office := b.Now(), b.Office
	office.Location = r.who.Clock(office.Location)
	return p.Part > 0 || r.who.Hushed(now, office.Location) || !office.Next(now).Equal(now)
}
