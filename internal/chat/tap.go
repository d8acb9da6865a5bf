package chat

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"countersign/internal/approval"
	"countersign/internal/card"
	"countersign/internal/inbox"
	"countersign/internal/ledger"
	"countersign/internal/link"
	"countersign/internal/locale"
	"countersign/internal/meet"
	"countersign/internal/people"
	"countersign/internal/telegram"
)

// faultTries is how often a fault that does not pass is met before the person is told. The
// inbox would give up a little later, and could not tell him.
const faultTries = 4

// tap acts on a button. Whatever happens, the person is answered.
func (d *Door) tap(ctx context.Context, it *inbox.Item, cb *telegram.Callback) (string, error) {
	refuse := func(key, outcome string) (string, error) {
		d.answer(ctx, cb.ID, d.tongue(ctx, cb.From).T(key, nil), Window)
		return outcome, nil
	}
	switch {
	case !cb.From.Person():
		return refuse("tap.button_invalid", "refused: sender is no person")
	case cb.InlineID != "":
		return d.refresh(ctx, cb)
	case cb.Message == nil:
		return refuse("tap.button_invalid", "refused: no message of ours")
	case !cb.Message.Chat.Private() || cb.Message.Chat.ID != cb.From.ID:
		return refuse("tap.private_only", "refused: not the private chat")
	case cb.Message.From != nil && cb.Message.From.ID != d.Bot:
		return refuse("tap.button_invalid", "refused: message of another bot")
	case strings.HasPrefix(cb.Data, dialogPrefix):
		return d.dialogTap(ctx, it, cb)
	case strings.HasPrefix(cb.Data, link.DataPrefix):
		return d.linkTap(ctx, it, cb)
	case d.Meet != nil && strings.HasPrefix(cb.Data, meet.DataPrefix):
		return d.meetTap(ctx, it, cb)
	case strings.HasPrefix(cb.Data, panelPrefix):
		return d.panelTap(ctx, it, cb)
	case strings.HasPrefix(cb.Data, findPrefix):
		return d.findTap(ctx, cb)
	}
	t, err := card.ParseTap(cb.Data)
	if err != nil {
		return refuse("tap.button_invalid", "refused: unreadable button")
	}
	ctx = telegram.Concerning(ctx, telegram.About{Case: string(t.Case)})
	b := ballot{tap: t, query: cb.ID, user: cb.From, chat: cb.Message.Chat.ID, message: cb.Message.ID}
	if isTalk(t.Verdict) {
		return d.talkTap(ctx, it, b)
	}
	return d.verdict(ctx, it, b)
}

// ballot is a verdict on its way to the ledger, by button or with its reason in words.
type ballot struct {
	tap     card.Tap
	reason  string
	dialog  *Dialog // the question that the reason answers; nil for a tap on a card
	query   string  // of the tap to answer; empty when it came as a message
	user    telegram.User
	chat    int64
	message int64             // the card
	letter  *telegram.Message // that brought the reason; nil for a tap
}

// cast votes. The end of what must not be handled again is part of the vote's commit: of
// the update, or of the question, by which the update knows itself when it is handled
// again. While a reason is needed, or the way to a page, neither has ended.
func (d *Door) cast(ctx context.Context, it *inbox.Item, b ballot) (ledger.Voted, error) {
	ends := ledger.Also(it.Done(func(refusal error) string { return say(refusal, b.tap.Verdict) }))
	if b.dialog != nil {
		ends = d.Dialogs.Ending(b.dialog, it.ID)
	}
	return d.Ledger.Vote(ctx, ledger.Tap{
		Account: b.user.ID, Case: b.tap.Case, Round: b.tap.Round, Step: b.tap.Step, No: b.tap.No,
		Revision: b.tap.Revision, Verdict: b.tap.Verdict, Reason: b.reason,
	}, butFor(ends, approval.ErrReasonNeeded, approval.ErrAssurance))
}

// verdict votes and tells the person.
func (d *Door) verdict(ctx context.Context, it *inbox.Item, b ballot) (string, error) {
	v, err := d.cast(ctx, it, b)
	lang := d.lang(v.Person, b.user)
	switch {
	case errors.Is(err, approval.ErrReasonNeeded):
		it.Unsettle()
		return d.ask(ctx, it, b, lang)
	case b.dialog != nil && cameTooLate(err):
		it.Unsettle()
		return d.overtaken(ctx, it, b)
	case errors.Is(err, approval.ErrAssurance):
		it.Unsettle()
		return d.stepUp(ctx, it, b, v, err)
	case err != nil && !refusal(err):
		it.Unsettle()
		return "", d.fault(ctx, it, b, err)
	case errors.Is(err, ledger.ErrNotFound):
		it.Unsettle() // nothing was committed
	}
	text, loud := d.words(lang, v, b.tap.Verdict, err)
	if b.query != "" || err != nil && !same(err) {
		d.tell(ctx, b, text, loud) // a reason that was taken is told by the question itself
	}
	if b.dialog != nil {
		d.settleQuestion(ctx, b.chat, b.dialog, conclusion(lang, b, text, err))
		return say(err, b.tap.Verdict), nil
	}
	d.adopt(ctx, b, v)
	return say(err, b.tap.Verdict), nil
}

// fault: the ledger, or the way to the question, failed. What passes is waited for. What
// does not is tried a few times; then the person is told, once, and the update parked.
func (d *Door) fault(ctx context.Context, it *inbox.Item, b ballot, err error) error {
	switch {
	case errors.Is(err, inbox.ErrLater), errors.Is(err, inbox.ErrPark):
		return err
	case asTelegram(err) == nil && passing(err):
		if b.query != "" { // a reason in words is not lost, and needs nobody to send it again
			d.answer(ctx, b.query, d.tongue(ctx, b.user).T("tap.unknown_outcome", nil), Window)
		}
		return later(err)
	case it.Attempt < faultTries:
		return err
	}
	d.tell(ctx, b, d.aftermath(ctx, b), Window)
	return parked(err)
}

// aftermath is what can be said for certain when a vote is given up.
func (d *Door) aftermath(ctx context.Context, b ballot) string {
	lang := d.tongue(ctx, b.user)
	if b.tap.Case == "" { // nobody knows what it was about
		return lang.T("tap.unknown_outcome", nil)
	}
	st, err := d.Ledger.Case(ctx, b.tap.Case)
	p, unknown := d.person(ctx, b.user.ID)
	switch {
	case errors.Is(err, ledger.ErrNotFound):
		return lang.T("tap.error", nil)
	case err != nil || unknown != nil:
		return lang.T("tap.unknown_outcome", nil)
	}
	if s, _ := st.Case.Slot(b.tap.Round, b.tap.Step, b.tap.No); s.Vote != nil && s.Person == p.ID {
		return decided(lang, d.zone(p), *s.Vote)
	}
	return lang.T("tap.error", nil)
}

// tongue is the language of whoever holds an account, as far as it can be told now.
func (d *Door) tongue(ctx context.Context, u telegram.User) locale.Lang {
	p, err := d.person(ctx, u.ID)
	if err != nil {
		return d.Texts.For(u.Language)
	}
	return d.lang(p, u)
}

// adopt: a crash may have left a message that nobody noted; a tap on it makes it known,
// so that it follows the case like the others. Only of whoever was asked there: anybody can
// send any button from any message of ours, and must not have it turned into a card.
func (d *Door) adopt(ctx context.Context, b ballot, v ledger.Voted) {
	s, asked := v.Status.Case.Slot(b.tap.Round, b.tap.Step, b.tap.No)
	if b.message == 0 || d.Cards.Adopt == nil || !asked || s.Person != v.Person.ID {
		return
	}
	if err := d.Cards.Adopt(ctx, b.chat, b.message, b.tap); err != nil {
		d.Log.WarnContext(ctx, "message not adopted", slog.Any("error", err))
	}
}

// tell answers the tap, or writes when the verdict came as a message.
func (d *Door) tell(ctx context.Context, b ballot, text string, loud Loudness) {
	if b.query != "" {
		d.answer(ctx, b.query, text, loud)
		return
	}
	d.note(ctx, b.chat, text)
}

// say is the outcome of a tap for the record.
func say(err error, v approval.Verdict) string {
	switch {
	case err == nil:
		return "voted: " + string(v)
	case same(err):
		return "voted before: " + string(v)
	}
	return "refused: " + err.Error()
}

// same: the vote that was given is on record.
func same(err error) bool {
	already, ok := errors.AsType[*approval.AlreadyVotedError](err)
	return ok && already.Same
}

// refusal reports that it was the core that said no: nothing failed.
func refusal(err error) bool {
	if _, ok := errors.AsType[*approval.AlreadyVotedError](err); ok {
		return true
	}
	for _, known := range []error{
		approval.ErrClosed, approval.ErrMovedOn, approval.ErrNotAsked, approval.ErrStepClosed, approval.ErrConflict, approval.ErrDelegation,
		approval.ErrInactive, approval.ErrReasonNeeded, approval.ErrFilesMissing, approval.ErrVerdict, approval.ErrAssurance, ledger.ErrNotFound,
		people.ErrUnconfirmed, people.ErrCoolingOff, people.ErrLoginOld,
	} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}

// words says what became of a verdict, to the person who gave it.
func (d *Door) words(lang locale.Lang, v ledger.Voted, verdict approval.Verdict, err error) (string, Loudness) {
	if err == nil {
		return lang.T(map[approval.Verdict]string{
			approval.Accept: "tap.accepted", approval.Reject: "tap.rejected", approval.Return: "tap.returned",
		}[verdict], nil), Line
	}
	if already, ok := errors.AsType[*approval.AlreadyVotedError](err); ok {
		if already.Same {
			return lang.T("tap.already_same", map[string]any{"Time": lang.DateTime(already.Vote.At, d.zone(v.Person))}), Line
		}
		return decided(lang, d.zone(v.Person), already.Vote), Window
	}
	switch {
	case errors.Is(err, approval.ErrNotAsked) && v.Person.ID == "":
		return lang.T("tap.not_linked", nil), Window
	case errors.Is(err, approval.ErrNotAsked), errors.Is(err, approval.ErrInactive), errors.Is(err, approval.ErrVerdict), errors.Is(err, ledger.ErrNotFound):
		return lang.T("tap.not_asked", nil), Window
	case errors.Is(err, people.ErrUnconfirmed):
		return lang.T("tap.unconfirmed", nil), Window
	case errors.Is(err, people.ErrCoolingOff):
		return lang.T("tap.cooling_off", map[string]any{"Time": lang.DateTime(v.Person.Power.From, d.zone(v.Person))}), Window
	case errors.Is(err, people.ErrLoginOld):
		return lang.T("tap.login_old", nil), Window
	case errors.Is(err, approval.ErrMovedOn):
		return lang.T("tap.moved_on", nil), Window
	case errors.Is(err, approval.ErrConflict):
		return lang.T("tap.conflict", nil), Window
	case errors.Is(err, approval.ErrDelegation):
		return lang.T("tap.delegation_over", nil), Window
	case errors.Is(err, approval.ErrFilesMissing):
		return lang.T("tap.files_missing", nil), Window
	case errors.Is(err, approval.ErrStepClosed), errors.Is(err, approval.ErrClosed):
		return d.closed(lang, v), Window
	default:
		return lang.T("tap.error", nil), Window
	}
}

// decided says what is on record of a person.
func decided(lang locale.Lang, zone *time.Location, v approval.Vote) string {
	return lang.T("tap.already_other", map[string]any{
		"Verdict": lang.T("verdict."+string(v.Verdict), nil), "Time": lang.DateTime(v.At, zone),
	})
}

// closed says who ended it, what was decided and when.
func (d *Door) closed(lang locale.Lang, v ledger.Voted) string {
	c := v.Status.Case
	last := lastVote(&c)
	state := lang.T("state."+string(c.State), nil)
	if last == nil {
		return lang.T("tap.ended", map[string]any{"State": state})
	}
	p, _ := v.People.Person(last.Person)
	data := map[string]any{
		"Name": short(p.Name), "Time": lang.DateTime(last.Vote.At, d.zone(v.Person)), "State": state,
		"Verdict": lang.T("verdict."+string(last.Vote.Verdict), nil),
	}
	if c.State == approval.InProgress {
		return lang.T("tap.step_closed", data)
	}
	return lang.T("tap.closed", data)
}

func lastVote(c *approval.Case) *approval.Slot {
	var last *approval.Slot
	for i, s := range c.Slots {
		if s.Round == c.Round && s.Vote != nil && (last == nil || !s.Vote.At.Before(last.Vote.At)) {
			last = &c.Slots[i]
		}
	}
	return last
}
