package assure

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"countersign/internal/pages"
	"countersign/internal/people"
)

const (
	maxAsked = 20 // answers of authenticators in one attempt
	maxKeys  = 10 // of one person
)

// PasskeysAt reports whether browsers use passkeys on pages at the address: over https or
// on this machine, under a name.
func PasskeysAt(publicURL string) bool {
	u, err := url.Parse(publicURL)
	if err != nil || net.ParseIP(u.Hostname()) != nil || protocol.ValidateRPID(u.Hostname()) != nil {
		return false
	}
	host := strings.ToLower(u.Hostname())
	return u.Scheme == "https" || u.Scheme == "http" && (host == "localhost" || strings.HasSuffix(host, ".localhost"))
}

// party is this site as authenticators know it; nil where browsers use no passkeys.
func (d *Desk) party() (*webauthn.WebAuthn, error) {
	if !PasskeysAt(d.PublicURL) {
		return nil, nil //nolint:nilnil // there are none to use
	}
	u, err := url.Parse(d.PublicURL)
	if err != nil {
		return nil, err
	}
	return webauthn.New(&webauthn.Config{
		RPID: strings.ToLower(u.Hostname()), RPDisplayName: "Countersign", RPOrigins: []string{pages.Origin(d.PublicURL)},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			UserVerification: protocol.VerificationRequired, ResidentKey: protocol.ResidentKeyRequirementDiscouraged,
		},
		Timeouts: webauthn.TimeoutsConfig{
			Login: webauthn.TimeoutConfig{Timeout: proofLife}, Registration: webauthn.TimeoutConfig{Timeout: proofLife},
		},
	})
}

// passkey is one of a person's, as it is stored.
type passkey struct {
	ID         string
	Name       string
	Credential []byte
	Sealed     []byte
	Counter    int64
	Added      time.Time
	Used       time.Time // zero: never
	Copied     bool      // there may be two of it: it is refused
}

// sealedKey is what a person's row is sealed with, so that it is his and no other's.
type sealedKey struct {
	Credential []byte                            `json:"credential"`
	Public     []byte                            `json:"public"`
	Eligible   bool                              `json:"backup_eligible"`
	Transports []protocol.AuthenticatorTransport `json:"transports,omitempty"`
}

// keyPlace is the row of a passkey, as the seal is bound to it.
func keyPlace(person people.ID, id string) string {
	return string(person) + "/" + string(Passkey) + "/" + id
}

// ring is a person as authenticators know him, with those of his keys that may be used.
type ring struct {
	person people.Person
	keys   []webauthn.Credential
	ids    map[string]passkey // by credential
}

// WebAuthnID is a name of ours that says nothing to others.
func (r ring) WebAuthnID() []byte { return []byte(r.person.ID) }

// WebAuthnName is what the device shows.
func (r ring) WebAuthnName() string {
	if r.person.Email != "" {
		return r.person.Email
	}
	return r.person.Name
}

// WebAuthnDisplayName is what the device shows beside it.
func (r ring) WebAuthnDisplayName() string { return r.person.Name }

// WebAuthnCredentials lists the keys.
func (r ring) WebAuthnCredentials() []webauthn.Credential { return r.keys }

// ring opens the keys of the person of an attempt. A fault here is one of ours.
func (d *Desk) ring(ctx context.Context, a attempt) (ring, error) {
	person, ok, err := d.owner(ctx, a.Ask)
	if err == nil && !ok {
		err = errNone
	}
	if err != nil {
		return ring{}, err
	}
	all, err := d.Store.passkeys(ctx, person.ID)
	if err != nil {
		return ring{}, err
	}
	r := ring{person: person, ids: map[string]passkey{}}
	for _, k := range all {
		if k.Copied {
			continue
		}
		text, err := d.Open(k.Sealed, keyPlace(person.ID, k.ID))
		if err != nil {
			return ring{}, err
		}
		var s sealedKey
		if err := json.Unmarshal([]byte(text), &s); err != nil || string(s.Credential) != string(k.Credential) {
			return ring{}, fmt.Errorf("passkey %s: %w", k.ID, errSecret)
		}
		c := webauthn.Credential{ID: s.Credential, PublicKey: s.Public, Transport: s.Transports, Flags: webauthn.CredentialFlags{BackupEligible: s.Eligible}}
		c.Authenticator.SignCount = uint32(k.Counter) //nolint:gosec // the table holds it to 32 bits
		r.keys, r.ids[string(k.Credential)] = append(r.keys, c), k
	}
	return r, nil
}

// challenge is the question to an authenticator: bound to this browser and to what is
// asked, and another one after each answer.
func (v visit) challenge(purpose string) []byte {
	k := v.Ask
	text := fmt.Sprintf("assure passkey %s %s %s %s %d/%d/%d/%d %s %d", purpose, v.ID, k.Person, k.Case, k.Round, k.Step, k.No, k.Revision, k.Verdict, v.Asked)
	raw, err := base64.RawURLEncoding.DecodeString(v.cookie.Token(text))
	if err != nil {
		panic(err) // it has just been encoded so
	}
	return raw
}

// question asks for one of a person's keys, for the page; what comes back is held to the
// session. It is empty when nothing can be asked.
func (d *Desk) question(r ring, v visit) (string, webauthn.SessionData, error) {
	rp, err := d.party()
	if rp == nil || err != nil || len(r.keys) == 0 || v.Asked >= maxAsked {
		return "", webauthn.SessionData{}, err
	}
	ask, session, err := rp.BeginLogin(r, webauthn.WithChallenge(v.challenge("get")))
	if err != nil {
		return "", webauthn.SessionData{}, err
	}
	text, err := json.Marshal(ask.Response)
	return string(text), *session, err
}

// invitation asks a device to make a key.
func (d *Desk) invitation(r ring, v visit) (string, webauthn.SessionData, error) {
	rp, err := d.party()
	if rp == nil || err != nil || v.Asked >= maxAsked {
		return "", webauthn.SessionData{}, err
	}
	var known []protocol.CredentialDescriptor
	for _, c := range r.keys {
		known = append(known, c.Descriptor())
	}
	ask, session, err := rp.BeginRegistration(r, webauthn.WithExclusions(known), func(o *protocol.PublicKeyCredentialCreationOptions) error {
		o.Challenge = v.challenge("create")
		return nil
	})
	if err != nil {
		return "", webauthn.SessionData{}, err
	}
	text, err := json.Marshal(ask.Response)
	return string(text), *session, err
}

// answered looks at the answer to a question: it uses the question up, whatever it is.
func (d *Desk) answered(ctx context.Context, v visit, typed string) (proof, *wrong, error) {
	failed := &wrong{why: "passkey_failed", asked: v.Asked + 1}
	r, err := d.ring(ctx, v.attempt)
	if err != nil {
		return proof{}, nil, err
	}
	question, session, err := d.question(r, v)
	if err != nil {
		return proof{}, nil, err
	}
	if question == "" {
		return proof{}, &wrong{why: "passkey_failed"}, nil
	}
	if err := d.Store.spend(ctx, v.ID, v.Asked); err != nil {
		return proof{}, nil, err
	}
	c, err := d.check(r, session, typed)
	if err != nil {
		d.refuse(ctx, v, err)
		return proof{}, failed, nil
	}
	k := r.ids[string(c.ID)]
	if c.Authenticator.CloneWarning {
		return proof{}, &wrong{why: "passkey_copied", asked: v.Asked + 1}, d.copied(ctx, v.attempt, k)
	}
	return proof{Method: Passkey, person: v.Ask.Person, key: k.ID, set: k.Added, step: int64(c.Authenticator.SignCount)}, nil, nil
}

func (d *Desk) check(r ring, session webauthn.SessionData, typed string) (*webauthn.Credential, error) {
	rp, err := d.party()
	if err != nil {
		return nil, err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes([]byte(typed))
	if err != nil {
		return nil, err
	}
	return rp.ValidateLogin(r, session, parsed)
}

// refuse says in the log why an answer was not taken; nobody else learns it.
func (d *Desk) refuse(ctx context.Context, v visit, err error) {
	attrs := []any{slog.String("attempt", v.ID), slog.String("person", string(v.Ask.Person)), slog.Any("error", err)}
	if e, ok := errors.AsType[*protocol.Error](err); ok {
		attrs = append(attrs, slog.String("details", e.Details))
	}
	d.Log.WarnContext(ctx, "passkey refused", attrs...)
}

// copied refuses a key for good whose counter did not grow: there may be two of it.
func (d *Desk) copied(ctx context.Context, a attempt, k passkey) error {
	now, err := d.Store.copied(ctx, a.Ask.Person, k.ID)
	if err != nil || !now {
		return err
	}
	d.Log.ErrorContext(ctx, "a passkey may have been copied", slog.String("person", string(a.Ask.Person)), slog.String("passkey", k.ID))
	d.Tell(ctx, a.Ask.Account, d.Texts.For(a.Ask.Language).T("assure.told.passkey_copied", map[string]any{"Key": k.Name}))
	d.alarm(ctx, a, "passkey_copied", map[string]any{"Key": k.Name})
	return nil
}

// isName takes what a person may call a key.
func isName(name string) bool {
	const most = 60
	return utf8.ValidString(name) && name != "" && name == strings.TrimSpace(name) && utf8.RuneCountInString(name) <= most &&
		!strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) })
}
