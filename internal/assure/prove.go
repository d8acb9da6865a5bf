package assure

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"countersign/internal/pages"
)

// castTime bounds what happens after a proof; whether the browser waits does not matter.
const castTime = 20 * time.Second

// noteTime bounds the writing down of what became of it.
const noteTime = 5 * time.Second

// confirmation fills in what is to be confirmed, and how that can be done.
func (d *Desk) confirmation(ctx context.Context, v visit, p *page) error {
	a := p.Attempt
	var err error
	if p.Lines, err = d.Describe(ctx, a.Ask, d.Texts.For(a.Ask.Language)); err != nil {
		return err
	}
	if a.Proved {
		p.Key = "again"
		return nil
	}
	has, err := d.Store.holds(ctx, a.Ask.Person)
	if err != nil {
		return err
	}
	least := a.Ask.Least.rank()
	if h, ok := has[PIN]; ok && PIN.rank() >= least {
		p.PIN = &h
	}
	if h, ok := has[TOTP]; ok && TOTP.rank() >= least {
		p.TOTP = &h
	}
	if Login.rank() >= least {
		if err := d.services(ctx, p); err != nil {
			return err
		}
	}
	if _, ok := has[Passkey]; ok {
		if err := d.asks(ctx, v, p); err != nil {
			return err
		}
	}
	p.None = p.Get == "" && p.PIN == nil && p.TOTP == nil && len(p.Services) == 0 && len(p.Away) == 0
	return nil
}

// typed is a PIN or a code that confirms.
func (d *Desk) typed(w http.ResponseWriter, r *http.Request, v visit, m Method) {
	if v.Kind != confirm || v.Proved || m.rank() < v.Ask.Least.rank() {
		d.view(w, r, v.attempt)
		return
	}
	p, bad, err := d.verify(r.Context(), v, m, v.form.Get(string(m)))
	if err == nil && bad == nil {
		err = d.settle(r, v.attempt, p)
	}
	if errors.Is(err, errUsed) {
		bad, err = usedUp(m, v.Asked+1), nil
	}
	switch {
	case err != nil && !errors.Is(err, errNone):
		d.failed(w, r, v.attempt, err)
	case bad != nil:
		v.Opened, v.attempt.cookie = true, v.cookie.Hash()
		d.offer(w, r, v, bad)
	default: // confirmed, or in this very moment by a form sent twice
		d.on(w, r, v.attempt)
	}
}

// usedUp is what is wrong with a code, or an answer of a passkey, that counted before.
func usedUp(m Method, asked int) *wrong {
	if m == Passkey {
		return &wrong{why: "passkey_failed", asked: asked}
	}
	return &wrong{why: "used"}
}

// asks fills in the question to the passkeys that a person may use.
func (d *Desk) asks(ctx context.Context, v visit, p *page) error {
	r, err := d.ring(ctx, v.attempt)
	if err == nil {
		p.Get, _, err = d.question(r, v)
	}
	return err
}

// settle takes the single use of a proof and casts the vote.
func (d *Desk) settle(r *http.Request, a attempt, p proof) error {
	if err := d.Store.prove(r.Context(), a.ID, p); err != nil {
		if (p.Method == PIN || p.Method == TOTP) && !errors.Is(err, errUsed) {
			d.forgive(r.Context(), p)
		}
		return err
	}
	d.cast(r.Context(), a, p.Method)
	return nil
}

// again casts with a proof that was given back.
func (d *Desk) again(w http.ResponseWriter, r *http.Request, v visit) {
	if v.Kind == confirm && v.Proved && !v.Used {
		err := d.Store.use(r.Context(), v.ID)
		if err == nil {
			d.cast(r.Context(), v.attempt, v.Method)
		}
		if err != nil && !errors.Is(err, errNone) {
			d.failed(w, r, v.attempt, err)
			return
		}
	}
	d.on(w, r, v.attempt)
}

// cast hands the decision on. What fails for a passing reason may be tried again with the
// same proof, as long as that lives. A browser that leaves stops nothing halfway.
func (d *Desk) cast(ctx context.Context, a attempt, m Method) {
	ctx = context.WithoutCancel(ctx)
	who := []any{slog.String("attempt", a.ID), slog.String("case", a.Ask.Case), slog.String("person", string(a.Ask.Person)), slog.String("method", string(m))}
	casting, cancel := context.WithTimeout(ctx, cmp.Or(d.castLife, castTime))
	text, err := d.Cast(casting, a.Ask, string(m))
	cancel()
	ctx, cancel = context.WithTimeout(ctx, noteTime) // what became of it is noted also when all that time was used
	defer cancel()
	if err != nil {
		d.Log.WarnContext(ctx, "confirmed, and not cast", append(who, slog.Any("error", err))...)
		if err := d.Store.giveBack(ctx, a.ID); err != nil {
			d.Log.ErrorContext(ctx, "proof not given back", append(who, slog.Any("error", err))...)
		}
		return
	}
	d.Log.InfoContext(ctx, "decision confirmed", who...)
	if err := d.Store.finish(ctx, a.ID, text); err != nil {
		d.Log.ErrorContext(ctx, "confirmation not ended", append(who, slog.Any("error", err))...)
	}
	d.Tell(ctx, a.Ask.Account, text)
}

// enroll leads somebody who has no way that is strong enough to where he gets one.
func (d *Desk) enroll(w http.ResponseWriter, r *http.Request, v visit) {
	if v.Kind != confirm {
		d.view(w, r, v.attempt)
		return
	}
	to, err := d.Enroll(r.Context(), v.Ask.Person, v.Ask.Account, v.Ask.Language)
	if err != nil {
		d.failed(w, r, v.attempt, err)
		return
	}
	pages.Private(w)
	http.Redirect(w, r, to, http.StatusSeeOther)
}
