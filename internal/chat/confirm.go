package chat

import (
	"context"
	"errors"
	"log/slog"

	"countersign/internal/approval"
	"countersign/internal/assure"
	"countersign/internal/ledger"
	"countersign/internal/locale"
	"countersign/internal/markup"
	"countersign/internal/pace"
	"countersign/internal/telegram"
)

// stepUp leads somebody whose tap is not enough to a page on which he proves more. Nothing
// was recorded; the page casts the vote.
func (d *Door) stepUp(ctx context.Context, b ballot, v ledger.Voted, asked *approval.AssuranceError) (string, error) {
	lang := d.lang(v.Person, b.user)
	outcome := "refused: " + asked.Error()
	if d.Assure == nil {
		d.settleStepUp(ctx, b, lang.T("tap.assurance_off", nil))
		return outcome, nil
	}
	url, err := d.Assure.Begin(ctx, assure.Ask{
		Person: v.Person.ID, Account: b.user.ID, Case: string(b.tap.Case), Round: b.tap.Round, Step: b.tap.Step, No: b.tap.No,
		Revision: b.tap.Revision, Verdict: string(b.tap.Verdict), Reason: b.reason, Least: assure.Method(asked.Least), Language: lang.Tag(),
	})
	switch {
	case errors.Is(err, assure.ErrTooMany):
		d.settleStepUp(ctx, b, lang.T("tap.assurance_many", nil))
		return outcome, nil
	case errors.Is(err, assure.ErrInvalid), errors.Is(err, assure.ErrNotLinked):
		d.Log.WarnContext(ctx, "no way to confirm", slog.Any("error", err))
		d.settleStepUp(ctx, b, lang.T("tap.assurance_off", nil))
		return outcome, nil
	case err != nil:
		return "", failed(err)
	}
	d.settleStepUp(ctx, b, lang.T("tap.assurance", nil))
	text := lang.T("confirm.text", map[string]any{"Title": title(v.Status.Document, lang)})
	return outcome, d.link(ctx, b.chat, text, lang.T("confirm.button", nil), url)
}

// settleStepUp answers the tap, or ends the question that the reason was for.
func (d *Door) settleStepUp(ctx context.Context, b ballot, text string) {
	if b.dialog != nil {
		d.settleQuestion(ctx, b.chat, b.dialog, text)
		return
	}
	d.tell(ctx, b, text, Window)
}

// link sends a line with a button that opens an address.
func (d *Door) link(ctx context.Context, chat int64, text, button, url string) error {
	k, err := telegram.NewKeyboard([]telegram.Button{{Text: button, URL: url}})
	if err != nil {
		return err
	}
	return d.reply(ctx, pace.Outcome, telegram.Outgoing{ChatID: chat, HTML: markup.Escape(text), Keyboard: k})
}

// security answers /security: a page on which a person sets what he confirms with.
func (d *Door) security(ctx context.Context, m *telegram.Message, r request) error {
	key := "security.off"
	switch {
	case r.person.ID == "":
		key = "link.not_linked"
	case d.Assure != nil:
		url, err := d.Assure.Enroll(ctx, r.person.ID, m.From.ID, r.lang.Tag())
		if err == nil {
			return d.link(ctx, m.Chat.ID, r.lang.T("security.text", nil), r.lang.T("security.button", nil), url)
		}
		if !errors.Is(err, assure.ErrTooMany) {
			return failed(err)
		}
		key = "tap.assurance_many"
	}
	return d.reply(ctx, pace.Outcome, telegram.Outgoing{ChatID: m.Chat.ID, HTML: markup.Escape(r.lang.T(key, nil))})
}

// Describe says what somebody is about to confirm: every figure whole.
func (d *Door) Describe(ctx context.Context, a assure.Ask, lang locale.Lang) ([]string, error) {
	st, err := d.Ledger.Case(ctx, approval.ID(a.Case))
	if err != nil {
		return nil, failed(err)
	}
	doc := st.Document
	lines := []string{heading(doc, lang), lang.Money(doc.Amount), lang.T("field.payee.name", nil) + ": " + markup.Clean(doc.Payee.Name)}
	for _, f := range []struct{ key, value string }{
		{"field.payee.account", doc.Payee.Account}, {"field.payee.bank_id", doc.Payee.BankID}, {"field.payee.tax_id", doc.Payee.TaxID},
	} {
		if f.value != "" {
			lines = append(lines, lang.T(f.key, nil)+": "+markup.Clean(f.value))
		}
	}
	return append(lines, lang.T("confirm.decision", map[string]any{"Verdict": lang.T("verdict."+a.Verdict, nil)})), nil
}

// Cast casts the vote of somebody who proved more than a tap does, and says what came of
// it. The error is that of something which may work a moment later.
func (d *Door) Cast(ctx context.Context, a assure.Ask, method string) (string, error) {
	verdict := approval.Verdict(a.Verdict)
	v, err := d.Ledger.Vote(ctx, ledger.Tap{
		Account: a.Account, Case: approval.ID(a.Case), Round: a.Round, Step: a.Step, No: a.No, Revision: a.Revision,
		Verdict: verdict, Reason: a.Reason, Assurance: approval.Assurance(method),
	})
	if err != nil && !refusal(err) {
		return "", failed(err)
	}
	text, _ := d.words(d.lang(v.Person, telegram.User{Language: a.Language}), v, verdict, err)
	return text, nil
}
