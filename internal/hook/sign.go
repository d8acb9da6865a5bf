package hook

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// Scheme is how the requests to an endpoint are signed, in the words of the Standard
// Webhooks specification.
type Scheme string

// The schemes.
const (
	HMAC    Scheme = "v1"  // a shared secret, whsec_…
	Ed25519 Scheme = "v1a" // a key pair; the receiver knows the public half, whpk_…
)

const (
	secretPrefix  = "whsec_"
	privatePrefix = "whsk_"
	publicPrefix  = "whpk_"
	keyBytes      = 32
)

var errKey = errors.New("not a signing key")

// keyPair is what signs; public is empty when both sides know the same secret.
type keyPair struct {
	secret string
	public string
}

func newKey(s Scheme) (keyPair, error) {
	seed := make([]byte, keyBytes)
	if _, err := rand.Read(seed); err != nil {
		return keyPair{}, fmt.Errorf("new signing key: %w", err)
	}
	text := base64.StdEncoding.EncodeToString(seed)
	if s == HMAC {
		return keyPair{secret: secretPrefix + text}, nil
	}
	public, ok := ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)
	if !ok {
		return keyPair{}, errKey
	}
	return keyPair{secret: privatePrefix + text, public: publicPrefix + base64.StdEncoding.EncodeToString(public)}, nil
}

// Sign gives the value of the header webhook-signature: one signature for each secret,
// the current one first.
func Sign(id string, at time.Time, body []byte, secrets ...string) (string, error) {
	signatures := make([]string, 0, len(secrets))
	for _, s := range secrets {
		signature, err := signOne(id, at, body, s)
		if err != nil {
			return "", fmt.Errorf("sign %s: %w", id, err)
		}
		signatures = append(signatures, signature)
	}
	if len(signatures) == 0 {
		return "", fmt.Errorf("sign %s: %w", id, errKey)
	}
	return strings.Join(signatures, " "), nil
}

func signOne(id string, at time.Time, body []byte, secret string) (string, error) {
	private, ok := strings.CutPrefix(secret, privatePrefix)
	if !ok {
		w, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			return "", errKey // the cause would show a part of the secret
		}
		return w.Sign(id, at, body)
	}
	seed, err := base64.StdEncoding.DecodeString(private)
	if err != nil || len(seed) != keyBytes {
		return "", errKey
	}
	signed := fmt.Appendf(nil, "%s.%d.%s", id, at.Unix(), body)
	return string(Ed25519) + "," + base64.StdEncoding.EncodeToString(ed25519.Sign(ed25519.NewKeyFromSeed(seed), signed)), nil
}
