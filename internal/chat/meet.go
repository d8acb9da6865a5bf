package chat

import (
	"context"
	"log/slog"

	"countersign/internal/inbox"
	"countersign/internal/markup"
	"countersign/internal/meet"
	"countersign/internal/telegram"
)

// meetTap lets the host of a meeting say whether somebody who waits comes in. Handled
// again it tells what was decided the first time.
func (d *Door) meetTap(ctx context.Context, it *inbox.Item, cb *telegram.Callback) (string, error) {
	p, err := d.person(ctx, cb.From.ID)
	if err != nil {
		return "", err
	}
	lang := d.lang(p, cb.From)
	if p.ID == "" {
		d.answer(ctx, cb.ID, lang.T("tap.not_linked", nil), Window)
		return "refused: not linked", nil
	}
	if id := meet.Asked(cb.Data); id != "" {
		b := ballot{query: cb.ID, user: cb.From, chat: cb.Message.Chat.ID, message: cb.Message.ID}
		return d.wayIn(ctx, it, b, lang, passage{p, id})
	}
	s, err := d.Meet.Tap(ctx, p, lang, cb.Data)
	if err != nil {
		return "", d.fault(ctx, it, ballot{query: cb.ID, user: cb.From, chat: cb.Message.Chat.ID}, failed(err))
	}
	d.answer(ctx, cb.ID, s.Answer, Line)
	if s.Text == "" {
		return "meeting: refused", nil
	}
	err = d.edit(ctx, telegram.Edit{ChatID: cb.Message.Chat.ID, MessageID: cb.Message.ID, HTML: markup.Escape(s.Text)})
	if kind := telegram.KindOf(err); err != nil && kind != telegram.NotModified {
		d.Log.WarnContext(ctx, "host's answer not shown in its place", slog.Any("error", err))
	}
	return "meeting: host answered", nil
}
