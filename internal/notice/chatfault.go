package notice

import (
	"context"
	"errors"
	"log/slog"

	"countersign/internal/directory"
	"countersign/internal/post"
	"countersign/internal/telegram"
)

// took notes how a group took a letter: in its topic, or beside it. A message that was
// changed, and not sent, says nothing of the topic.
func (b *lane) took(ctx context.Context, g *directory.Chat, l post.Letter, sent post.Sent) {
	switch {
	case g == nil:
	case sent.General:
		b.chatFault(ctx, g, l, directory.TopicFault)
	case sent.MessageID != 0 || g.Fault != directory.TopicFault:
		b.chatFault(ctx, g, l, "")
	}
}

// barred notes that a group takes nothing from the bot. One that takes no files has taken the
// text that they hang under.
func (b *lane) barred(ctx context.Context, g *directory.Chat, l post.Letter, refusal error) {
	e, ok := errors.AsType[*telegram.Error](refusal)
	if !ok || e.Kind == telegram.NoRights && l.File != nil {
		return
	}
	switch e.Kind {
	case telegram.Unreachable, telegram.NoRights, telegram.TopicGone:
		b.chatFault(ctx, g, l, e.Description)
	default:
	}
}

// chatFault tells the directory how a group does, if that is where the letter went. It is for
// those who look after the gateway: that it cannot be kept must not keep messages from being
// sent.
func (b *lane) chatFault(ctx context.Context, g *directory.Chat, l post.Letter, text string) {
	if g == nil || g.Fault == text || g.TelegramID != l.ChatID || g.Thread != l.ThreadID {
		return
	}
	if err := b.Directory.ChatFault(ctx, g.ID, text); err != nil {
		b.Log.WarnContext(ctx, "state of a chat not noted", slog.String("chat", g.ID), slog.Any("error", err))
	}
}
