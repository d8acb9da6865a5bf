package link

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"

	"countersign/internal/directory"
	"countersign/internal/ident"
	"countersign/internal/markup"
	"countersign/internal/notice"
	"countersign/internal/pages"
	"countersign/internal/people"
)

// payload begins what /start brings back from the browser.
const payload = "link-"

// Login answers /login: with a way into the browser, for one attempt.
func (d *Desk) Login(ctx context.Context, u User) (Screen, error) {
	lang := d.lang(u)
	text := lang.T("link.choose", nil)
	if u.Person.ID != "" {
		text = lang.T("login.already", map[string]any{"Name": u.Person.Name, "Email": u.Person.Email}) + "\n\n" + lang.T("link.choose_again", nil)
	}
	if len(d.Services) == 0 {
		if u.Person.ID == "" {
			return Screen{Text: lang.T("login.ask_administrator", map[string]any{"Account": u.Account})}, nil
		}
		return Screen{Text: lang.T("login.already", map[string]any{"Name": u.Person.Name, "Email": u.Person.Email})}, nil
	}
	id, err := ident.New("lnk")
	if err != nil {
		return Screen{}, err
	}
	token := string(pages.NewSeed())
	a := attempt{ID: id, Account: u.Account, SeenAs: shown(u), Language: lang.Tag()}
	switch err := d.Store.begin(ctx, a, token); {
	case errors.Is(err, ErrTooMany):
		return Screen{Text: lang.T("link.too_many", nil)}, nil
	case err != nil:
		return Screen{}, fmt.Errorf("begin a login: %w", err)
	}
	s := Screen{Text: text}
	for _, service := range d.Services {
		s.Buttons = append(s.Buttons, Button{
			Text: lang.T("link.button.service", map[string]any{"Service": service.Title}),
			URL:  d.PublicURL + "/auth/" + service.Name + "/start?attempt=" + url.QueryEscape(token),
		})
	}
	return s, nil
}

// shown is how the account calls itself.
func shown(u User) string {
	name := u.Name
	if u.Username != "" {
		name += " @" + u.Username
	}
	const most = 100
	return strings.TrimSpace(markup.Truncate(strings.Join(strings.Fields(markup.Clean(name)), " "), most))
}

// Started answers /start when it brings a proof from the browser; mine is false for
// anything else.
func (d *Desk) Started(ctx context.Context, u User, args string) (s Screen, mine bool, err error) {
	proof, mine := strings.CutPrefix(args, payload)
	if !mine {
		return Screen{}, false, nil
	}
	a, err := d.Store.byProof(ctx, proof)
	if errors.Is(err, errNone) || err == nil && (a.Stage == ended || a.Expired) {
		return d.stale(u, a), true, nil
	}
	if err != nil {
		return Screen{}, true, err
	}
	s, err = d.bring(ctx, u, a)
	return s, true, err
}

// stale answers a proof that has had its time. After the link was made it says so.
func (d *Desk) stale(u User, a attempt) Screen {
	lang := d.lang(u)
	if a.Outcome == outcomeLinked && a.Account == u.Account && u.Person.ID == a.Person {
		return Screen{Text: lang.T("login.already", map[string]any{"Name": u.Person.Name, "Email": u.Person.Email})}
	}
	return Screen{Text: lang.T("link.proof_invalid", nil)}
}

// Typed takes a code that was typed; mine is false when it is none.
func (d *Desk) Typed(ctx context.Context, u User, text string) (s Screen, mine bool, err error) {
	code, ok := isCode(text)
	if !ok || len(d.Services) == 0 {
		return Screen{}, false, nil
	}
	a, err := d.Store.byCode(ctx, u.Account, code)
	switch {
	case err == nil:
		s, err = d.bring(ctx, u, a)
		return s, true, err
	case !errors.Is(err, errNone):
		return Screen{}, true, err
	}
	own, err := d.Store.live(ctx, u.Account)
	if errors.Is(err, errNone) || err == nil && (own.Stage != proved || own.Expired) {
		return Screen{}, false, nil // a number that has nothing to do with us
	}
	if err != nil {
		return Screen{}, true, err
	}
	s, err = d.miss(ctx, u, own)
	return s, true, err
}

// isCode reads eight digits, which people write in groups.
func isCode(text string) (string, bool) {
	text = strings.NewReplacer(" ", "", "\u00a0", "", "-", "").Replace(strings.TrimSpace(text))
	const digits = 8
	return text, len(text) == digits && strings.Trim(text, "0123456789") == ""
}

func (d *Desk) miss(ctx context.Context, u User, a attempt) (Screen, error) {
	tries, err := d.Store.miss(ctx, a.ID)
	if err != nil {
		return Screen{}, err
	}
	lang := d.lang(u)
	if left := maxTries - tries; left > 0 {
		return Screen{Text: lang.N("link.code_wrong", left, nil)}, nil
	}
	return Screen{Text: lang.T("link.failed.wrong_codes", nil)}, d.Store.end(ctx, a.ID, "wrong_codes", func(tx) error { return nil })
}

// bring is the way back into the chat. A proof that comes from another account than the
// attempt began with means that somebody was made to sign in for somebody else.
func (d *Desk) bring(ctx context.Context, u User, a attempt) (Screen, error) {
	lang := d.lang(u)
	if a.Account != u.Account {
		return Screen{Text: lang.T("link.stranger", nil)}, d.kill(ctx, a, u)
	}
	if err := d.Store.bring(ctx, a.ID); err != nil {
		return Screen{}, err
	}
	dir, err := d.Directory.Snapshot(ctx)
	if err != nil {
		return Screen{}, err
	}
	p, _ := dir.Person(a.Person)
	return Screen{
		Text: lang.T("link.confirm", map[string]any{"Service": d.title(a.Service), "Email": masked(a.Proof.Email), "Name": p.Name}),
		Buttons: []Button{
			{Text: lang.T("link.button.yes", nil), Data: dataYes + a.ID},
			{Text: lang.T("link.button.no", nil), Data: dataNo + a.ID},
		},
	}, nil
}

func (d *Desk) kill(ctx context.Context, a attempt, stranger User) error {
	defer d.Notices.Bell.Ring()
	return d.Store.end(ctx, a.ID, "stranger", func(tx tx) error {
		return errors.Join(
			d.tell(ctx, tx, a.begun(), "link.failed.stranger", nil),
			d.alarm(ctx, tx, "stranger", map[string]any{"Email": masked(a.Proof.Email), "Account": a.Account, "Other": stranger.Account},
				slog.String("attempt", a.ID)))
	})
}

// begun is the account that the attempt began with.
func (a attempt) begun() notice.Account { return notice.Account{ID: a.Account, Language: a.Language} }

// The data of buttons.
const (
	DataPrefix = "lk:" // begins all of them
	dataYes    = DataPrefix + "y:"
	dataNo     = DataPrefix + "n:"
	dataUnlink = DataPrefix + "u"
	dataFreeze = DataPrefix + "f:"
	dataCancel = DataPrefix + "c"
)

// The outcomes that others look at; the rest are reasons, see refused.
const (
	outcomeLinked     = "linked"
	outcomeSuperseded = "superseded"
)

// Tap answers a button: the screen takes the place of the message that it was under. The
// same tap again does nothing more and says what is so.
func (d *Desk) Tap(ctx context.Context, u User, data string) (Screen, error) {
	if id, ok := strings.CutPrefix(data, dataYes); ok && ident.Valid("lnk", id) {
		return d.agree(ctx, u, id)
	}
	if id, ok := strings.CutPrefix(data, dataNo); ok && ident.Valid("lnk", id) {
		return d.decline(ctx, u, id)
	}
	if person, ok := strings.CutPrefix(data, dataFreeze); ok {
		return d.freeze(ctx, u, people.ID(person))
	}
	lang := d.lang(u)
	switch data {
	case dataUnlink:
		return d.unlink(ctx, u)
	case dataCancel:
		return Screen{Text: lang.T("link.canceled", nil)}, nil
	default:
		return Screen{Text: lang.T("tap.button_invalid", nil)}, nil
	}
}

// agree makes the link, with the attempt's end in the same commit.
func (d *Desk) agree(ctx context.Context, u User, id string) (Screen, error) {
	var (
		made directory.Link
		why  refusal
		a    attempt
	)
	dir, err := d.Directory.Snapshot(ctx)
	if err != nil {
		return Screen{}, err
	}
	err = d.Store.finish(ctx, id, func(tx tx, found attempt) (string, error) {
		a = found
		if why = mayAgree(a, u); why != "" {
			return "", nil
		}
		var err error
		made, err = d.Directory.LinkIn(ctx, tx, actor, directory.NewLink{Account: u.Account, SeenAs: a.SeenAs, Person: a.Person, Proof: a.Proof, Terms: d.Terms})
		switch why = refusal(reason(err)); {
		case why != "":
			return string(why), d.concern(ctx, tx, a, string(why))
		case err != nil:
			return "", err
		}
		return outcomeLinked, d.announce(ctx, tx, dir, made)
	})
	d.Notices.Bell.Ring()
	switch {
	case errors.Is(err, errNone):
		return Screen{Text: d.lang(u).T("link.proof_invalid", nil)}, nil
	case err != nil:
		return Screen{}, fmt.Errorf("link: %w", err)
	case why != "":
		return d.refused(ctx, u, a, why)
	default:
		return d.made(ctx, u, made)
	}
}

// refusal is why nothing was linked: the last word of the key of its text.
type refusal string

const (
	refusedAgain refusal = "again" // it was linked before
	refusedStale refusal = "proof_invalid"
)

// mayAgree says why this account cannot agree to an attempt, or nothing.
func mayAgree(a attempt, u User) refusal {
	switch {
	case a.Account != u.Account:
		return refusedStale
	case a.Outcome == outcomeLinked:
		return refusedAgain
	case a.Stage != brought || a.Expired:
		return refusedStale
	default:
		return ""
	}
}

// actor is named in the journal for what people do to their own links.
const actor = "link"

// reason names the refusals of the directory, as they are kept and told.
func reason(err error) string {
	for _, r := range []struct {
		err  error
		name string
	}{
		{directory.ErrUnknown, "unknown"},
		{directory.ErrInactive, "unknown"},
		{directory.ErrFrozen, "frozen"},
		{directory.ErrOtherIdentity, "other_identity"},
		{directory.ErrLinkedElsewhere, "elsewhere"},
		{directory.ErrInvalid, "failed"},
	} {
		if errors.Is(err, r.err) {
			return r.name
		}
	}
	return ""
}

// refused says why nothing was linked.
func (d *Desk) refused(ctx context.Context, u User, a attempt, why refusal) (Screen, error) {
	switch why {
	case refusedAgain: // the answer to the first time may not have come, nor what follows it
		return d.stale(u, a), d.Redraw(ctx, a.Person)
	case refusedStale:
		return d.stale(u, a), nil
	default:
		return Screen{Text: d.lang(u).T("link.failed."+string(why), map[string]any{"Email": masked(a.Proof.Email)})}, nil
	}
}

// made answers whoever has a new link.
func (d *Desk) made(ctx context.Context, u User, l directory.Link) (Screen, error) {
	dir, err := d.Directory.Snapshot(ctx)
	if err != nil {
		return Screen{}, err
	}
	p, _ := dir.Person(l.Person)
	u.Person = p
	lang := d.lang(u)
	if err := d.Redraw(ctx, l.Person); err != nil {
		d.Log.WarnContext(ctx, "messages not shown anew", slog.Any("error", err))
	}
	text := lang.T("link.done", map[string]any{"Name": p.Name})
	switch {
	case l.Waits:
		text += "\n\n" + lang.T("link.done_waits", nil)
	case !l.From.IsZero():
		text += "\n\n" + lang.T("link.done_cooling", map[string]any{"Time": lang.DateTime(l.From, d.Zone)})
	}
	return Screen{Text: text, Linked: true}, nil
}

// announce tells of a new link: the account that the person had before, and
// administrators. An old one that was proved anew is no news.
func (d *Desk) announce(ctx context.Context, tx tx, dir people.Directory, l directory.Link) error {
	if !l.At.Equal(l.Proved) {
		return nil
	}
	p, _ := dir.Person(l.Person)
	if l.Replaced != 0 {
		if err := d.tell(ctx, tx, notice.Account{ID: l.Replaced, Language: p.Locale}, "link.moved", nil); err != nil {
			return err
		}
	}
	key := "linked"
	if l.Waits {
		key = "waits"
	}
	return d.alarm(ctx, tx, key, map[string]any{"Name": p.Name, "ID": p.ExternalID, "Account": l.Account, "SeenAs": l.SeenAs},
		slog.String("person", string(p.ID)))
}

// decline is [Not me].
func (d *Desk) decline(ctx context.Context, u User, id string) (Screen, error) {
	lang := d.lang(u)
	a, err := one(ctx, d.Store.Pool, "id = $1", id)
	if errors.Is(err, errNone) || err == nil && (a.Account != u.Account || a.Stage != brought && a.Outcome != "declined") {
		return Screen{Text: lang.T("link.proof_invalid", nil)}, nil
	}
	if err != nil {
		return Screen{}, err
	}
	defer d.Notices.Bell.Ring()
	return Screen{Text: lang.T("link.failed.declined", nil)}, d.Store.end(ctx, a.ID, "declined", func(tx tx) error {
		return d.alarm(ctx, tx, "declined", map[string]any{"Email": masked(a.Proof.Email), "Account": a.Account}, slog.String("attempt", a.ID))
	})
}
