package google

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"golang.org/x/oauth2"
	goauth "golang.org/x/oauth2/google"
	"golang.org/x/oauth2/jwt"
	"google.golang.org/api/impersonate"
	"google.golang.org/api/option"
)

const cloudScope = "https://www.googleapis.com/auth/cloud-platform"

// key reads the JSON key; the fault says what is wrong with it and nothing of what it holds.
func (w *Workspace) key() (*jwt.Config, string) {
	var kind struct {
		Type  string `json:"type"`
		Email string `json:"client_email"`
		Key   string `json:"private_key"`
	}
	if json.Unmarshal([]byte(w.Credentials.Reveal()), &kind) != nil || kind.Type != "service_account" || kind.Email == "" || kind.Key == "" {
		return nil, "the credentials are not the JSON key of a service account"
	}
	c, err := goauth.JWTConfigFromJSON([]byte(w.Credentials.Reveal()), WorkspaceScopes()...)
	if err != nil {
		return nil, "the JSON key of the service account cannot be read"
	}
	if c.TokenURL = strings.TrimSpace(c.TokenURL); !isAddress(c.TokenURL) {
		return nil, "the JSON key of the service account names a token address that is not https"
	}
	c.Subject = w.Subject
	return c, ""
}

// token asks for one access token, which lasts longer than a reading.
func (s *session) token(ctx context.Context) (*oauth2.Token, error) {
	source, err := s.source(ctx)
	if err != nil {
		return nil, err
	}
	var token *oauth2.Token
	err = s.try(ctx, "access token", func() (err error) {
		s.heard = heard{}
		if token, err = source.Token(); err == nil && token.AccessToken == "" {
			err = garbled("there is no token in the answer")
		}
		return err
	})
	return token, err
}

func (s *session) source(ctx context.Context) (oauth2.TokenSource, error) { //nolint:ireturn // the library's own type
	base := &http.Client{Transport: s.wire(ctx)}
	ctx = context.WithValue(ctx, oauth2.HTTPClient, base)
	w := s.workspace
	if w.Credentials != "" {
		c, wrong := w.key()
		if wrong != "" {
			return nil, fmt.Errorf("%w: %s", ErrCredentials, wrong)
		}
		return c.TokenSource(ctx), nil
	}
	own, err := goauth.FindDefaultCredentials(ctx, cloudScope)
	if err != nil { // its text may hold a path, and what stands there
		return nil, fmt.Errorf("%w: this process has no application default credentials with which to sign for %s", ErrCredentials, w.ServiceAccount)
	}
	client := &http.Client{Transport: &oauth2.Transport{Source: own.TokenSource, Base: base.Transport}}
	source, err := impersonate.CredentialsTokenSource(ctx, impersonate.CredentialsConfig{
		TargetPrincipal: w.ServiceAccount, Scopes: WorkspaceScopes(), Subject: w.Subject,
	}, option.WithHTTPClient(client))
	if err != nil {
		return nil, fmt.Errorf("%w: the service account %s cannot be used without a key here", ErrCredentials, w.ServiceAccount)
	}
	return source, nil
}
