package google

import (
	"context"
	"slices"
	"strings"

	"golang.org/x/oauth2"
)

// metadata is what an issuer says of itself.
type metadata struct {
	Issuer        string   `json:"issuer"`
	Authorization string   `json:"authorization_endpoint"`
	Token         string   `json:"token_endpoint"`
	Keys          string   `json:"jwks_uri"`
	Methods       []string `json:"token_endpoint_auth_methods_supported"`
}

const (
	inForm   = "client_secret_post"
	inHeader = "client_secret_basic"
)

// style says where the secret goes. It is never found out by trying: that would send a
// code twice. In the form it needs no escaping, about which issuers disagree.
func (m *metadata) style() oauth2.AuthStyle {
	if slices.Contains(m.Methods, inForm) {
		return oauth2.AuthStyleInParams
	}
	return oauth2.AuthStyleInHeader // also when nothing is said
}

func (p *Provider) metadata(ctx context.Context) (*metadata, error) {
	m, err := p.known.get(ctx, order[metadata]{
		now: p.Now,
		has: func(*metadata) bool { return true },
		fetch: func(ctx context.Context) (*metadata, error) {
			var m metadata
			if err := p.read(ctx, strings.TrimSuffix(p.Issuer, "/")+"/.well-known/openid-configuration", &m); err != nil {
				return nil, err
			}
			return &m, m.check(p.Issuer)
		},
	})
	if err != nil {
		return nil, unreachable("discovery", err)
	}
	return m, nil
}

// check compares the document with the issuer from which it should be.
func (m *metadata) check(issuer string) error {
	if m.Issuer != issuer {
		return fault("the document is of another issuer")
	}
	secure := strings.HasPrefix(issuer, "https://")
	for name, address := range map[string]string{
		"authorization_endpoint": m.Authorization, "token_endpoint": m.Token, "jwks_uri": m.Keys,
	} {
		if !isAddress(address) || secure && !strings.HasPrefix(address, "https://") {
			return fault(name + " is no https address")
		}
	}
	if len(m.Methods) > 0 && !slices.Contains(m.Methods, inForm) && !slices.Contains(m.Methods, inHeader) {
		return fault("the token endpoint takes no client secret")
	}
	return nil
}
