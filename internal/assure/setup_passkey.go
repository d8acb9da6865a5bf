package assure

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"countersign/internal/ident"
)

// setupKeys fills in the passkeys of a person, and what his device is asked.
func (d *Desk) setupKeys(ctx context.Context, v visit, p *page) error {
	if p.Passkeys = PasskeysAt(d.PublicURL); !p.Passkeys {
		return nil
	}
	var err error
	if p.Keys, err = d.Store.passkeys(ctx, v.Ask.Person); err != nil || len(p.Keys) == 0 && v.Naming == "" {
		return err
	}
	all, err := d.ring(ctx, v.attempt)
	if err != nil {
		return err
	}
	if p.Get, _, err = d.question(all, v); err == nil && v.Naming != "" {
		p.Create, _, err = d.invitation(all, v)
	}
	return err
}

// beginPasskey names a key and shows what must be shown before one is made. It counts when
// the device has made it.
func (d *Desk) beginPasskey(w http.ResponseWriter, r *http.Request, v visit) {
	if !d.changing(w, r, v) {
		return
	}
	name := strings.TrimSpace(v.form.Get("name"))
	var c change
	switch has, err := d.Store.passkeys(r.Context(), v.Ask.Person); {
	case err != nil:
		c.err = err
	case !PasskeysAt(d.PublicURL):
		c.bad = &wrong{why: "passkey_failed"}
	case !isName(name):
		c.bad = &wrong{why: "passkey_name"}
	case len(has) >= maxKeys:
		c.bad = &wrong{why: "passkey_full"}
	default:
		if c.bad, c.err = d.knows(r.Context(), v, Passkey); c.bad == nil && c.err == nil {
			c.err = d.Store.nameKey(r.Context(), v.ID, name)
		}
	}
	d.answer(w, r, v, c)
}

func (d *Desk) cancelPasskey(w http.ResponseWriter, r *http.Request, v visit) {
	if d.changing(w, r, v) {
		d.answer(w, r, v, change{err: d.Store.nameKey(r.Context(), v.ID, "")})
	}
}

func (d *Desk) setPasskey(w http.ResponseWriter, r *http.Request, v visit) {
	if d.changing(w, r, v) {
		d.answer(w, r, v, d.completePasskey(r.Context(), v))
	}
}

func (d *Desk) completePasskey(ctx context.Context, v visit) change {
	if v.Naming == "" { // a form sent twice
		return change{}
	}
	failed := change{bad: &wrong{why: "passkey_failed", asked: v.Asked + 1}}
	all, err := d.ring(ctx, v.attempt)
	if err != nil {
		return change{err: err}
	}
	invitation, session, err := d.invitation(all, v)
	if err != nil || invitation == "" {
		return change{err: err}
	}
	if err := d.Store.spend(ctx, v.ID, v.Asked); err != nil {
		return change{err: err}
	}
	c, err := d.made(all, session, v.form.Get("passkey"))
	if err != nil {
		d.refuse(ctx, visit{attempt: v.attempt}, err)
		return failed
	}
	k, err := d.keep(v, c)
	if err != nil {
		return change{err: err}
	}
	err = d.Store.change(ctx, v.attempt, "passkey.set", func(e executor) error { return addKey(ctx, e, v.attempt, k) })
	switch {
	case errors.Is(err, errKnown):
		return change{bad: &wrong{why: "passkey_known", asked: v.Asked + 1}}
	case errors.Is(err, errFull):
		return change{bad: &wrong{why: "passkey_full", asked: v.Asked + 1}}
	}
	return change{told: "passkey_set", data: map[string]any{"Key": k.Name}, err: err}
}

// errCredential: a name of a key that could be guessed, or that nobody keeps.
var errCredential = errors.New("the credential id is too short or too long")

func (d *Desk) made(r ring, session webauthn.SessionData, typed string) (*webauthn.Credential, error) {
	rp, err := d.party()
	if err != nil {
		return nil, err
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes([]byte(typed))
	if err != nil {
		return nil, err
	}
	c, err := rp.CreateCredential(r, session, parsed)
	if err == nil && (len(c.ID) < 16 || len(c.ID) > 1023) {
		err = errCredential
	}
	return c, err
}

// keep seals a key for its person.
func (d *Desk) keep(v visit, c *webauthn.Credential) (passkey, error) {
	id, err := ident.New("psk")
	if err != nil {
		return passkey{}, err
	}
	text, err := json.Marshal(sealedKey{Credential: c.ID, Public: c.PublicKey, Eligible: c.Flags.BackupEligible, Transports: c.Transport})
	if err != nil {
		return passkey{}, err
	}
	sealed, err := d.Seal(string(text), keyPlace(v.Ask.Person, id))
	return passkey{ID: id, Name: v.Naming, Credential: c.ID, Sealed: sealed, Counter: int64(c.Authenticator.SignCount)}, err
}

// removePasskey takes one away: whoever does so shows one.
func (d *Desk) removePasskey(w http.ResponseWriter, r *http.Request, v visit) {
	if !d.changing(w, r, v) {
		return
	}
	ctx, id := r.Context(), v.form.Get("key")
	all, err := d.Store.passkeys(ctx, v.Ask.Person)
	name := ""
	for _, k := range all {
		if k.ID == id {
			name = k.Name
		}
	}
	c := change{told: "passkey_removed", data: map[string]any{"Key": name}, err: err}
	if err == nil && name == "" { // a form sent twice
		c.err = errNoSuch
	}
	if c.err == nil {
		if c.bad, c.err = d.knows(ctx, v, Passkey); c.bad == nil && c.err == nil {
			c.err = d.Store.change(ctx, v.attempt, "passkey.removed", func(e executor) error { return removeKey(ctx, e, v.Ask.Person, id) })
		}
	}
	d.answer(w, r, v, c)
}
