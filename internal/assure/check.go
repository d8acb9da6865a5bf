package assure

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"countersign/internal/people"
	"countersign/internal/pin"
)

// wrong is why something typed is not taken.
type wrong struct {
	why   string    // the last word of the key of its text
	left  int       // tries, with "pin_wrong" and "totp_wrong"
	asked int       // how many questions to authenticators are answered by now
	until time.Time // with "locked"
}

// text chooses between what is said of PINs and of codes.
func (m Method) text(ofPIN, ofTOTP string) string {
	if m == TOTP {
		return ofTOTP
	}
	return ofPIN
}

// verify looks at a PIN or a code that somebody typed for the person of an attempt, or at
// what his passkey says. One of them comes back: what was right, or what is wrong.
func (d *Desk) verify(ctx context.Context, v visit, m Method, typed string) (proof, *wrong, error) {
	if m == Passkey {
		return d.answered(ctx, v, typed)
	}
	a := v.attempt
	typed, ok := form(m, typed)
	if !ok {
		return proof{}, &wrong{why: m.text("pin_form", "totp_form")}, nil
	}
	fits, set, err := d.matcher(ctx, a.Ask.Person, m)
	if errors.Is(err, errNoSuch) { // just removed: the page shows what is so now
		return proof{}, &wrong{why: m.text("pin_form", "totp_form")}, nil
	}
	if err != nil {
		return proof{}, nil, err
	}
	t, err := d.Store.take(ctx, a.Ask.Person, m, set)
	switch {
	case errors.Is(err, errLocked) && !t.Until.IsZero():
		return proof{}, &wrong{why: m.text("pin_locked", "totp_locked"), until: t.Until}, nil
	case errors.Is(err, errLocked), errors.Is(err, errNoSuch): // just over, just changed: as above
		return proof{}, &wrong{why: m.text("pin_form", "totp_form")}, nil
	case err != nil:
		return proof{}, nil, err
	}
	step, right := fits(typed)
	if !right || m == TOTP && step <= t.Last {
		return proof{}, d.missed(ctx, a, m, t), nil
	}
	return proof{Method: m, person: a.Ask.Person, set: set, step: step}, nil, nil
}

// matcher looks at something typed; of a code it gives the step. It cannot fail.
type matcher func(typed string) (step int64, right bool)

// matcher is made of what a person has before a try is counted: whatever fails on the way
// there says nothing about what was typed. It gives since when he has it, too.
func (d *Desk) matcher(ctx context.Context, person people.ID, m Method) (matcher, time.Time, error) {
	sealed, set, err := d.Store.sealed(ctx, person, m)
	if err != nil {
		return nil, set, err
	}
	secret, err := d.Open(sealed, place(person, m))
	if err != nil {
		return nil, set, err
	}
	if m == TOTP {
		raw, err := readTOTP(secret)
		return func(typed string) (int64, bool) {
			step := stepOf(raw, typed, d.Now())
			return step, step > 0
		}, set, err
	}
	hash, err := pin.Read(secret)
	return func(typed string) (int64, bool) {
		d.slow.Lock()
		defer d.slow.Unlock()
		return 0, hash.Is(typed)
	}, set, err
}

// forgive takes back the try that something right was counted as, when what followed
// failed. If that fails as well the try stays, and the next right one takes it back.
func (d *Desk) forgive(ctx context.Context, p proof) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteTime)
	defer cancel()
	if err := d.Store.forgive(ctx, p); err != nil {
		d.Log.WarnContext(ctx, "a right one stays counted as a try", slog.String("person", string(p.person)), slog.Any("error", err))
	}
}

// form gives what was typed in the form in which it is compared.
func form(m Method, typed string) (string, bool) {
	if m == TOTP {
		return isCode(typed)
	}
	return typed, isPIN(typed)
}

// isPIN takes what can be a PIN here.
func isPIN(text string) bool {
	const shortest, longest = 6, 12
	return pin.Of(text, shortest, longest)
}

// missed says how a wrong try counts. Of a lock the chat is told, and administrators are,
// once: by the try that locked.
func (d *Desk) missed(ctx context.Context, a attempt, m Method, t try) *wrong {
	if t.Until.IsZero() {
		return &wrong{why: m.text("pin_wrong", "totp_wrong"), left: maxTries - t.Tries}
	}
	lang, why := d.Texts.For(a.Ask.Language), m.text("pin_locked", "totp_locked")
	d.Log.WarnContext(ctx, "locked after wrong tries", slog.String("person", string(a.Ask.Person)), slog.String("method", string(m)), slog.Time("until", t.Until))
	if err := d.Store.locked(ctx, a.Ask.Person, m); err != nil {
		d.Log.ErrorContext(ctx, "lock not written down", slog.String("person", string(a.Ask.Person)), slog.Any("error", err))
	}
	d.Tell(ctx, a.Ask.Account, lang.T("assure.told."+why, map[string]any{"Time": lang.DateTime(t.Until, d.Zone)}))
	d.alarm(ctx, a, why, map[string]any{"Time": d.Texts.For(d.Language).DateTime(t.Until, d.Zone)})
	return &wrong{why: why, until: t.Until}
}

// alarm tells administrators what happens in the name of the person of an attempt.
func (d *Desk) alarm(ctx context.Context, a attempt, what string, data map[string]any) {
	name := string(a.Ask.Person)
	if p, _, err := d.owner(ctx, a.Ask); err == nil && p.ID == a.Ask.Person {
		name = p.Name + " (" + p.ExternalID + ")"
	}
	data["Name"] = name
	d.TellAdministrators(ctx, d.Texts.For(d.Language).T("assure.alarm."+what, data))
}
