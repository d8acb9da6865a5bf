package trueconf

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

// Where tokens are given: by the OAuth library that all versions have, and by version 4.
const (
	oldToken = "/oauth2/v1/token"     //nolint:gosec // a path
	newToken = "/api/v4/oauth2/token" //nolint:gosec // a path
)

const (
	opToken    = "get an access token"
	margin     = time.Minute // a token is not used in its last one
	ownLife    = time.Hour   // of a token that does not say how long it lives
	mostLife   = 30 * 24 * time.Hour
	grantsType = "client_credentials"
)

// jar keeps one access token. There are two for each server, because it is not promised
// that a family takes the tokens of the other.
type jar struct {
	s      *Server
	flight singleflight.Group

	mu     sync.Mutex
	paths  []string // where to ask; the one that gave the last token is the first
	access string
	until  time.Time
}

func newJar(s *Server, paths ...string) *jar { return &jar{s: s, paths: paths} }

// token gives a token that is good for now. Callers at the same time wait for one request,
// which goes on when one of them is gone. Who takes only one at hand is not kept waiting.
func (j *jar) token(ctx context.Context, atHand bool) (string, error) { //nolint:revive // whoever must not wait says so
	if fixed := j.s.o.AccessToken.Reveal(); fixed != "" {
		return fixed, nil
	}
	if access, ok := j.kept(); ok {
		return access, nil
	}
	if atHand {
		return "", &Error{Kind: Credentials, Err: errStale}
	}
	detached := context.WithoutCancel(ctx)
	fetched := j.flight.DoChan("", func() (any, error) {
		if access, ok := j.kept(); ok { // another flight has just ended
			return access, nil
		}
		return j.fetch(detached)
	})
	select {
	case <-ctx.Done():
		return "", fault(ctx, ctx.Err())
	case r := <-fetched:
		access, _ := r.Val.(string)
		if e, ok := errors.AsType[*Error](r.Err); ok { // each caller names what he asked for in an error of his own
			own := *e
			return "", &own
		}
		return access, r.Err
	}
}

func (j *jar) kept() (string, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.access, j.access != "" && j.s.o.Now().Before(j.until)
}

// drop forgets a token that was refused, unless there is a newer one.
func (j *jar) drop(access string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.access == access {
		j.access = ""
	}
}

// fetch asks at each place until one gives a token. What the first has against the client
// is told when no other gives one.
func (j *jar) fetch(ctx context.Context) (string, error) {
	j.mu.Lock()
	paths := slices.Clone(j.paths)
	j.mu.Unlock()
	var problem error
	for _, path := range paths {
		access, life, err := j.ask(ctx, path)
		e, told := errors.AsType[*Error](err)
		switch {
		case err == nil:
			j.mu.Lock()
			defer j.mu.Unlock()
			j.access, j.until = access, j.s.o.Now().Add(life)
			slices.SortStableFunc(j.paths, func(a, b string) int {
				switch path {
				case a:
					return -1
				case b:
					return 1
				}
				return 0
			})
			return access, nil
		case !told || e.Status < http.StatusBadRequest || e.Status >= http.StatusInternalServerError:
			return "", err // it is not about where it was asked
		case problem == nil || KindOf(err) == Credentials:
			problem = err
		}
	}
	return "", problem
}

// ask requests a token in one place. The two differ in how they are asked.
func (j *jar) ask(ctx context.Context, path string) (access string, life time.Duration, err error) {
	o := j.s.o
	c := call{op: opToken, method: http.MethodPost}
	c.body = url.Values{"grant_type": {grantsType}, "client_id": {o.ClientID}, "client_secret": {o.ClientSecret.Reveal()}}
	if path == newToken {
		c.body = map[string]string{"grant_type": grantsType, "client_id": o.ClientID, "client_secret": o.ClientSecret.Reveal()}
	}
	got, err := j.s.send(ctx, c, path, "")
	if err != nil {
		return "", 0, denied(err)
	}
	var t struct {
		Access  text  `json:"access_token"`
		Expires maybe `json:"expires_in"`
	}
	if json.Unmarshal(got.body, &t) != nil || t.Access == "" || !printable(string(t.Access)) {
		return "", 0, &Error{Status: got.status, Err: errGarbled}
	}
	life = ownLife
	if t.Expires.told && t.Expires.n > 0 {
		life = time.Duration(min(t.Expires.n, int64(mostLife/time.Second))) * time.Second
	}
	return string(t.Access), life - min(margin, life/2), nil
}

// denied sorts what is said no with where tokens are given.
func denied(err error) error {
	if e, told := errors.AsType[*Error](err); told && e.Status != 0 {
		bad := []string{"invalid_client", "unauthorized_client", "invalid_grant", "InvalidCredentials", "invalidClient", "access_denied"}
		if e.Kind == Credentials || e.Kind == Right || slices.Contains(bad, e.Reason) {
			e.Kind, e.Right, e.Err = Credentials, "", errors.New("the server does not accept the client or its secret")
		}
	}
	return err
}
