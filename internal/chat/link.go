package chat

import (
	"context"
	"log/slog"
	"strings"

	"countersign/internal/inbox"
	"countersign/internal/link"
	"countersign/internal/markup"
	"countersign/internal/pace"
	"countersign/internal/people"
	"countersign/internal/telegram"
)

// visitor is an account as the desk for links sees it.
func visitor(u telegram.User, p people.Person) link.User {
	return link.User{Account: u.ID, Name: strings.TrimSpace(u.FirstName + " " + u.LastName), Username: u.Username, Language: u.Language, Person: p}
}

// screen sends what the desk says.
func (d *Door) screen(ctx context.Context, chat int64, s link.Screen) error {
	k, err := keyboard(s)
	if err != nil {
		return err
	}
	return d.reply(ctx, pace.Outcome, telegram.Outgoing{ChatID: chat, HTML: markup.Escape(s.Text), Keyboard: k})
}

func keyboard(s link.Screen) (telegram.Keyboard, error) {
	rows := make([][]telegram.Button, len(s.Buttons))
	for i, b := range s.Buttons {
		rows[i] = []telegram.Button{{Text: b.Text, URL: b.URL, Data: b.Data}}
	}
	return telegram.NewKeyboard(rows...)
}

// linkCommand answers the commands that tie an account or untie it.
func (d *Door) linkCommand(ctx context.Context, m *telegram.Message, r request) error {
	u := visitor(*m.From, r.person)
	var s link.Screen
	var err error
	switch r.name {
	case "login":
		s, err = d.Link.Login(ctx, u)
	case "unlink":
		s = d.Link.Unlink(u)
	case "lost":
		s, err = d.Link.Lost(ctx, u, r.args)
	}
	if err != nil {
		return failed(err)
	}
	return d.screen(ctx, m.Chat.ID, s)
}

// broughtBack answers a proof that comes back from the browser, by a link or typed.
func (d *Door) broughtBack(ctx context.Context, m *telegram.Message, p people.Person, answer func(context.Context, link.User, string) (link.Screen, bool, error), text string) (mine bool, err error) {
	s, mine, err := answer(ctx, visitor(*m.From, p), text)
	switch {
	case err != nil:
		return true, failed(err)
	case !mine:
		return false, nil
	}
	return true, d.screen(ctx, m.Chat.ID, s)
}

// linkTap acts on a button of the desk. The answer takes the place of the question.
func (d *Door) linkTap(ctx context.Context, it *inbox.Item, cb *telegram.Callback) (string, error) {
	p, err := d.person(ctx, cb.From.ID)
	if err != nil {
		return "", err
	}
	s, err := d.Link.Tap(ctx, visitor(cb.From, p), cb.Data)
	if err != nil {
		err = failed(err)
		return "", d.fault(ctx, it, ballot{query: cb.ID, user: cb.From, chat: cb.Message.Chat.ID}, err)
	}
	d.answer(ctx, cb.ID, "", Line)
	k, err := d.wayBack(ctx, cb.From, s)
	if err != nil {
		return "", err
	}
	err = d.edit(ctx, telegram.Edit{
		ChatID: cb.Message.Chat.ID, MessageID: cb.Message.ID, HTML: markup.Escape(s.Text), Keyboard: k,
	})
	if err != nil {
		d.Log.WarnContext(ctx, "answer not shown in its place", slog.Any("error", err))
		return "link button", d.screen(ctx, cb.Message.Chat.ID, s)
	}
	return "link button", nil
}
