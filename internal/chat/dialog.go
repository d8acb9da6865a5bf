package chat

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"countersign/internal/approval"
	"countersign/internal/document"
	"countersign/internal/inbox"
	"countersign/internal/ledger"
	"countersign/internal/locale"
	"countersign/internal/markup"
	"countersign/internal/pace"
	"countersign/internal/telegram"
)

const (
	dialogPrefix = "q:"             // of a button under the question for a reason
	dialogTime   = 15 * time.Minute // a verdict waits so long for its reason
	askedLately  = time.Minute      // the question is not put once more
	askTime      = 30 * time.Second // then a question that was opened is not being put any more
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
// of the vote until then. An update that is handled again asks nothing twice.
func (d *Door) ask(ctx context.Context, it *inbox.Item, b ballot, lang locale.Lang) (string, error) {
	now := d.Now()
	dlg := &Dialog{Account: b.user.ID, Tap: b.tap, OpenedAt: now, ExpiresAt: now.Add(dialogTime)}
	if err := d.Dialogs.Open(ctx, dlg); err != nil {
		return "", d.fault(ctx, it, b, failed(err))
	}
	d.replaced(ctx, b.chat, dlg.Over, lang)
	if now.Sub(dlg.AskedAt) > askedLately {
		if err := d.put(ctx, dlg, b, lang); err != nil {
			return "", d.fault(ctx, it, b, err)
		}
	}
	if dlg.Outcome == Unasked {
		d.tell(ctx, b, lang.T("tap.error", nil), Window)
		return "refused: the question could not be put", nil
	}
	d.tell(ctx, b, lang.T(promptFor(dlg.Tap.Verdict).told, nil), Line)
	return "asked for a reason: " + dlg.ID, nil
}

// put sends the question and notes its message, by which an answer is known.
func (d *Door) put(ctx context.Context, dlg *Dialog, b ballot, lang locale.Lang) error {
	ask := promptFor(dlg.Tap.Verdict)
	text := lang.T(ask.question, map[string]any{"Document": d.title(ctx, dlg.Tap.Case, lang)}) + "\n\n" +
		lang.T(ask.pending, map[string]any{"Duration": lang.Duration(dialogTime)})
	id, err := d.say(ctx, pace.Outcome, telegram.Outgoing{
		ChatID: b.chat, ReplyTo: b.message, HTML: markup.Escape(text), Keyboard: d.choices(ctx, dlg, lang),
	})
	if err != nil {
		return err
	}
	if id == 0 {
		err = d.Dialogs.End(ctx, dlg, Unasked)
	} else {
		err = d.Dialogs.Asked(ctx, dlg, id, d.Now())
	}
	if err != nil {
		return failed(err)
	}
	return nil
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
	return dotted(heading(d, lang), lang.Money(d.Amount), matter(d))
}

// matter is whom a document is for or, without anybody, what it is about.
func matter(d document.Document) string { return short(cmp.Or(d.Payee.Name, d.Title)) }

// dotted is a line of what is there.
func dotted(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(part string) bool { return part == "" }), " · ")
}

// heading is what sort of document it is, with its number.
func heading(d document.Document, lang locale.Lang) string {
	kind := lang.T("doc.other", nil)
	if key := "doc." + d.Type; lang.Has(key) {
		kind = lang.T(key, nil)
	}
	if d.Number != "" {
		kind = lang.T("doc.numbered", map[string]any{"Type": kind, "Number": short(d.Number)})
	}
	return kind
}

func (d *Door) choices(ctx context.Context, dlg *Dialog, lang locale.Lang) telegram.Keyboard {
	var rows [][]telegram.Button
	if dlg.Tap.Verdict == approval.Reject {
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
	b := ballot{query: cb.ID, user: cb.From, chat: cb.Message.Chat.ID}
	dlg, err := d.Dialogs.ByID(ctx, cb.From.ID, id)
	if err != nil {
		return "", d.fault(ctx, it, b, err)
	}
	lang := d.tongue(ctx, cb.From)
	if dlg == nil {
		d.answer(ctx, cb.ID, lang.T("tap.button_invalid", nil), Window)
		return "refused: no such question", nil
	}
	if !dlg.holds(cb.Message.ID) { // it was sent, and nobody could note it
		dlg.Messages = append(dlg.Messages, cb.Message.ID)
	}
	b.tap, b.dialog = dlg.Tap, dlg
	if err := d.endDue(ctx, dlg, choice); err != nil {
		return "", d.fault(ctx, it, b, err)
	}
	if dlg.Outcome != "" {
		return d.overtaken(ctx, it, b)
	}
	for i, key := range quick() {
		if choice == strconv.Itoa(i) && dlg.Tap.Verdict == approval.Reject {
			b.reason = lang.T(key, nil)
			return d.verdict(ctx, it, b)
		}
	}
	d.answer(ctx, cb.ID, lang.T("tap.button_invalid", nil), Window)
	return "refused: unreadable button", nil
}

// endDue ends a question whose time is up, and one that the person will not answer.
func (d *Door) endDue(ctx context.Context, dlg *Dialog, choice string) error {
	switch {
	case dlg.Outcome != "":
		return nil
	case d.Now().After(dlg.ExpiresAt):
		return d.Dialogs.End(ctx, dlg, Expired)
	case choice == cancelled:
		return d.Dialogs.End(ctx, dlg, Cancelled)
	}
	return nil
}

// overtaken answers what comes to a question that has ended; also the text that ended it,
// when it is handled once more.
func (d *Door) overtaken(ctx context.Context, it *inbox.Item, b ballot) (string, error) {
	if err := d.Dialogs.End(ctx, b.dialog, Expired); err != nil { // it tells how it did end
		return "", d.fault(ctx, it, b, err)
	}
	end, err := d.over(ctx, b.dialog, b.user)
	if err != nil {
		return "", d.fault(ctx, it, b, err)
	}
	if b.query != "" || !end.recorded || b.dialog.EndedBy != it.ID {
		d.tell(ctx, b, end.text, Window)
	}
	d.settleQuestion(ctx, b.chat, b.dialog, end.question)
	return "the question is over: " + string(b.dialog.Outcome), nil
}

// ending is how a question is said to have ended.
type ending struct {
	text     string // to whoever taps or writes
	question string // in place of the question
	recorded bool   // the verdict is, with a reason
}

// over says how a question ended. What is on record the ledger knows, whichever way it
// came there: that nothing is, is said only when the ledger says so.
func (d *Door) over(ctx context.Context, dlg *Dialog, u telegram.User) (ending, error) {
	dir, err := d.Directory.Snapshot(ctx)
	if err != nil {
		return ending{}, err
	}
	st, err := d.Ledger.Case(ctx, dlg.Tap.Case)
	if err != nil {
		return ending{}, err
	}
	p, _ := dir.ByTelegram(u.ID)
	lang, c := d.lang(p, u), st.Case
	if talks(dlg.Tap.Verdict) {
		return d.overTalk(dlg, lang), nil
	}
	s, _ := c.Slot(dlg.Tap.Round, dlg.Tap.Step, dlg.Tap.No)
	if s.Vote != nil && s.Person == p.ID {
		out := ending{text: decided(lang, d.zone(p), *s.Vote)}
		out.question = out.text
		if out.recorded = s.Vote.Verdict == dlg.Tap.Verdict; out.recorded {
			out.question = saved(lang, s.Vote.Reason)
		}
		return out, nil
	}
	var text string
	switch {
	case s.Person != p.ID:
		text = lang.T("tap.not_asked", nil)
	case dlg.Outcome == Cancelled:
		text = lang.T("reason.cancelled", nil)
	case c.Round != dlg.Tap.Round || c.Revision != dlg.Tap.Revision:
		text = lang.T("tap.moved_on", nil)
	case c.State != approval.InProgress || s.State != approval.SlotOpen && lastVote(&c) != nil:
		text = d.closed(lang, ledger.Voted{Status: st, Person: p, People: dir})
	default:
		text = lang.T("reason.expired", nil)
	}
	return ending{text: text, question: text}, nil
}

// written takes a message as the reason that was asked for. It reports whether it was.
func (d *Door) written(ctx context.Context, it *inbox.Item, m *telegram.Message, lang locale.Lang) (bool, string, error) {
	about := Text{Account: m.From.ID, Update: it.ID}
	if m.ReplyTo != nil {
		about.ReplyTo = m.ReplyTo.ID
	}
	b := ballot{user: *m.From, chat: m.Chat.ID, reason: strings.TrimSpace(markup.Clean(m.Text)), letter: m}
	dlg, err := d.Dialogs.Of(ctx, about)
	if err != nil {
		return true, "", d.fault(ctx, it, b, err)
	}
	if dlg == nil {
		return false, "", nil
	}
	b.tap, b.dialog = dlg.Tap, dlg
	leaves, err := d.leaves(ctx, dlg, m)
	switch {
	case err != nil:
		return true, "", err
	case dlg.Outcome != "":
	case leaves:
		return false, "", nil
	case len(dlg.Messages) == 0 && d.Now().Sub(dlg.OpenedAt) < askTime:
		return true, "", later(errAsking) // whether this came before or after the question is not known yet
	case !dlg.meant(m):
		return false, "", nil
	case d.Now().After(dlg.ExpiresAt): // overtaken ends it
	default:
		outcome, err := d.reasoned(ctx, it, b, lang)
		return true, outcome, err
	}
	outcome, err := d.overtaken(ctx, it, b)
	return true, outcome, err
}

// leaves reports whether a question leaves a text to the field of a delegation that was asked
// for after it: a date or a name must not become the reason of a rejection.
func (d *Door) leaves(ctx context.Context, g *Dialog, m *telegram.Message) (bool, error) {
	if !g.Aside || m.ReplyTo != nil {
		return false, nil
	}
	_, awaits, err := d.Dialogs.awaitingDraft(ctx, m.From.ID, m.ID, d.Now())
	return awaits, err
}

// meant reports whether a text answers the question: it replies to it, or replies to
// nothing and was written after it. In a private chat messages are numbered upwards.
// Taps and texts are handled side by side, so one that was written long before may come
// now; it must never become a vote.
func (g *Dialog) meant(m *telegram.Message) bool {
	if m.ReplyTo != nil {
		return g.holds(m.ReplyTo.ID)
	}
	return len(g.Messages) > 0 && m.ID > slices.Min(g.Messages)
}

// reasoned votes with the reason, if it is one.
func (d *Door) reasoned(ctx context.Context, it *inbox.Item, b ballot, lang locale.Lang) (string, error) {
	switch {
	case b.reason == "" && talks(b.tap.Verdict):
		d.note(ctx, b.chat, lang.T("talk.text_only", nil))
		return "refused: no text", nil
	case b.reason == "":
		d.note(ctx, b.chat, lang.T("reason.text_only", nil))
		return "refused: no text", nil
	case utf8.RuneCountInString(b.reason) > maxReason:
		d.note(ctx, b.chat, lang.T("reason.too_long", map[string]any{"Limit": maxReason}))
		return "refused: reason too long", nil
	case talks(b.tap.Verdict):
		return d.spoken(ctx, it, b, lang)
	}
	return d.verdict(ctx, it, b)
}

// conclusion stands in place of the question when its verdict was given.
func conclusion(lang locale.Lang, b ballot, text string, err error) string {
	if already, ok := errors.AsType[*approval.AlreadyVotedError](err); ok && already.Same {
		return saved(lang, already.Vote.Reason) // which may be another than the one given now
	}
	if err != nil {
		return text
	}
	return saved(lang, b.reason)
}

func saved(lang locale.Lang, reason string) string {
	return quoted(lang, reason) + "\n\n" + lang.T("reason.saved", nil)
}

// quoted are somebody's own words, marked as such.
func quoted(lang locale.Lang, words string) string {
	return lang.T("reason.quoted", map[string]any{"Text": words})
}

// settleQuestion takes the buttons from the question and says how it ended.
func (d *Door) settleQuestion(ctx context.Context, chat int64, dlg *Dialog, text string) {
	for _, message := range dlg.Messages {
		err := d.edit(ctx, telegram.Edit{ChatID: chat, MessageID: message, HTML: markup.Escape(text)})
		if err != nil {
			d.Log.WarnContext(ctx, "question not settled", slog.Any("error", err))
		}
	}
}
