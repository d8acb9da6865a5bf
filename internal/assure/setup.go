package assure

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"countersign/internal/pin"
)

// setup fills in what a person has, after the login that lets him change it.
func (d *Desk) setup(ctx context.Context, v visit, p *page) error {
	p.Key = "setup"
	has, err := d.Store.holds(ctx, p.Attempt.Ask.Person)
	if err != nil {
		return err
	}
	p.ForPIN, p.ForTOTP, p.ForKey = d.demanded(has, v.Service, PIN), d.demanded(has, v.Service, TOTP), d.demanded(has, v.Service, Passkey)
	if err := d.setupKeys(ctx, v, p); err != nil {
		return err
	}
	if h, ok := has[PIN]; ok {
		p.PIN = &h
	}
	if h, ok := has[TOTP]; ok {
		p.TOTP = &h
	}
	if p.Attempt.Pending == nil {
		return nil
	}
	secret, ok := d.pending(ctx, p.Attempt)
	if !ok {
		return nil
	}
	person, _, err := d.owner(ctx, p.Attempt.Ask)
	if err != nil {
		return err
	}
	p.Secret, p.OTPAuth = grouped(secret), totpLink(secret, person.Email)
	p.QR, err = qrCode(p.OTPAuth)
	return err
}

// waiting is the row of a secret that nobody has confirmed yet, as the seal is bound to it.
func waiting(id string) string { return id + "/" + string(TOTP) }

// pending opens the secret of codes that waits for the first of them, if one does. What
// cannot be opened is worth nothing: it lives for minutes, and the page gives another.
func (d *Desk) pending(ctx context.Context, a attempt) (secret string, ok bool) {
	if a.Pending == nil {
		return "", false
	}
	secret, err := d.Open(a.Pending, waiting(a.ID))
	if err != nil {
		d.Log.WarnContext(ctx, "a new secret of codes cannot be opened", slog.String("attempt", a.ID), slog.Any("error", err))
	}
	return secret, err == nil
}

// changing reports whether a visit may change something, or shows why not.
func (d *Desk) changing(w http.ResponseWriter, r *http.Request, v visit) bool {
	if v.Kind != enroll || !v.Proved {
		d.view(w, r, v.attempt)
		return false
	}
	return true
}

// demanded is what must be shown before a way changes, given what a person has. Codes and
// passkeys are stronger than a login, so no login alone takes them away, or gives another
// of them. Where a login may be an old one, whoever holds it also shows a way that he has
// before he gets any other. It is the way itself if he has it, else his strongest.
func (d *Desk) demanded(has map[Method]held, service string, m Method) Method {
	undated := d.Undated[service]
	if m.rank() < Login.rank() && !undated {
		return ""
	}
	for _, way := range []Method{m, Passkey, TOTP, PIN} {
		if _, ok := has[way]; ok && (way.rank() > Login.rank() || undated) {
			return way
		}
	}
	return ""
}

// knows demands what a person has, before that changes.
func (d *Desk) knows(ctx context.Context, v visit, m Method) (*wrong, error) {
	has, err := d.Store.holds(ctx, v.Ask.Person)
	if err != nil {
		return nil, err
	}
	m = d.demanded(has, v.Service, m)
	if m == "" {
		return nil, nil
	}
	p, bad, err := d.verify(ctx, v, m, v.form.Get("now"))
	if m == Passkey && errors.Is(err, errNone) { // the question was answered before: a form sent twice
		return usedUp(m, v.Asked+1), nil
	}
	if err != nil || bad != nil {
		return bad, err
	}
	if err = p.settle(ctx, d.Store.Pool); errors.Is(err, errUsed) {
		return usedUp(m, v.Asked+1), nil
	}
	if err != nil && m != Passkey {
		d.forgive(ctx, p)
	}
	return nil, err
}

// answer shows what became of a change, and tells the chat of it.
func (d *Desk) answer(w http.ResponseWriter, r *http.Request, v visit, c change) {
	switch {
	case c.bad != nil:
		d.offer(w, r, v, c.bad)
	case c.err != nil && !errors.Is(c.err, errNoSuch):
		d.failed(w, r, v.attempt, c.err)
	default:
		if c.told != "" && c.err == nil {
			d.Log.InfoContext(r.Context(), "what a person confirms with changed", slog.String("person", string(v.Ask.Person)), slog.String("change", c.told))
			d.Tell(r.Context(), v.Ask.Account, d.Texts.For(v.Ask.Language).T("assure.told."+c.told, c.data))
		}
		d.on(w, r, v.attempt)
	}
}

// change is what became of one: what the chat is told, or what was wrong.
type change struct {
	told string
	data map[string]any // of that text
	bad  *wrong
	err  error
}

func (d *Desk) setPIN(w http.ResponseWriter, r *http.Request, v visit) {
	if d.changing(w, r, v) {
		d.answer(w, r, v, d.newPIN(r.Context(), v))
	}
}

func (d *Desk) newPIN(ctx context.Context, v visit) change {
	given := v.form.Get("pin")
	switch {
	case !isPIN(given):
		return change{bad: &wrong{why: "pin_form"}}
	case pin.Weak(given):
		return change{bad: &wrong{why: "pin_weak"}}
	case given != v.form.Get("repeat"):
		return change{bad: &wrong{why: "pin_differs"}}
	}
	if bad, err := d.knows(ctx, v, PIN); bad != nil || err != nil {
		return change{bad: bad, err: err}
	}
	d.slow.Lock()
	hashed := pin.Make(given)
	d.slow.Unlock()
	sealed, err := d.Seal(hashed, place(v.Ask.Person, PIN))
	if err != nil {
		return change{err: err}
	}
	err = d.Store.change(ctx, v.attempt, "pin.set", func(e executor) error { return put(ctx, e, kept{v.Ask.Person, PIN, sealed}, 0) })
	return change{told: "pin_set", err: err}
}

// removes takes away a PIN, or codes.
func (d *Desk) removes(w http.ResponseWriter, r *http.Request, v visit, m Method) {
	if !d.changing(w, r, v) {
		return
	}
	ctx := r.Context()
	c := change{told: m.text("pin_removed", "totp_removed")}
	if c.bad, c.err = d.knows(ctx, v, m); c.bad == nil && c.err == nil {
		c.err = d.Store.change(ctx, v.attempt, string(m)+".removed", func(e executor) error { return remove(ctx, e, v.Ask.Person, m) })
	}
	d.answer(w, r, v, c)
}

// beginTOTP shows a new secret. It counts when a first code of it has come.
func (d *Desk) beginTOTP(w http.ResponseWriter, r *http.Request, v visit) {
	if !d.changing(w, r, v) {
		return
	}
	var c change
	if c.bad, c.err = d.knows(r.Context(), v, TOTP); c.bad == nil && c.err == nil {
		var sealed []byte
		if sealed, c.err = d.Seal(newTOTP(), waiting(v.ID)); c.err == nil {
			c.err = d.Store.pend(r.Context(), v.ID, sealed)
		}
	}
	d.answer(w, r, v, c)
}

func (d *Desk) cancelTOTP(w http.ResponseWriter, r *http.Request, v visit) {
	if d.changing(w, r, v) {
		d.answer(w, r, v, change{err: d.Store.pend(r.Context(), v.ID, nil)})
	}
}

func (d *Desk) setTOTP(w http.ResponseWriter, r *http.Request, v visit) {
	if d.changing(w, r, v) {
		d.answer(w, r, v, d.completeTOTP(r.Context(), v))
	}
}

func (d *Desk) completeTOTP(ctx context.Context, v visit) change {
	code, ok := isCode(v.form.Get("totp"))
	if !ok {
		return change{bad: &wrong{why: "totp_form"}}
	}
	secret, ok := d.pending(ctx, v.attempt)
	if !ok { // a form sent twice
		return change{}
	}
	raw, err := readTOTP(secret)
	if err != nil {
		return change{err: err}
	}
	step := stepOf(raw, code, d.Now())
	if step == 0 {
		return change{bad: &wrong{why: "totp_first"}}
	}
	sealed, err := d.Seal(secret, place(v.Ask.Person, TOTP))
	if err != nil {
		return change{err: err}
	}
	err = d.Store.change(ctx, v.attempt, "totp.set", func(e executor) error {
		if err := unpend(ctx, e, v.ID); err != nil {
			return err
		}
		return put(ctx, e, kept{v.Ask.Person, TOTP, sealed}, step)
	})
	return change{told: "totp_set", err: err}
}
