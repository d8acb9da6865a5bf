package chat

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
	"unicode/utf8"

	"countersign/internal/approval"
	"countersign/internal/card"
	"countersign/internal/ident"
	"countersign/internal/inbox"
	"countersign/internal/ledger"
	"countersign/internal/locale"
	"countersign/internal/markup"
	"countersign/internal/pace"
	"countersign/internal/people"
	"countersign/internal/telegram"
)

const (
	noted      = "✍"  // put under what was taken; nothing that could pass for a decision
	maxComment = 4000 // characters
)

// letter is a message that says something about a document, on its way to the ledger.
type letter struct {
	*telegram.Message

	of   approval.ID // the case
	spot card.Spot   // what it replies to
	lang locale.Lang
	text string
}

// replied takes a reply to a message of ours as something said about its document. It
// reports whether it was one.
func (d *Door) replied(ctx context.Context, it *inbox.Item, m *telegram.Message, p people.Person) (bool, string, error) {
	l := letter{Message: m, lang: d.lang(p, *m.From), text: strings.TrimSpace(markup.Clean(m.Text + m.Caption))}
	var err error
	l.of, l.spot, err = d.about(ctx, m)
	switch unknown := errors.Is(err, ledger.ErrNotFound); {
	case err != nil && !unknown:
		return true, "", failed(err)
	case (unknown || l.spot == card.Spot{}) && d.ours(m) && it.Attempt < lookedFor(m): // its buttons tell the case, and not what it asks
		return true, "", errUnnoted
	case unknown:
		return false, "", nil
	}
	refuse := func(key, outcome string) (bool, string, error) {
		d.tellWriter(ctx, l, l.lang.T(key, map[string]any{"Limit": maxComment}))
		return true, "refused: " + outcome, nil
	}
	switch {
	case p.ID == "":
		return refuse("talk.not_linked", "not linked")
	case utf8.RuneCountInString(l.text) > maxComment:
		return refuse("reason.too_long", "comment too long")
	case m.Attached != nil:
		outcome, err := d.attach(ctx, it, l, p)
		return true, outcome, err
	case l.text == "":
		return refuse("talk.text_only", "no text")
	case l.spot.Kind == card.KindQuestion && l.spot.Person == p.ID:
		outcome, err := d.hand(ctx, it, l, "answer", func(t ledger.Talk, ends ledger.Also) (ledger.Said, error) {
			return d.Ledger.Answer(ctx, t, l.spot.No, ends)
		})
		return true, outcome, err
	}
	outcome, err := d.hand(ctx, it, l, "comment", func(t ledger.Talk, ends ledger.Also) (ledger.Said, error) {
		return d.Ledger.Say(ctx, t, ends)
	})
	return true, outcome, err
}

// lookedFor is how many times a message that was replied to is looked for: it may stand in
// the chat and not be noted yet.
func lookedFor(m *telegram.Message) int {
	const quick = time.Minute
	if m.Date.Sub(m.ReplyTo.Date) < quick {
		return 4
	}
	return 2
}

// ours reports whether a message may reply to one of the cards.
func (d *Door) ours(m *telegram.Message) bool {
	return d.Cards.At != nil && m.ReplyTo != nil && (m.ReplyTo.From == nil || m.ReplyTo.From.ID == d.Bot)
}

// about finds the case that a reply is about: of a message that the courier knows, or of
// one that nobody could note, by its buttons.
func (d *Door) about(ctx context.Context, m *telegram.Message) (approval.ID, card.Spot, error) {
	if !d.ours(m) {
		return "", card.Spot{}, ledger.ErrNotFound
	}
	id, spot, err := d.Cards.At(ctx, m.Chat.ID, m.ReplyTo.ID)
	if !errors.Is(err, ledger.ErrNotFound) {
		return id, spot, err
	}
	if m.ReplyTo.From == nil || !m.Chat.Private() {
		return "", card.Spot{}, err
	}
	for _, data := range m.ReplyTo.Data {
		t, unknown := card.ParseTap(data)
		if unknown == nil {
			return t.Case, card.Spot{}, nil
		}
	}
	return "", card.Spot{}, err
}

// origin names a message for good.
func (d *Door) origin(chat, message int64) string {
	return fmt.Sprintf("telegram/%d/%d/%d", d.Bot, chat, message)
}

// talk is what a letter says, as the ledger takes it. In a group everybody is shown the
// card, so whoever is somebody may speak of it.
func (d *Door) talk(l letter) (ledger.Talk, error) {
	id, err := ident.New("com")
	return ledger.Talk{
		Account: l.From.ID, Case: l.of, ID: id, Text: l.text, Origin: d.origin(l.Chat.ID, l.ID), Shown: !l.Chat.Private() && l.spot.Chat != "",
	}, err
}

// hand gives a letter to the ledger and tells the writer. The end of the update is part of
// the same commit.
func (d *Door) hand(ctx context.Context, it *inbox.Item, l letter, what string, give func(ledger.Talk, ledger.Also) (ledger.Said, error)) (string, error) {
	t, err := d.talk(l)
	if err != nil {
		return "", err
	}
	outcome := func(refusal error) string {
		if refusal != nil {
			return "refused: " + refusal.Error()
		}
		return what + " noted"
	}
	said, err := give(t, ledger.Also(it.Done(outcome)))
	switch {
	case errors.Is(err, ledger.ErrNotFound) && !errors.Is(err, ledger.ErrUnseen):
		it.Unsettle() // nothing was committed
	case err != nil && !refusedTalk(err):
		it.Unsettle()
		return "", d.talkFault(ctx, it, l, err)
	}
	if err != nil {
		d.tellWriter(ctx, l, d.talkWords(l.lang, said, err))
		return outcome(err), nil
	}
	d.confirm(ctx, l)
	return outcome(nil), nil
}

// confirm shows the writer that his message was taken: by a mark under it, or in words
// where there are no marks. It is best effort: the cards show it too.
func (d *Door) confirm(ctx context.Context, l letter) {
	err := d.Telegram.React(ctx, l.Chat.ID, l.ID, noted)
	if err == nil {
		return
	}
	d.Log.DebugContext(ctx, "no mark put", slog.Any("error", err))
	if l.Chat.Private() && telegram.KindOf(err) != telegram.Gone {
		d.note(ctx, l.Chat.ID, l.lang.T("talk.noted", nil))
	}
}

// tellWriter answers a letter where it was written.
func (d *Door) tellWriter(ctx context.Context, l letter, text string) {
	out := telegram.Outgoing{ChatID: l.Chat.ID, ReplyTo: l.ID, HTML: markup.Escape(text)}
	class := pace.Outcome
	if !l.Chat.Private() {
		class, out.ThreadID = pace.Notice, l.ThreadID
	}
	if _, err := d.say(ctx, class, out); err != nil {
		d.Log.WarnContext(ctx, "not told", slog.Any("error", err))
	}
}

// talkFault: what passes is waited for; what does not is tried a few times, and then the
// writer is told, once.
func (d *Door) talkFault(ctx context.Context, it *inbox.Item, l letter, err error) error {
	err = failed(err)
	if errors.Is(err, inbox.ErrLater) || errors.Is(err, inbox.ErrPark) || it.Attempt < faultTries {
		return err
	}
	d.tellWriter(ctx, l, l.lang.T("talk.failed", nil))
	return parked(err)
}

// refusedTalk reports that it was no fault: the ledger said no.
func refusedTalk(err error) bool {
	for _, known := range []error{
		ledger.ErrNoAccount, ledger.ErrNotFound, approval.ErrNoQuestion, approval.ErrAnswered, approval.ErrQuestionClosed, approval.ErrTooManyQuestions,
	} {
		if errors.Is(err, known) {
			return true
		}
	}
	return refusal(err)
}

// talkWords says why something was not taken.
func (d *Door) talkWords(lang locale.Lang, said ledger.Said, err error) string {
	for _, known := range []struct {
		err error
		key string
	}{
		{ledger.ErrNoAccount, "talk.not_linked"},
		{ledger.ErrNotFound, "talk.unseen"},
		{people.ErrUnconfirmed, "talk.not_yet"},
		{people.ErrCoolingOff, "talk.not_yet"},
		{approval.ErrNoQuestion, "talk.not_yours"},
		{approval.ErrAnswered, "talk.answered"},
		{approval.ErrQuestionClosed, "talk.question_over"},
		{approval.ErrTooManyQuestions, "talk.too_many"},
	} {
		if errors.Is(err, known.err) {
			return lang.T(known.key, nil)
		}
	}
	text, _ := d.words(lang, ledger.Voted{Status: said.Status, Person: said.Person, People: said.People}, "", err)
	return text
}

// edited: what was said stays as it was said. The writer is told so, if it concerns him.
func (d *Door) edited(ctx context.Context, m *telegram.Message) (string, error) {
	if !m.Written() {
		return "ignored: edited_message", nil
	}
	was, err := d.Ledger.Heard(ctx, d.origin(m.Chat.ID, m.ID))
	if errors.Is(err, ledger.ErrNotFound) {
		return "ignored: edited_message", nil
	}
	if err != nil {
		return "", failed(err)
	}
	p, err := d.person(ctx, m.From.ID)
	if err != nil {
		return "", err
	}
	l := letter{Message: m, lang: d.lang(p, *m.From), text: strings.TrimSpace(markup.Clean(m.Text + m.Caption))}
	if l.text == was.Text {
		return "edited to the same", nil
	}
	d.tellWriter(ctx, l, l.lang.T("talk.edited", nil))
	return "edit not taken", nil
}
