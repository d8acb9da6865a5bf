package workspacetest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// claims are those of an assertion.
type claims struct {
	Issuer   string `json:"iss"`
	Scope    string `json:"scope"`
	Subject  string `json:"sub"`
	Audience string `json:"aud"`
	Issued   int64  `json:"iat"`
	Expires  int64  `json:"exp"`
}

const (
	cloud  = "https://www.googleapis.com/auth/cloud-platform"
	hour   = 3600 // seconds
	public = "https://oauth2.googleapis.com/token"
)

// token gives an access token for an assertion.
func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	const most = 16 << 10
	r.Body = http.MaxBytesReader(w, r.Body, most)
	if err := r.ParseForm(); err != nil || r.URL.RawQuery != "" {
		s.denyToken(w, http.StatusBadRequest, "invalid_request", "the form cannot be read")
		return
	}
	f := r.PostForm
	old := f.Get("grant_type") == "assertion" && f.Get("assertion_type") == "http://oauth.net/grant_type/jwt/1.0/bearer"
	if !old && f.Get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" {
		s.denyToken(w, http.StatusBadRequest, "unsupported_grant_type", "only assertions are taken")
		return
	}
	c, why := s.verify(f.Get("assertion"))
	if why != "" {
		s.denyToken(w, http.StatusBadRequest, "invalid_grant", why)
		return
	}
	scopes := strings.Fields(c.Scope)
	for _, scope := range scopes {
		own := c.Subject == "" && scope == cloud
		if !own && !slices.Contains(s.options.Scopes, scope) {
			s.denyToken(w, http.StatusUnauthorized, "unauthorized_client",
				"Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested.")
			return
		}
	}
	access := "ya29." + rand.Text()
	s.mu.Lock()
	s.tokens[access] = grant{c.Subject, scopes}
	s.mu.Unlock()
	write(w, http.StatusOK, map[string]any{"access_token": access, "expires_in": hour - 1, "token_type": "Bearer"})
}

func (s *Server) denyToken(w http.ResponseWriter, status int, code, why string) {
	s.mu.Lock()
	s.refused = append(s.refused, code+": "+why)
	s.mu.Unlock()
	write(w, status, map[string]any{"error": code, "error_description": why})
}

// verify says what is wrong with an assertion.
func (s *Server) verify(assertion string) (c claims, why string) {
	signed, signature, ok := cutLast(assertion)
	header, payload, two := strings.Cut(signed, ".")
	if !ok || !two {
		return c, "Invalid JWT"
	}
	mac, err := base64.RawURLEncoding.DecodeString(signature)
	sum := sha256.Sum256([]byte(signed))
	if err != nil || rsa.VerifyPKCS1v15(&s.key.PublicKey, crypto.SHA256, sum[:], mac) != nil {
		return c, "Invalid JWT Signature."
	}
	var head struct {
		Algorithm string `json:"alg"`
	}
	if decode(header, &head) != nil || head.Algorithm != "RS256" || decode(payload, &c) != nil {
		return c, "Invalid JWT"
	}
	switch {
	case c.Issuer != ServiceAccount:
		return c, "Invalid issuer: Not a valid service account"
	case c.Audience != s.URL()+"/token" && c.Audience != public:
		return c, "Invalid audience"
	case c.Scope == "":
		return c, "No scope"
	case c.Expires <= c.Issued || c.Expires-c.Issued > hour:
		return c, "Invalid JWT: Token must be a short-lived token (60 minutes)"
	case c.Subject != "" && !s.knows(c.Subject):
		return c, "Invalid email or User ID"
	}
	return c, ""
}

func (s *Server) knows(address string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return address == s.options.Admin || slices.ContainsFunc(s.users, func(u User) bool { return u.Email == address })
}

func cutLast(text string) (before, after string, found bool) {
	i := strings.LastIndexByte(text, '.')
	if i < 0 {
		return text, "", false
	}
	return text[:i], text[i+1:], true
}

func decode(part string, into any) error {
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// sign signs an assertion for those who hold a token of the service account itself.
func (s *Server) sign(w http.ResponseWriter, r *http.Request) {
	if r.PathValue("account") != ServiceAccount+":signJwt" {
		s.deny(w, http.StatusNotFound, "notFound", "Not found; Gaia id not found for email")
		return
	}
	if !s.may(r, "", cloud) {
		s.deny(w, http.StatusForbidden, "forbidden", "Permission 'iam.serviceAccounts.signJwt' denied on resource (or it may not exist).")
		return
	}
	const most = 64 << 10
	var in struct {
		Payload   string   `json:"payload"`
		Delegates []string `json:"delegates"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, most)).Decode(&in); err != nil {
		s.deny(w, http.StatusBadRequest, "badRequest", "the body cannot be read")
		return
	}
	signed := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + base64.RawURLEncoding.EncodeToString([]byte(in.Payload))
	sum := sha256.Sum256([]byte(signed))
	mac, err := rsa.SignPKCS1v15(rand.Reader, s.key, crypto.SHA256, sum[:])
	if err != nil {
		http.Error(w, fmt.Sprint(err), http.StatusInternalServerError)
		return
	}
	write(w, http.StatusOK, map[string]string{"keyId": "key-1", "signedJwt": signed + "." + base64.RawURLEncoding.EncodeToString(mac)})
}

// may tells whether the request has a token for a subject with a scope.
func (s *Server) may(r *http.Request, subject, scope string) bool {
	access, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	s.mu.Lock()
	defer s.mu.Unlock()
	g, known := s.tokens[access]
	return ok && known && g.subject == subject && slices.Contains(g.scopes, scope)
}
