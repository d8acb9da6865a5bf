package google

import (
	"context"

	"github.com/go-json-experiment/json"
)

// Judge checks the claims of a token whose signature is good.
func (p *Provider) Judge(payload []byte, r Request) (Identity, error) { return p.judge(payload, r) }

// Open checks the form and the signature of a token.
func (p *Provider) Open(ctx context.Context, keys, token string) ([]byte, error) {
	return p.open(ctx, &metadata{Keys: keys}, token)
}

// KeyIDs reads a published set of keys.
func KeyIDs(document []byte) ([]string, error) {
	var p published
	if err := json.Unmarshal(document, &p); err != nil {
		return nil, err
	}
	set, err := p.set()
	if err != nil {
		return nil, err
	}
	var ids []string
	for id, key := range *set {
		if key.N.BitLen() < fewestBits {
			panic("a weak key: " + id)
		}
		ids = append(ids, id)
	}
	return ids, nil
}
