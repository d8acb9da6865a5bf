package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"countersign/internal/directory"
	"countersign/internal/markup"
	"countersign/internal/telegram"
)

const (
	mostGroups = 50
	apart      = 5 * time.Second // of two clocks that is no longer good
	farApart   = time.Minute     // and is bad
)

// token looks whether the Bot API knows the bot.
func (d *Doctor) token(ctx context.Context, base *ground) []Finding {
	if d.Telegram == nil {
		if d.TelegramErr == nil {
			return problem("doctor.token.none", nil)
		}
		return problem("doctor.token.form", data{"Why": d.TelegramErr})
	}
	me, err := d.Telegram.GetMe(ctx)
	refused, isAnswer := errors.AsType[*telegram.Error](err)
	switch {
	case err == nil && me.ID == 0:
		return problem("doctor.token.form", data{"Why": "the answer names no bot"})
	case err == nil:
		base.set(func(g *ground) { g.me = me })
		return ok("doctor.token.ok", data{"Name": me.Username, "Number": fmt.Sprint(me.ID)})
	case isAnswer && (refused.Code == 401 || refused.Code == 404 && refused.Description == "Not Found"):
		return problem("doctor.token.refused", nil)
	case d.Telegram.Proxied() && telegram.KindOf(err) == telegram.Transient:
		return problem("doctor.token.proxy", data{"Why": err})
	}
	return problem("doctor.token.away", data{"Why": err})
}

// botClock compares our clock with Telegram's.
func (d *Doctor) botClock(ctx context.Context) []Finding {
	before := d.Now()
	at, err := d.Telegram.Time(ctx)
	if err != nil {
		return warning("doctor.clock.unread", data{"Whose": "Telegram", "Why": err})
	}
	now := d.Now()
	off := at.Add(500 * time.Millisecond).Sub(before.Add(now.Sub(before) / 2)) // it tells whole seconds
	return clocks("Telegram", off)
}

func clocks(whose string, off time.Duration) []Finding {
	at := data{"Whose": whose, "Seconds": off.Abs().Seconds()}
	switch {
	case off.Abs() > farApart:
		return problem("doctor.clock.off", at)
	case off.Abs() > apart:
		return warning("doctor.clock.off", at)
	}
	return ok("doctor.clock.ok", at)
}

// menu compares the menus of commands with what they should be.
func (d *Doctor) menu(ctx context.Context) []Finding {
	var differs []string
	for _, m := range d.Menus {
		now, err := d.Telegram.Commands(ctx, m.Scope, m.Language)
		if err != nil {
			return warning("doctor.menu.unknown", data{"Why": err})
		}
		if !slices.Equal(now, m.Commands) {
			differs = append(differs, string(m.Scope)+"/"+cmp.Or(m.Language, "*"))
		}
	}
	if len(differs) > 0 {
		return warning("doctor.menu.differs", data{"Where": strings.Join(differs, ", ")})
	}
	return ok("doctor.menu.ok", nil)
}

// inline looks whether documents are found in other chats, and whether Telegram tells what
// was chosen there: that setting cannot be asked for, only seen.
func (d *Doctor) inline(ctx context.Context, me telegram.Me) []Finding {
	if !me.InlineMode {
		return warning("doctor.inline.off", data{"Name": me.Username})
	}
	s, err := d.Updates(ctx)
	seen := data{"Name": me.Username, "Searches": s.Searches, "Chosen": s.Chosen}
	switch {
	case err != nil:
		return problem("doctor.unread", data{"Why": err})
	case s.Chosen > 0:
		return ok("doctor.inline.ok", seen)
	case s.Searches > 0:
		return warning("doctor.inline.feedback", seen)
	}
	return ok("doctor.inline.quiet", seen)
}

// privacy looks what the bot is sent of groups.
func privacy(me telegram.Me) []Finding {
	switch {
	case !me.JoinGroups:
		return warning("doctor.privacy.closed", nil)
	case me.ReadsAll:
		return warning("doctor.privacy.open", nil)
	}
	return ok("doctor.privacy.ok", nil)
}

// groups looks whether the bot can work in each bound group.
func (d *Doctor) groups(ctx context.Context) []Finding {
	all, err := d.Chats(ctx)
	if err != nil {
		return problem("doctor.unread", data{"Why": err})
	}
	all = slices.DeleteFunc(all, func(c directory.Chat) bool { return c.Disabled })
	if len(all) == 0 {
		return ok("doctor.group.none", nil)
	}
	var found []Finding
	for i, c := range all {
		if i == mostGroups || ctx.Err() != nil {
			return append(found, warning("doctor.group.rest", data{"Count": len(all) - i})...)
		}
		found = append(found, d.group(ctx, c)...)
	}
	return found
}

func (d *Doctor) group(ctx context.Context, c directory.Chat) []Finding {
	at := data{"Title": markup.Truncate(markup.Clean(cmp.Or(c.Title, c.ExternalID)), 60)}
	s, err := d.Telegram.Standing(ctx, c.TelegramID)
	switch telegram.KindOf(err) {
	case telegram.OK:
	case telegram.Unreachable:
		return problem("doctor.group.out", at)
	case telegram.Migrated:
		return warning("doctor.group.moved", at)
	default:
		at["Why"] = err
		return warning("doctor.group.unknown", at)
	}
	switch {
	case !s.Present:
		return problem("doctor.group.out", at)
	case !s.Writes:
		return problem("doctor.group.mute", at)
	case !s.Files && !c.NoFiles:
		return problem("doctor.group.files", at)
	}
	if c.Thread != 0 {
		switch err := d.Telegram.TryTopic(ctx, c.TelegramID, c.Thread); telegram.KindOf(err) {
		case telegram.OK:
		case telegram.TopicGone:
			return problem("doctor.group.topic", at)
		default:
			at["Why"] = err
			return warning("doctor.group.unknown", at)
		}
	}
	if c.Fault != "" {
		at["Why"] = c.Fault
		return warning("doctor.group.fault", at)
	}
	return ok("doctor.group.ok", at)
}

// test sends a message to whoever asked for one.
func (d *Doctor) test(ctx context.Context) []Finding {
	to, err := d.Test(ctx)
	at := data{"Name": to.Name, "ID": to.ID}
	switch {
	case errors.Is(err, directory.ErrUnknown):
		return problem("doctor.test.nobody", at)
	case err != nil:
		return problem("doctor.unread", data{"Why": err})
	case to.Account == 0:
		return problem("doctor.test.unlinked", at)
	}
	_, err = d.Telegram.Send(ctx, telegram.Outgoing{ChatID: to.Account, HTML: markup.Escape(to.Language.T("doctor.test.text", nil))})
	if err != nil {
		at["Why"] = err
		return problem("doctor.test.failed", at)
	}
	return ok("doctor.test.sent", at)
}
