package trueconf

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// envelope is all that a refusal may look like: that of the API, that of its OAuth library,
// and the flat one of old versions.
type envelope struct {
	Error       json.RawMessage `json:"error"`
	FlatReason  text            `json:"reason"`
	description struct {
		Errors []struct {
			Reason text `json:"reason"`
		} `json:"errors"`
	}
}

// reason is the word of a refusal; known says that it is the API that speaks.
func reason(body []byte) (word string, known bool) {
	var e envelope
	if json.Unmarshal(body, &e) != nil {
		return "", false
	}
	if json.Unmarshal(e.Error, &e.description) == nil {
		for _, one := range e.description.Errors {
			return string(one.Reason), true
		}
		return "", true
	}
	var flat text
	if json.Unmarshal(e.Error, &flat) == nil && flat != "" {
		return string(flat), true
	}
	return string(e.FlatReason), e.FlatReason != ""
}

// judge says what an answer means. Nothing of it goes into the error but a word of the
// API's: the rest may hold what was sent.
func judge(c call, a answer, secrets ...string) error {
	if a.status >= http.StatusOK && a.status < http.StatusMultipleChoices {
		return nil
	}
	raw, known := reason(a.body)
	e := &Error{Kind: Other, Status: a.status, Reason: word(raw, secrets)}
	switch {
	case a.status == http.StatusUnauthorized, a.status == http.StatusForbidden && raw == "accessTokenInvalid":
		e.Kind, e.Err = Credentials, errStale
	case a.status == http.StatusForbidden && known:
		e.Kind, e.Right = Right, c.right
	case a.status == http.StatusNotFound && known && raw != "routeNotFound":
		e.Kind = NotFound
	case a.status == http.StatusNotFound, a.status == http.StatusMethodNotAllowed, a.status == http.StatusNotImplemented:
		e.Kind = TooOld
	case a.status == http.StatusBadRequest && known, a.status == http.StatusConflict && known, a.status == http.StatusUnprocessableEntity && known:
		e.Kind = BadRequest
	case !known:
		e.Err = errGarbled
		if a.status >= http.StatusInternalServerError {
			e.Err = errors.New("the server, or a proxy before it, is in trouble")
		}
	}
	return e
}

// word lets a reason through that looks like one of the API's, several words in one, and
// nothing that was sent to the server.
func word(reason string, secrets []string) string {
	const most = 48
	several := regexp.MustCompile(`^[A-Za-z][a-z]{0,15}(?:[A-Z][a-z]{0,15}|_[a-z]{1,16})+$`)
	single := []string{"forbidden", "unauthorized"}
	switch {
	case slices.Contains(single, reason):
		return reason
	case len(reason) > most || !several.MatchString(reason),
		slices.ContainsFunc(secrets, func(s string) bool { return s != "" && strings.Contains(reason, s) }):
		return ""
	}
	return reason
}

// fault puts what went wrong on the way into words of ours. What the other side wrote is
// left out: it may be what we sent.
func fault(ctx context.Context, err error) *Error {
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var dial *net.OpError
	var late net.Error
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return &Error{Kind: Other, Err: context.Canceled}
	case errors.Is(err, errRedirect):
		return &Error{Kind: Other, Err: errRedirect}
	case errors.As(err, &certificate):
		return &Error{Kind: TLS, Err: &untrusted{certificate}}
	case errors.As(err, &record):
		return &Error{Kind: TLS, Err: errors.New("the port does not speak TLS")}
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &late) && late.Timeout():
		return &Error{Kind: Timeout, Err: context.DeadlineExceeded}
	case errors.As(err, &dial) && dial.Op == "remote error": // so the standard library names an alert of TLS
		return &Error{Kind: TLS, Err: errors.New("the server does not take a connection with TLS 1.2 or newer")}
	case errors.As(err, &dial) && dial.Op == "dial":
		return &Error{Kind: Unreachable, Err: dial}
	case strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"): // the standard library has no other word for it
		return &Error{Kind: TLS, Err: errors.New("the port does not speak TLS")}
	default:
		return &Error{Kind: Unreachable, Err: errBroken}
	}
}

// untrusted says in words why a certificate is not good.
type untrusted struct {
	err *tls.CertificateVerificationError
}

func (u *untrusted) Error() string {
	var invalid x509.CertificateInvalidError
	var name x509.HostnameError
	switch {
	case errors.As(u.err, &invalid) && invalid.Reason == x509.Expired:
		return "the certificate is out of its time"
	case errors.As(u.err, &name):
		return "the certificate is for another name"
	default:
		return "the certificate is signed by an authority that is not trusted"
	}
}

func (u *untrusted) Unwrap() error { return u.err }
