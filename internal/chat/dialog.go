package chat

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"
	"unicode/utf8"

	"countersign/internal/approval"
	"countersign/internal/card"
	"countersign/internal/document"
	"countersign/internal/inbox"
	"countersign/internal/locale"
	"countersign/internal/markup"
	"countersign/internal/pace"
	"countersign/internal/telegram"
)

const (
	dialogPrefix = "q:"             // of a button under the question for a reason
	dialogTime   = 15 * time.Minute // a verdict waits so long for its reason
	maxReason    = 1000             // characters
	cancelled    = "x"
)

// quick are reasons that a person need not write, by the key of their text.
func quick() []string {
	return []string{
		"reason.quick.duplicate", "reason.quick.wrong_details", "reason.quick.no_budget",
		"reason.quick.no_documents", "reason.quick.later",
	}
}

// ask keeps the verdict until its reason comes, and asks for it. Nothing is recorded
// of the vote until then.
func (d *Door) ask(ctx context.Context, b ballot, lang locale.Lang) (*Dialog, error) {
	dlg := &Dialog{
		Account: b.user.ID, Case: b.tap.Case, Round: b.tap.Round, Step: b.tap.Step, No: b.tap.No,
		Revision: b.tap.Revision, Verdict: b.tap.Verdict, ExpiresAt: d.Now().Add(dialogTime),
	}
	if err := d.Dialogs.Open(ctx, dlg); err != nil {
		return nil, later(err)
	}
	question := map[approval.Verdict]string{
		approval.Accept: "reason.ask_accept", approval.Reject: "reason.ask", approval.Return: "reason.ask_return",
	}[b.tap.Verdict]
	text := lang.T(question, map[string]any{"Document": d.title(ctx, b.tap.Case, lang)}) + "\n\n" +
		lang.T("reason.pending", map[string]any{"Duration": lang.Duration(dialogTime)})
	id, err := d.say(ctx, pace.Outcome, telegram.Outgoing{
		ChatID: b.chat, ReplyTo: b.message, HTML: markup.Escape(text), Keyboard: d.choices(ctx, dlg, lang),
	})
	if err != nil {
		return nil, err
	}
	return dlg, d.Dialogs.Asked(ctx, dlg, id)
}

// title names the document of a case in one line.
func (d *Door) title(ctx context.Context, id approval.ID, lang locale.Lang) string {
	st, err := d.Ledger.Case(ctx, id)
	if err != nil {
		return ""
	}
	return title(st.Document, lang)
}

// title is the line by which people speak of a document.
func title(d document.Document, lang locale.Lang) string {
	kind := lang.T("doc.other", nil)
	if key := "doc." + d.Type; lang.Has(key) {
		kind = lang.T(key, nil)
	}
	if d.Number != "" {
		kind = lang.T("doc.numbered", map[string]any{"Type": kind, "Number": short(d.Number)})
	}
	return kind + " · " + lang.Money(d.Amount) + " · " + short(d.Payee.Name)
}

func (d *Door) choices(ctx context.Context, dlg *Dialog, lang locale.Lang) telegram.Keyboard {
	var rows [][]telegram.Button
	if dlg.Verdict == approval.Reject {
		for i, key := range quick() {
			rows = append(rows, []telegram.Button{{Text: lang.T(key, nil), Data: fmt.Sprintf("%s%s:%d", dialogPrefix, dlg.ID, i)}})
		}
	}
	rows = append(rows, []telegram.Button{{Text: lang.T("button.cancel", nil), Data: dialogPrefix + dlg.ID + ":" + cancelled}})
	k, err := telegram.NewKeyboard(rows...)
	if err != nil {
		d.Log.ErrorContext(ctx, "keyboard of reasons", slog.Any("error", err))
	}
	return k
}

// dialogTap is a button under the question: a ready reason, or "never mind".
func (d *Door) dialogTap(ctx context.Context, it *inbox.Item, cb *telegram.Callback) (string, error) {
	id, choice, _ := strings.Cut(strings.TrimPrefix(cb.Data, dialogPrefix), ":")
	dlg, err := d.Dialogs.Of(ctx, cb.From.ID)
	if err != nil {
		return "", later(err)
	}
	p, err := d.person(ctx, cb.From.ID)
	if err != nil {
		return "", err
	}
	lang := d.lang(p, cb.From)
	if dlg == nil || dlg.ID != id || d.Now().After(dlg.ExpiresAt) {
		d.answer(ctx, cb.ID, lang.T("reason.expired", nil), Window)
		d.settleQuestion(ctx, cb.Message.Chat.ID, cb.Message.ID, lang.T("reason.expired", nil))
		return "refused: no such question is open", nil
	}
	if choice == cancelled {
		if err := d.Dialogs.Close(ctx, dlg); err != nil {
			return "", later(err)
		}
		d.answer(ctx, cb.ID, lang.T("reason.cancelled", nil), Line)
		d.settleQuestion(ctx, cb.Message.Chat.ID, cb.Message.ID, lang.T("reason.cancelled", nil))
		return "reason not given", nil
	}
	for i, key := range quick() {
		if choice == fmt.Sprint(i) && dlg.Verdict == approval.Reject {
			return d.reasoned(ctx, it, dlg, ballot{reason: lang.T(key, nil), query: cb.ID, user: cb.From, chat: cb.Message.Chat.ID})
		}
	}
	d.answer(ctx, cb.ID, lang.T("tap.button_invalid", nil), Window)
	return "refused: unreadable button", nil
}

// written takes a message as the reason that was asked for. It reports whether it was.
func (d *Door) written(ctx context.Context, it *inbox.Item, m *telegram.Message, lang locale.Lang) (bool, string, error) {
	dlg, err := d.Dialogs.Of(ctx, m.From.ID)
	if err != nil {
		return true, "", later(err)
	}
	if dlg == nil || m.ReplyTo != nil && m.ReplyTo.ID != dlg.MessageID {
		return false, "", nil
	}
	reason := strings.TrimSpace(markup.Clean(m.Text))
	switch {
	case d.Now().After(dlg.ExpiresAt):
		_ = d.Dialogs.Close(ctx, dlg)
		d.note(ctx, m.Chat.ID, lang.T("reason.expired", nil))
		return true, "refused: the question has expired", nil
	case reason == "":
		d.note(ctx, m.Chat.ID, lang.T("reason.text_only", nil))
		return true, "refused: no text", nil
	case utf8.RuneCountInString(reason) > maxReason:
		d.note(ctx, m.Chat.ID, lang.T("reason.too_long", map[string]any{"Limit": maxReason}))
		return true, "refused: reason too long", nil
	}
	outcome, err := d.reasoned(ctx, it, dlg, ballot{reason: reason, user: *m.From, chat: m.Chat.ID})
	return true, outcome, err
}

// reasoned votes with the reason and closes the question.
func (d *Door) reasoned(ctx context.Context, it *inbox.Item, dlg *Dialog, b ballot) (string, error) {
	b.tap = card.Tap{
		Case: dlg.Case, Round: dlg.Round, Step: dlg.Step, No: dlg.No, Revision: dlg.Revision, Verdict: dlg.Verdict,
	}
	outcome, err := d.verdict(ctx, it, b)
	if err != nil {
		return outcome, err
	}
	if err := d.Dialogs.Close(ctx, dlg); err != nil {
		d.Log.WarnContext(ctx, "question not closed", slog.Any("error", err))
	}
	if p, err := d.person(ctx, b.user.ID); err == nil {
		d.settleQuestion(ctx, b.chat, dlg.MessageID, "«"+b.reason+"»\n\n"+d.lang(p, b.user).T(settled(outcome), nil))
	}
	return outcome, nil
}

func settled(outcome string) string {
	if strings.HasPrefix(outcome, "voted") {
		return "reason.saved"
	}
	return "reason.cancelled"
}

// settleQuestion takes the buttons from the question and says how it ended.
func (d *Door) settleQuestion(ctx context.Context, chat, message int64, text string) {
	if message == 0 {
		return
	}
	err := d.Telegram.EditText(ctx, telegram.Edit{ChatID: chat, MessageID: message, HTML: markup.Escape(text)})
	if err != nil {
		d.Log.WarnContext(ctx, "question not settled", slog.Any("error", err))
	}
}
