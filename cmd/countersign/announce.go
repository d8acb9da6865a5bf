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
// mistake the key beside them.
func certificate(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("telegram.certificate: %w", err)
	}
	found := 0
	for rest := text; ; found++ {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			if found == 0 || len(bytes.TrimSpace(rest)) > 0 {
				return nil, fmt.Errorf("telegram.certificate: %s is no certificate in PEM form", path)
			}
			return text, nil
		}
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("telegram.certificate: %s holds a %s; a copy of the file is sent to Telegram, so only the certificate may be in it", path, block.Type)
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return nil, fmt.Errorf("telegram.certificate: %s: %w", path, err)
		}
	}
}

// announce tells Telegram where we are.
func (g *gateway) announce(ctx context.Context) error {
	return g.door.SetUp(ctx, g.address, func(me telegram.Me) { g.name.Store(&me.Username) })
}
