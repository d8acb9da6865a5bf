package chat

import (
	"context"
	"errors"
	"log/slog"

	"countersign/internal/approval"
	"countersign/internal/assure"
	"countersign/internal/inbox"
	"countersign/internal/ledger"
	"countersign/internal/locale"
	"countersign/internal/markup"
	"countersign/internal/pace"
	"countersign/internal/telegram"
)

// stepUp leads somebody whose tap is not enough to a page on which he proves more. Nothing
// was recorded; the page casts the vote. The update, and the question that the reason was
// for, end when the way there was sent: until then all of it may be done again, and the
// newest page takes the place of the one before.
func (d *Door) stepUp(ctx context.Context, it *inbox.Item, b ballot, v ledger.Voted, refusal error) (string, error) {
	lang, outcome := d.lang(v.Person, b.user), say(refusal, b.tap.Verdict)
	url, key, err := d.page(ctx, b, v, refusal)
	if err != nil {
		return "", d.fault(ctx, it, b, err)
	}
	text := lang.T(key, nil)
	if b.query != "" {
		d.answer(ctx, b.query, text, Window)
	}
	if url != "" {
		about := lang.T("confirm.text", map[string]any{"Title": title(v.Status.Document, lang)})
		if err := d.link(ctx, b.chat, about, lang.T("confirm.button", nil), url); err != nil {
			return "", d.fault(ctx, it, b, err)
		}
	}
	if b.dialog == nil {
		return outcome, nil
	}
	if err := d.Dialogs.refuse(ctx, b.dialog, it.ID, it.Done(func(error) string { return outcome }), refusal); err != nil {
		it.Unsettle()
		return "", d.fault(ctx, it, b, failed(err))
	}
	d.settleQuestion(ctx, b.chat, b.dialog, text)
	return outcome, nil
}

// page begins a page to confirm on. It gives its address, if there is one, and the key of
// what the person is told.
func (d *Door) page(ctx context.Context, b ballot, v ledger.Voted, refusal error) (url, key string, err error) {
	asked, _ := errors.AsType[*approval.AssuranceError](refusal)
	if d.Assure == nil {
		return "", "tap.assurance_off", nil
	}
	url, err = d.Assure.Begin(ctx, assure.Ask{
		Person: v.Person.ID, Account: b.user.ID, Case: string(b.tap.Case), Round: b.tap.Round, Step: b.tap.Step, No: b.tap.No,
		Revision: b.tap.Revision, Verdict: string(b.tap.Verdict), Reason: b.reason, Least: assure.Method(asked.Least), Language: d.lang(v.Person, b.user).Tag(),
	})
	switch {
	case errors.Is(err, assure.ErrTooMany):
		return "", "tap.assurance_many", nil
	case errors.Is(err, assure.ErrInvalid), errors.Is(err, assure.ErrNotLinked):
		d.Log.WarnContext(ctx, "no way to confirm", slog.Any("error", err))
		return "", "tap.assurance_off", nil
	case err != nil:
		return "", "", failed(err)
	}
	return url, "tap.assurance", nil
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
