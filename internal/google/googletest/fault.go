package googletest

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// The endpoints that can be broken and whose calls are counted.
const (
	Discovery = "/.well-known/openid-configuration"
	Keys      = "/jwks"
	Token     = "/token"
)

// Fault is what an endpoint does instead of its work.
type Fault string

// The faults of an endpoint.
const (
	Sound    Fault = ""
	Status   Fault = "status 500"
	Hang     Fault = "hang"     // until the endpoint is sound again, or the caller is gone
	HTML     Fault = "html"     // with status 200
	Huge     Fault = "huge"     // 10 MB of JSON
	Redirect Fault = "redirect" // to the same endpoint: who follows is counted
)

// Signing is how tokens are signed.
type Signing string

// The ways to sign. Only the first one is right.
const (
	Proper     Signing = ""
	AnotherKey Signing = "another key"           // under the id of the right one
	UnknownKey Signing = "unknown key"           // the right one, under an id that is not published
	NoKey      Signing = "no key id"             // the right one, without its id
	HS256      Signing = "HS256"                 // with the secret of the client
	None       Signing = "none"                  // not at all
	TwoParts   Signing = "two parts"             // the signature is cut off
	FourParts  Signing = "four parts"            // a part too many
	Critical   Signing = "an unknown extension"  // which must be understood, says the header
	Padded     Signing = "padding after the end" // of the signature
)

// broken is a fault with the channel that ends it.
type broken struct {
	fault Fault
	over  chan struct{}
}

// Break makes an endpoint fail from now on; Sound mends it, and lets go those that hang.
func (s *Server) Break(endpoint string, f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b, ok := s.broken[endpoint]; ok {
		close(b.over)
	}
	delete(s.broken, endpoint)
	if f != Sound {
		s.broken[endpoint] = broken{fault: f, over: make(chan struct{})}
	}
}

// Calls counts the requests to an endpoint, those that failed included.
func (s *Server) Calls(endpoint string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[endpoint]
}

// TokenCalls counts the requests to exchange a code.
func (s *Server) TokenCalls() int { return s.Calls(Token) }

// Sign says how later tokens are signed.
func (s *Server) Sign(how Signing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signing = how
}

// AlterDiscovery changes what the issuer says of itself; nil ends it.
func (s *Server) AlterDiscovery(change func(document map[string]any)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.alterDiscovery = change
}

// Rotate replaces the key and its id. The old one is no longer published.
func (s *Server) Rotate(key *rsa.PrivateKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rotations++
	s.key, s.keyID = key, fmt.Sprintf("googletest-%d", s.rotations)
}

// may counts a request and plays the fault, if there is one.
func (s *Server) may(endpoint string, work http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.calls[endpoint]++
		b := s.broken[endpoint]
		s.mu.Unlock()
		switch b.fault {
		case Status:
			http.Error(w, `{"error": "server_error"}`, http.StatusInternalServerError)
		case Hang:
			select {
			case <-b.over:
				work(w, r)
			case <-r.Context().Done():
			}
		case HTML:
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = w.Write([]byte("<!doctype html><title>Sign in to the network</title>")) // fails only when the caller is gone
		case Huge:
			const most = 10 << 20
			write(w, http.StatusOK, map[string]any{"padding": strings.Repeat("x", most)})
		case Redirect:
			w.Header().Set("Content-Type", "application/json")
			http.Redirect(w, r, endpoint+"?again", http.StatusTemporaryRedirect)
		default:
			work(w, r)
		}
	}
}

// sign makes a token of claims.
func (s *Server) sign(claims map[string]any) (string, error) {
	s.mu.Lock()
	how, key, header := s.signing, s.key, map[string]any{"alg": "RS256", "kid": s.keyID, "typ": "JWT"}
	s.mu.Unlock()
	switch how {
	case UnknownKey:
		header["kid"] = "unknown-" + rand.Text()
	case NoKey:
		delete(header, "kid")
	case HS256:
		header["alg"] = "HS256"
	case None:
		header["alg"] = "none"
	case Critical:
		header["crit"] = []string{"mystery"}
		header["mystery"] = true
	case AnotherKey:
		var err error
		if key, err = newKey(); err != nil {
			return "", err
		}
	default:
	}
	head, err := json.Marshal(header)
	if err != nil {
		return "", err
	}
	body, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	return s.seal(encode(head)+"."+encode(body), how, key)
}

// seal puts the signature behind the two parts.
func (s *Server) seal(text string, how Signing, key *rsa.PrivateKey) (string, error) {
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		return "", err
	}
	switch how {
	case HS256:
		mac := hmac.New(sha256.New, []byte(s.options.Secret))
		mac.Write([]byte(text))
		return text + "." + encode(mac.Sum(nil)), nil
	case None:
		return text + ".", nil
	case TwoParts:
		return text, nil
	case FourParts:
		return text + "." + encode(signature) + "." + encode(signature), nil
	case Padded:
		return text + "." + encode(signature) + "==", nil
	default:
		return text + "." + encode(signature), nil
	}
}

func newKey() (*rsa.PrivateKey, error) {
	const bits = 2048
	return rsa.GenerateKey(rand.Reader, bits)
}
