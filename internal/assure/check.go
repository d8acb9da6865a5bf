package assure

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// errSecret: what was stored cannot be a secret of codes. It never says what it is instead.
var errSecret = errors.New("the stored secret cannot be read")

// wrong is why something typed is not taken.
type wrong struct {
	why   string    // the last word of the key of its text
	left  int       // tries, with "pin_wrong" and "totp_wrong"
	until time.Time // with "locked"
}

// text chooses between what is said of PINs and of codes.
func (m Method) text(pin, totp string) string {
	if m == TOTP {
		return totp
	}
	return pin
}

// verify looks at a PIN or a code that somebody typed for the person of an attempt. One
// of them comes back: what was right, or what is wrong.
func (d *Desk) verify(ctx context.Context, a attempt, m Method, typed string) (proof, *wrong, error) {
	typed, ok := form(m, typed)
	if !ok {
		return proof{}, &wrong{why: m.text("pin_form", "totp_form")}, nil
	}
	t, err := d.Store.take(ctx, a.Ask.Person, m)
	switch {
	case errors.Is(err, errLocked) && !t.Until.IsZero():
		return proof{}, &wrong{why: m.text("pin_locked", "totp_locked"), until: t.Until}, nil
	case errors.Is(err, errLocked), errors.Is(err, errNoSuch): // just over, just removed: the page shows what is so now
		return proof{}, &wrong{why: m.text("pin_form", "totp_form")}, nil
	case err != nil:
		return proof{}, nil, err
	}
	secret, err := d.Open(t.Sealed, place(a.Ask.Person, m))
	if err != nil {
		return proof{}, nil, err
	}
	p := proof{Method: m, person: a.Ask.Person, set: t.Set}
	right, err := d.fits(&p, t, secret, typed)
	if err != nil {
		return proof{}, nil, err
	}
	if !right {
		return proof{}, d.missed(ctx, a, m, t), nil
	}
	return p, nil, nil
}

// form gives what was typed in the form in which it is compared.
func form(m Method, typed string) (string, bool) {
	if m == TOTP {
		return isCode(typed)
	}
	return typed, isPIN(typed)
}

func (d *Desk) fits(p *proof, t try, secret, typed string) (bool, error) {
	if p.Method == PIN {
		d.slow.Lock()
		defer d.slow.Unlock()
		return samePIN(secret, typed)
	}
	step, err := stepOf(secret, typed, d.Now())
	p.step = step
	return err == nil && step > t.Last, err
}

// missed says how a wrong try counts. The chat is told of a lock.
func (d *Desk) missed(ctx context.Context, a attempt, m Method, t try) *wrong {
	if t.Until.IsZero() {
		return &wrong{why: m.text("pin_wrong", "totp_wrong"), left: maxTries - t.Tries}
	}
	lang := d.Texts.For(a.Ask.Language)
	d.Log.WarnContext(ctx, "locked after wrong tries", slog.String("person", string(a.Ask.Person)), slog.String("method", string(m)), slog.Time("until", t.Until))
	if err := d.Store.locked(ctx, a.Ask.Person, m); err != nil {
		d.Log.ErrorContext(ctx, "lock not written down", slog.String("person", string(a.Ask.Person)), slog.Any("error", err))
	}
	d.Tell(ctx, a.Ask.Account, lang.T("assure.told."+m.text("pin_locked", "totp_locked"), map[string]any{"Time": lang.DateTime(t.Until, d.Zone)}))
	return &wrong{why: m.text("pin_locked", "totp_locked"), until: t.Until}
}
