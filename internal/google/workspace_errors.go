package google

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"google.golang.org/api/googleapi"
)

// What can be wrong when a company is read. Each says what to do about it.
var (
	// ErrCredentials comes back when Google does not take the service account or the
	// administrator.
	ErrCredentials = errors.New("the service account is not accepted")
	// ErrDelegation comes back when the service account may not do what it must.
	ErrDelegation = errors.New("not allowed to read the directory")
	// ErrNoGroup comes back when a group does not exist; the error names it.
	ErrNoGroup = errors.New("there is no such group in google workspace")
	// ErrQuota comes back when Google asked to call less often, several times.
	ErrQuota = errors.New("the quota of the admin api is used up; try later")
	// ErrGarbled comes back when an answer cannot be the whole answer. Nothing of it is used.
	ErrGarbled = errors.New("the answer is not whole")
	// ErrAway comes back when nothing usable was heard. The same may work later.
	ErrAway = errors.New("google cannot be reached")
)

func garbled(what string) error { return fmt.Errorf("%w: %s", ErrGarbled, what) }

// delegate is what an operator must do where a right is missing.
func delegate() string {
	return "in the Admin console, under Security, API controls, Domain-wide delegation, allow the client id of the service account the scopes " +
		strings.Join(WorkspaceScopes(), ", ")
}

// sort puts an error into words of ours, and tells whether the same call may work soon.
// Nothing that others wrote goes into it: it may hold what we sent.
func (s *session) sort(err error) (problem error, again bool) {
	if e, ok := errors.AsType[*googleapi.Error](err); ok {
		return s.answered(e)
	}
	h := s.heard
	switch {
	case errors.Is(err, ErrGarbled):
		return err, false
	case h.fault != nil:
		return fmt.Errorf("%w: %w", ErrAway, plain(h.fault)), true
	case h.status == 0: // no call was made
		return fmt.Errorf("%w: its key cannot be used to sign", ErrCredentials), false
	case h.status == http.StatusOK:
		return garbled("it cannot be read"), false
	default:
		return s.denied(h)
	}
}

// answered sorts what the Admin SDK says no with.
func (s *session) answered(e *googleapi.Error) (problem error, again bool) {
	reason := ""
	if len(e.Errors) > 0 {
		reason = e.Errors[0].Reason
	}
	quotas := []string{"rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded"}
	switch {
	case e.Code == http.StatusTooManyRequests, slices.Contains(quotas, reason):
		return ErrQuota, true
	case reason == "dailyLimitExceeded":
		return ErrQuota, false
	case e.Code >= http.StatusInternalServerError:
		return fmt.Errorf("%w: it answers %d", ErrAway, e.Code), true
	case e.Code == http.StatusNotFound && strings.Contains(s.heard.path, "/groups/"):
		return ErrNoGroup, false
	case reason == "accessNotConfigured":
		return fmt.Errorf("%w: the Admin SDK API is not enabled in the project of the service account", ErrDelegation), false
	case reason == "insufficientPermissions":
		return fmt.Errorf("%w: %s", ErrDelegation, delegate()), false
	case e.Code == http.StatusForbidden:
		return fmt.Errorf("%w: %s must be an administrator who may read users and groups; if so, %s", ErrDelegation, s.workspace.Subject, delegate()), false
	case e.Code == http.StatusUnauthorized:
		return fmt.Errorf("%w: the access token is refused", ErrCredentials), false
	default:
		return fmt.Errorf("%w: it answers %d; is the customer right?", ErrDelegation, e.Code), false
	}
}

// denied sorts what the token endpoint, or whoever signs, says no with.
func (s *session) denied(h heard) (problem error, again bool) {
	w := s.workspace
	var said struct {
		Error any `json:"error"` // a word, or an object where it signs
	}
	_ = json.Unmarshal(h.body, &said) // what cannot be read has no word
	switch word, _ := said.Error.(string); {
	case h.status >= http.StatusInternalServerError, h.status == http.StatusTooManyRequests:
		return fmt.Errorf("%w: it answers %d", ErrAway, h.status), true
	case strings.HasSuffix(h.path, ":signJwt"):
		return fmt.Errorf("%w: what this process runs as may not sign for %s; give it the role Service Account Token Creator there", ErrCredentials, w.ServiceAccount), false
	case word == "unauthorized_client", word == "access_denied":
		return fmt.Errorf("%w: %s", ErrDelegation, delegate()), false
	case word == "invalid_grant":
		return fmt.Errorf("%w: the key was revoked, the clock is wrong, or %s is no account of the company", ErrCredentials, w.Subject), false
	default:
		return fmt.Errorf("%w: the token endpoint answers %d", ErrCredentials, h.status), false
	}
}
