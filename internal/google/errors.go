package google

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"

	"golang.org/x/oauth2"
)

var (
	// ErrUnreachable comes back when nothing usable was heard from the issuer. The same
	// may work later, with a new attempt.
	ErrUnreachable = errors.New("the issuer cannot be reached")
	// ErrRefused comes back when the issuer refuses, or we refuse what it says.
	ErrRefused = errors.New("refused")
)

// Reason is why somebody may not come in, in a word that does not change.
type Reason string

// The reasons, in the order in which they are looked for.
const (
	ReasonCode       Reason = "code"             // the issuer does not take the code: used, too old, or of another attempt
	ReasonClient     Reason = "client"           // the issuer does not take the client id or its secret
	ReasonAnswer     Reason = "answer"           // the issuer refuses for another reason, or sends no ID token
	ReasonToken      Reason = "token"            // it is not a signed token of three parts
	ReasonAlgorithm  Reason = "algorithm"        // it is signed with something else than RS256
	ReasonKey        Reason = "key"              // the issuer does not publish the key
	ReasonSignature  Reason = "signature"        // the key did not sign it
	ReasonClaims     Reason = "claims"           // it cannot be read, or says something twice
	ReasonIssuer     Reason = "issuer"           // it is from somebody else
	ReasonAudience   Reason = "audience"         // it is for somebody else
	ReasonNonce      Reason = "nonce"            // it is for another attempt
	ReasonExpired    Reason = "expired"          // it is too old
	ReasonClock      Reason = "clock"            // it is from the future: one of the two clocks is wrong
	ReasonSubject    Reason = "subject"          // it is about nobody
	ReasonEmail      Reason = "email"            // there is no address, or none that we take
	ReasonUnverified Reason = "email_unverified" // nobody knows whose address it is
	ReasonDomain     Reason = "domain"           // people of that domain do not sign in here
	ReasonAuthTime   Reason = "auth_time"        // the login is too old, or its time unknown
)

// RefusedError is [ErrRefused] with its reason.
type RefusedError struct{ Reason Reason }

// Error names the reason.
func (e *RefusedError) Error() string { return ErrRefused.Error() + ": " + string(e.Reason) }

// Unwrap makes it [ErrRefused].
func (e *RefusedError) Unwrap() error { return ErrRefused }

func refused(r Reason) error { return &RefusedError{Reason: r} }

// fault is what is wrong with an answer, in words of ours.
type fault string

func (f fault) Error() string { return string(f) }

// unreachable says what kept us from the issuer. Of what others say it repeats only what
// comes from below HTTP: an answer may hold anything, also what we sent.
func unreachable(what string, err error) error {
	return fmt.Errorf("%w: %s: %w", ErrUnreachable, what, plain(err))
}

func plain(err error) error {
	if f, ok := errors.AsType[fault](err); ok {
		return f
	}
	if certificate, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return certificate
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op
	}
	for _, ended := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, ended) {
			return ended
		}
	}
	return fault("the answer cannot be read")
}

// exchangeError sorts what comes of an exchange. Nothing of the answer is kept but what it
// means: it may hold the code, and a proxy's page may hold more.
func exchangeError(err error) error {
	answer, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok {
		return unreachable("exchange the code", err)
	}
	switch answer.ErrorCode {
	case "invalid_grant":
		return refused(ReasonCode)
	case "invalid_client", "unauthorized_client":
		return refused(ReasonClient)
	case "server_error", "temporarily_unavailable":
		return unreachable("exchange the code", fault("it says that it cannot for now"))
	default:
		return refused(ReasonAnswer)
	}
}
