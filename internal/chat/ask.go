package chat

import (
	"context"
	"errors"

	"countersign/internal/approval"
	"countersign/internal/card"
	"countersign/internal/inbox"
	"countersign/internal/ledger"
	"countersign/internal/locale"
	"countersign/internal/people"
)

// talks reports whether a button or a dialogue is about words, not about a verdict.
func talks(v approval.Verdict) bool { return v == card.Ask || v == card.Answer }

// prompt is how somebody is asked to write: the question itself, what happens until then,
// and the answer to his tap.
type prompt struct {
	question, pending, told string
}

func promptFor(v approval.Verdict) prompt {
	switch v {
	case card.Ask:
		return prompt{"talk.ask", "talk.pending", "talk.write"}
	case card.Answer:
		return prompt{"talk.reply", "talk.pending_reply", "talk.write"}
	case approval.Accept:
		return prompt{"reason.ask_accept", "reason.pending", "talk.write"}
	case approval.Return:
		return prompt{"reason.ask_return", "reason.pending", "talk.write"}
	default:
		return prompt{"reason.ask", "reason.pending", "tap.reason_needed"}
	}
}

// talkTap acts on a button that is no verdict.
func (d *Door) talkTap(ctx context.Context, it *inbox.Item, b ballot) (string, error) {
	p, err := d.person(ctx, b.user.ID)
	if err != nil {
		return "", d.fault(ctx, it, b, err)
	}
	lang := d.lang(p, b.user)
	if p.ID == "" {
		d.answer(ctx, b.query, lang.T("tap.not_linked", nil), Window)
		return "refused: not linked", nil
	}
	switch b.tap.Verdict {
	case card.Discuss:
		return d.discuss(ctx, it, b, p)
	case card.Phone:
		return d.phone(ctx, it, b, p)
	default:
	}
	if !talks(b.tap.Verdict) {
		return d.show(ctx, it, b, p)
	}
	said, err := d.mayWrite(ctx, b.tap, p)
	if err != nil && !refusedTalk(err) {
		return "", d.fault(ctx, it, b, failed(err))
	}
	if err != nil {
		d.answer(ctx, b.query, d.talkWords(lang, said, err), Window)
		return "refused: " + err.Error(), nil
	}
	return d.ask(ctx, it, b, lang)
}

// mayWrite looks whether words would be taken, before somebody looks for them.
func (d *Door) mayWrite(ctx context.Context, t card.Tap, p people.Person) (ledger.Said, error) {
	dir, err := d.Directory.Snapshot(ctx)
	if err != nil {
		return ledger.Said{}, err
	}
	st, err := d.Ledger.Case(ctx, t.Case)
	said := ledger.Said{Status: st, People: dir, Person: p}
	if err != nil {
		return said, err
	}
	if t.Verdict == card.Ask {
		if err := p.Power.Decides(d.Now(), d.Ledger.LoginLife); err != nil {
			return said, err
		}
		return said, st.Case.MayAsk(approval.Asking{Person: p.ID, Round: t.Round, Step: t.Step, No: t.No}, dir)
	}
	for _, q := range st.Case.Questions {
		switch {
		case q.No != t.No:
		case q.To != p.ID:
			return said, approval.ErrNoQuestion
		case q.Answer != nil:
			return said, approval.ErrAnswered
		case !st.Case.Awaits(q):
			return said, approval.ErrQuestionClosed
		default:
			return said, p.Power.Decides(d.Now(), 0)
		}
	}
	return said, approval.ErrNoQuestion
}

// spoken takes a text as the question or the answer that somebody set out to write. The
// end of the dialogue is part of the same commit.
func (d *Door) spoken(ctx context.Context, it *inbox.Item, b ballot, lang locale.Lang) (string, error) {
	l := letter{of: b.tap.Case, text: b.reason, lang: lang, Message: b.letter}
	t, err := d.talk(l)
	if err != nil {
		return "", err
	}
	ends := d.Dialogs.Ending(b.dialog, it.ID)
	var said ledger.Said
	if b.tap.Verdict == card.Ask {
		said, err = d.Ledger.Ask(ctx, t, approval.Asking{Round: b.tap.Round, Step: b.tap.Step, No: b.tap.No}, ends)
	} else {
		said, err = d.Ledger.Answer(ctx, t, b.tap.No, ends)
	}
	switch {
	case cameTooLate(err):
		return d.overtaken(ctx, it, b)
	case err != nil && !refusedTalk(err):
		return "", d.talkFault(ctx, it, l, err)
	case err != nil:
		text := d.talkWords(lang, said, err)
		d.settleQuestion(ctx, b.chat, b.dialog, text)
		d.note(ctx, b.chat, text)
		return "refused: " + err.Error(), nil
	}
	d.settleQuestion(ctx, b.chat, b.dialog, quoted(lang, b.reason)+"\n\n"+d.passedOn(ctx, lang, b.tap, said))
	return string(b.tap.Verdict) + " noted", nil
}

// passedOn says to whom the words go: a question that reaches nobody in the messenger is
// left to the ERP.
func (d *Door) passedOn(ctx context.Context, lang locale.Lang, t card.Tap, said ledger.Said) string {
	if t.Verdict == card.Answer {
		return lang.T("talk.sent_answer", nil)
	}
	open := said.Status.Case.Unanswered()
	if len(open) == 0 {
		return lang.T("talk.sent_erp", nil)
	}
	to, known := said.People.Person(open[len(open)-1].To)
	switch {
	case !known:
		return lang.T("talk.sent_erp", nil)
	case !to.Linked() || d.closedTo(ctx, t.Case)[to.Telegram]:
		return lang.T("talk.sent_unreachable", map[string]any{"Name": short(to.Name)})
	default:
		return lang.T("talk.sent", map[string]any{"Name": short(to.Name)})
	}
}

// overTalk says how a dialogue about words ended.
func (d *Door) overTalk(dlg *Dialog, lang locale.Lang) ending {
	key := "talk.expired"
	switch dlg.Outcome {
	case Written:
		return ending{text: lang.T("talk.sent_before", nil), question: lang.T("talk.sent_before", nil), recorded: true}
	case Cancelled:
		key = "talk.cancelled"
	case Replaced:
		key = "talk.replaced"
	default: // its time was up, or it was refused
	}
	return ending{text: lang.T(key, nil), question: lang.T(key, nil)}
}

// replaced takes the buttons from the questions whose place another one took.
func (d *Door) replaced(ctx context.Context, chat int64, over []*Dialog, lang locale.Lang) {
	for _, was := range over {
		d.settleQuestion(ctx, chat, was, lang.T("talk.replaced", nil))
	}
}

// cancel answers /cancel: the dialogue that is open ends.
func (d *Door) cancel(ctx context.Context, chat int64, r request) (string, error) {
	dlg, err := d.Dialogs.Of(ctx, Text{Account: chat})
	if err != nil {
		return "", failed(err)
	}
	if dlg == nil || dlg.Outcome != "" {
		return d.cancelDraft(ctx, chat, r)
	}
	if err := d.Dialogs.End(ctx, dlg, Cancelled); err != nil {
		return "", failed(err)
	}
	if dlg.Outcome != Cancelled { // the words came in the same moment
		return r.lang.T("talk.nothing_open", nil), nil
	}
	text := r.lang.T("reason.cancelled", nil)
	if talks(dlg.Tap.Verdict) {
		text = r.lang.T("talk.cancelled", nil)
	}
	d.settleQuestion(ctx, chat, dlg, text)
	return text, nil
}

// closedTo lists the private chats that take no messages about a case.
func (d *Door) closedTo(ctx context.Context, id approval.ID) map[int64]bool {
	if d.Cards.Closed == nil {
		return nil
	}
	closed, err := d.Cards.Closed(ctx, id)
	if err != nil && !errors.Is(err, context.Canceled) {
		d.Log.WarnContext(ctx, "not known who can be reached", "error", err)
	}
	return closed
}
