package chat

import (
	"context"
	"slices"

	"countersign/internal/locale"
	"countersign/internal/telegram"
)

// Menu is the menu of commands in some chats, for those who read one language.
type Menu struct {
	Scope    telegram.Scope
	Language string // empty: all others
	Commands []telegram.MenuCommand
}

// offered are the commands that the bot answers, by where. It also answers /start, for
// which the messenger has a button.
func offered() map[telegram.Scope][]string {
	return map[telegram.Scope][]string{
		telegram.ScopePrivate: {"queue", "find", "who", "away", "delegate", "settings", "login", "security", "unlink", "lost", "cancel", "help"},
		telegram.ScopeGroups:  {"bind", "help"},
		telegram.ScopeAdmins:  {"bind", "unbind", "help"},
	}
}

// menuLanguages are those that the messenger can tell apart: names of two letters.
func menuLanguages(texts *locale.Texts) []string {
	return append([]string{""}, slices.DeleteFunc(texts.Languages(), func(tag string) bool { return len(tag) != 2 })...)
}

// Menus are all menus as they should be where these desks are hosted.
func Menus(texts *locale.Texts, desks ...string) []Menu {
	var out []Menu
	for _, scope := range []telegram.Scope{telegram.ScopePrivate, telegram.ScopeGroups, telegram.ScopeAdmins} {
		for _, tag := range menuLanguages(texts) {
			lang := texts.For(tag)
			m := Menu{Scope: scope, Language: tag}
			names := offered()[scope]
			if scope == telegram.ScopePrivate {
				names = slices.Insert(names, slices.Index(names, "login"), desks...)
			}
			for _, name := range names {
				m.Commands = append(m.Commands, telegram.MenuCommand{Name: name, Description: lang.T("command."+name, nil)})
			}
			out = append(out, m)
		}
	}
	return out
}

func (d *Door) setMenu(ctx context.Context, m Menu) error {
	if now, err := d.Telegram.Commands(ctx, m.Scope, m.Language); err == nil && slices.Equal(now, m.Commands) {
		return nil
	}
	return d.Telegram.SetCommands(ctx, m.Scope, m.Language, m.Commands)
}

// introduce leaves alone what somebody gave to @BotFather.
func (d *Door) introduce(ctx context.Context, tag string) error {
	now, err := d.Telegram.Profile(ctx, tag)
	if err != nil {
		return err
	}
	lang, english := d.Texts.For(tag), d.Texts.For("")
	said := func(now, key string) string {
		own := lang.T(key, nil)
		if now != own && (now == "" || now == english.T(key, nil)) {
			return own
		}
		return ""
	}
	return d.Telegram.SetProfile(ctx, tag, telegram.Profile{Long: said(now.Long, "bot.about"), Short: said(now.Short, "bot.short")})
}
