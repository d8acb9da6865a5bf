package main

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"

	"countersign/internal/chat"
	"countersign/internal/config"
	"countersign/internal/telegram"
)

// findAddress is where Telegram is to deliver, and with which certificate.
func (g *gateway) findAddress(context.Context) (err error) {
	t := g.cfg.Telegram
	g.address = chat.Hook{MaxConnections: t.MaxConnections}
	if t.Mode != config.Webhook {
		return nil
	}
	g.address.URL = g.cfg.Server.PublicURL + webhookPath
	if t.Certificate != "" {
		g.address.Certificate, err = certificate(t.Certificate)
	}
	return err
}

// certificate reads a file that Telegram is given a copy of: certificates, and by no
// mistake the key beside them. Whatever else is in it is not copied.
func certificate(path string) ([]byte, error) {
	const most = 3 << 20 // Telegram takes no more
	text, err := os.ReadFile(path)
	switch {
	case err != nil:
		return nil, fmt.Errorf("telegram.certificate: %w", err)
	case bytes.Contains(text, []byte("PRIVATE KEY")):
		return nil, fmt.Errorf("telegram.certificate: %s holds a PRIVATE KEY; a copy of the file is sent to Telegram, so only the certificate may be in it", path)
	case len(text) > most:
		return nil, fmt.Errorf("telegram.certificate: %s has more than %d bytes, and Telegram takes no more", path, most)
	}
	var found []byte
	named := map[string]*x509.Certificate{}
	for rest := text; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			if found == nil || len(bytes.TrimSpace(rest)) > 0 {
				return nil, fmt.Errorf("telegram.certificate: %s is no certificate in PEM form", path)
			}
			return found, nil
		}
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("telegram.certificate: %s holds a %s; a copy of the file is sent to Telegram, so only the certificate may be in it", path, block.Type)
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("telegram.certificate: %s: %w", path, err)
		}
		if other, there := named[cert.Subject.String()]; there && !other.Equal(cert) {
			return nil, fmt.Errorf("telegram.certificate: %s holds two certificates named %q, and Telegram would believe the first only; give the next one another subject",
				path, cert.Subject)
		}
		named[cert.Subject.String()] = cert
		found = append(found, pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: block.Bytes})...)
	}
}

// announce tells Telegram where we are, and of a certificate that took the place of the last.
func (g *gateway) announce(ctx context.Context) error {
	n := &chat.Notice{Door: g.door, Hook: g.address, Self: g.self, Me: func(me telegram.Me) { g.name.Store(&me.Username) }}
	if len(g.address.Certificate) > 0 {
		n.Certificate = func() ([]byte, error) { return certificate(g.cfg.Telegram.Certificate) }
	}
	return n.Run(ctx)
}
