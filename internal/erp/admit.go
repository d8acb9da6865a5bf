package erp

import (
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"countersign/internal/directory"
	"countersign/internal/server"
)

// admit finds the key of a request and lets it in: one key, not revoked, with the scope,
// within its rate and with few enough requests in hand. Call leave at the end.
func (d *Door) admit(c *call, scope directory.Scope) (leave func(), err error) {
	id, secret, ok := credentials(c.r)
	if !ok {
		return nil, directory.ErrUnauthorized
	}
	return d.admitKey(c, id, secret, scope)
}

func (d *Door) admitKey(c *call, id, secret string, scope directory.Scope) (leave func(), err error) {
	if c.key, err = d.Directory.Authenticate(c.ctx(), id, secret); err != nil {
		return nil, err
	}
	server.Note(c.ctx(), slog.String("key_id", c.key.ID), slog.String("source", c.key.Source))
	if d.Limiter != nil {
		if ok, wait := d.Limiter.Allow(c.key.ID); !ok {
			return nil, &problemError{status: http.StatusTooManyRequests, code: "rate_limited", retry: max(wait, time.Second)}
		}
	}
	if !c.key.Allows(scope) {
		return nil, &problemError{status: http.StatusForbidden, code: "forbidden", hint: string(scope)}
	}
	leave = func() {}
	if d.Gate != nil {
		var ok bool
		if leave, ok = d.Gate.Enter(c.key.ID); !ok {
			return nil, &problemError{status: http.StatusTooManyRequests, code: "rate_limited", retry: time.Second}
		}
	}
	return leave, nil
}

// credentials reads the one Authorization header: Bearer with the secret, or Basic with
// the id of the key and the secret.
func credentials(r *http.Request) (id, secret string, ok bool) {
	headers := r.Header.Values("Authorization")
	if len(headers) != 1 {
		return "", "", false
	}
	scheme, rest, _ := strings.Cut(headers[0], " ")
	switch {
	case strings.EqualFold(scheme, "Bearer"):
		return "", strings.TrimSpace(rest), true
	case strings.EqualFold(scheme, "Basic"):
		id, secret, ok = r.BasicAuth()
		return id, secret, ok && id != ""
	default:
		return "", "", false
	}
}

// own gives 404 for another source than the key's: whether it exists is nobody's business.
func (c *call) own(source string) error {
	if source != c.key.Source {
		return errNotFound
	}
	return nil
}

var errNotFound = errors.New("not found in the source of the key")

// checkQuery refuses parameters that are not known or given twice: a misspelt "after"
// must not read the feed from its beginning.
func checkQuery(r *http.Request, known []string) error {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return badParameter("")
	}
	var found gathered
	for _, name := range slices.Sorted(maps.Keys(values)) {
		switch given := values[name]; {
		case !slices.Contains(known, name):
			found.add(shown(name), "unknown_parameter", "")
		case len(given) > 1:
			found.add(name, "bad_parameter", "")
		}
	}
	if !found.none() {
		return &problemError{status: http.StatusBadRequest, code: "bad_parameter", faults: found.kept, more: found.more}
	}
	return nil
}

func badParameter(name string) error {
	p := &problemError{status: http.StatusBadRequest, code: "bad_parameter"}
	if name != "" {
		p.faults.add(name, "bad_parameter", "")
	}
	return p
}
