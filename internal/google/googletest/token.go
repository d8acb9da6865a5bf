package googletest

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const tokenLife = time.Hour

func write(w http.ResponseWriter, status int, body map[string]any) {
	text, err := json.Marshal(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(text) // fails only when the caller is gone
}

func (s *Server) discovery(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	alter := s.alterDiscovery
	s.mu.Unlock()
	document := map[string]any{
		"issuer":                                s.URL(),
		"authorization_endpoint":                s.URL() + "/authorize",
		"token_endpoint":                        s.URL() + "/token",
		"jwks_uri":                              s.URL() + "/jwks",
		"response_types_supported":              []string{"code"},
		"subject_types_supported":               []string{"public"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
		"scopes_supported":                      []string{"openid", "email", "profile"},
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "client_secret_basic"},
		"code_challenge_methods_supported":      []string{"S256"},
		"claims_supported":                      []string{"aud", "auth_time", "email", "email_verified", "exp", "hd", "iat", "iss", "name", "sub"},
	}
	if alter != nil {
		alter(document)
	}
	write(w, http.StatusOK, document)
}

func (s *Server) keys(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	public, id := s.key.PublicKey, s.keyID
	s.mu.Unlock()
	write(w, http.StatusOK, map[string]any{"keys": []any{map[string]any{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": id,
		"n": encode(public.N.Bytes()), "e": encode(big.NewInt(int64(public.E)).Bytes()),
	}}})
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// token exchanges a code, once.
func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
	if err := r.ParseForm(); err != nil || r.URL.RawQuery != "" {
		s.deny(w, http.StatusBadRequest, "invalid_request", "the form cannot be read")
		return
	}
	if !s.isClient(r) {
		s.deny(w, http.StatusUnauthorized, "invalid_client", "the client is not known, or its secret is wrong")
		return
	}
	if r.PostForm.Get("grant_type") != "authorization_code" {
		s.deny(w, http.StatusBadRequest, "unsupported_grant_type", "only codes are exchanged")
		return
	}
	g, why := s.take(r.PostForm)
	if why != "" {
		s.deny(w, http.StatusBadRequest, "invalid_grant", why)
		return
	}
	access := "ya29." + rand.Text()
	id, err := s.sign(s.claims(g, access))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	write(w, http.StatusOK, map[string]any{
		"access_token": access, "expires_in": int(tokenLife.Seconds()), "id_token": id, "scope": g.scope, "token_type": "Bearer",
	})
}

func (s *Server) deny(w http.ResponseWriter, status int, code, why string) {
	s.refuse(code + ": " + why)
	write(w, status, map[string]any{"error": code, "error_description": why})
}

// isClient checks the secret, in the form or in the header, not in both.
func (s *Server) isClient(r *http.Request) bool {
	id, secret, basic := r.BasicAuth()
	if basic {
		id, secret = unescape(id), unescape(secret)
		if r.PostForm.Has("client_secret") {
			return false
		}
	} else {
		id, secret = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	}
	return id == s.options.ClientID && subtle.ConstantTimeCompare([]byte(secret), []byte(s.options.Secret)) == 1
}

func unescape(text string) string {
	plain, err := url.QueryUnescape(text)
	if err != nil {
		return ""
	}
	return plain
}

// take uses a code up, whatever comes of it.
func (s *Server) take(form url.Values) (*grant, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.grants[form.Get("code")]
	if g == nil {
		return nil, "the code is not known"
	}
	used := g.used
	g.used = true
	sum := sha256.Sum256([]byte(form.Get("code_verifier")))
	switch {
	case used:
		return nil, "the code was used before"
	case !s.options.Now().Before(g.until):
		return nil, "the code is too old"
	case form.Get("redirect_uri") != g.redirect:
		return nil, "the redirect is another one"
	case len(form.Get("code_verifier")) < 43 || encode(sum[:]) != g.challenge:
		return nil, "the verifier does not fit"
	}
	return g, ""
}

func (s *Server) claims(g *grant, access string) map[string]any {
	now := s.options.Now()
	sum := sha256.Sum256([]byte(access))
	claims := map[string]any{
		"iss": s.URL(), "aud": s.options.ClientID, "azp": s.options.ClientID, "sub": g.account.Subject,
		"iat": now.Unix(), "exp": now.Add(tokenLife).Unix(), "nonce": g.nonce, "at_hash": encode(sum[:len(sum)/2]),
	}
	scopes := strings.Fields(g.scope)
	if slices.Contains(scopes, "email") {
		claims["email"], claims["email_verified"] = g.account.Email, g.account.Verified
	}
	if slices.Contains(scopes, "profile") {
		claims["name"] = g.account.Name
	}
	if g.aged {
		claims["auth_time"] = g.login.Unix()
	}
	if g.account.Domain != "" {
		claims["hd"] = g.account.Domain
	}
	s.mu.Lock()
	alter := s.alter
	s.mu.Unlock()
	if alter != nil {
		alter(claims)
	}
	return claims
}
