package google

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rsa"
	"encoding/base64"
	"math/big"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	algorithm    = "RS256"
	fewestBits   = 2048
	mostBits     = 8192
	mostExponent = 1<<31 - 1
)

// keySet is the published keys by id.
type keySet map[string]*rsa.PublicKey

// open gives what a token says, once its signature is checked. A token has one form here:
// three parts, RS256, a key by id. What its header says beyond that is not followed.
func (p *Provider) open(ctx context.Context, m *metadata, token string) ([]byte, error) {
	const parts = 3
	part := strings.Split(token, ".")
	if len(part) != parts {
		return nil, refused(ReasonToken)
	}
	var decoded [parts][]byte
	for i, text := range part {
		var ok bool
		if decoded[i], ok = decode(text); !ok {
			return nil, refused(ReasonToken)
		}
	}
	var head struct {
		Algorithm string         `json:"alg"`
		Key       string         `json:"kid"`
		Critical  jsontext.Value `json:"crit"`
	}
	if json.Unmarshal(decoded[0], &head) != nil || head.Critical != nil {
		return nil, refused(ReasonToken)
	}
	if head.Algorithm != algorithm {
		return nil, refused(ReasonAlgorithm)
	}
	key, err := p.key(ctx, m, head.Key)
	if err != nil {
		return nil, err
	}
	signed := oidc.StaticKeySet{PublicKeys: []crypto.PublicKey{key}}
	payload, err := signed.VerifySignature(ctx, token)
	if err != nil || !bytes.Equal(payload, decoded[1]) {
		return nil, refused(ReasonSignature)
	}
	return payload, nil
}

// decode takes the one spelling of some bytes. The library would skip line breaks.
func decode(text string) ([]byte, bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return b, err == nil && len(b) > 0 && !strings.ContainsAny(text, "\r\n")
}

func (p *Provider) key(ctx context.Context, m *metadata, id string) (*rsa.PublicKey, error) {
	set, err := p.keys.get(ctx, order[keySet]{
		now: p.Now,
		has: func(s *keySet) bool { return (*s)[id] != nil },
		fetch: func(ctx context.Context) (*keySet, error) {
			var published published
			if err := p.read(ctx, m.Keys, &published); err != nil {
				return nil, err
			}
			return published.set()
		},
	})
	if err != nil {
		return nil, unreachable("keys", err)
	}
	if key := (*set)[id]; key != nil {
		return key, nil
	}
	return nil, refused(ReasonKey)
}

// published is the keys as the issuer shows them. Theirs may be of any kind.
type published struct {
	Keys []struct {
		Kind      string `json:"kty"`
		Use       string `json:"use"`
		Algorithm string `json:"alg"`
		ID        string `json:"kid"`
		Modulus   string `json:"n"`
		Exponent  string `json:"e"`
	} `json:"keys"`
}

// set gives the keys that can sign a token for us. An id that stands for two keys stands
// for none.
func (p published) set() (*keySet, error) {
	set, twice := keySet{}, map[string]bool{}
	for _, k := range p.Keys {
		if k.Kind != "RSA" || k.ID == "" || k.Use != "" && k.Use != "sig" || k.Algorithm != "" && k.Algorithm != algorithm {
			continue
		}
		modulus, okN := decode(k.Modulus)
		exponent, okE := decode(k.Exponent)
		n, e := new(big.Int).SetBytes(modulus), new(big.Int).SetBytes(exponent)
		if !okN || !okE || n.BitLen() < fewestBits || n.BitLen() > mostBits || !e.IsInt64() || e.Int64() < 3 || e.Int64() > mostExponent {
			continue
		}
		twice[k.ID] = set[k.ID] != nil
		set[k.ID] = &rsa.PublicKey{N: n, E: int(e.Int64())}
	}
	for id, doubtful := range twice {
		if doubtful {
			delete(set, id)
		}
	}
	if len(set) == 0 {
		return nil, fault("there is no key for " + algorithm)
	}
	return &set, nil
}
