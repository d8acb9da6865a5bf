package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestOnlyACertificateIsSentToTelegram(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	plain := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"pay.example.com"}}
	der, err := x509.CreateCertificate(rand.Reader, plain, plain, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	good := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	secret := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
	for name, c := range map[string]struct{ text, refused string }{
		"one":            {good, ""},
		"a chain":        {good + good, ""},
		"the next, too":  {good + string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificateNamed(t, "next")})), ""},
		"two of a name":  {good + string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificateNamed(t, "")})), "the first only"},
		"the key, too":   {good + secret, "PRIVATE KEY"},
		"the key before": {secret + good, "PRIVATE KEY"},
		"a broken key":   {strings.Replace(secret, "\nM", "\n!", 1) + good, "PRIVATE KEY"},
		"too large":      {good + strings.Repeat("\n", 3<<20), "more than"},
		"nothing":        {"", "no certificate"},
		"not PEM":        {string(der), "no certificate"},
		"more after it":  {good + "and more", "no certificate"},
		"cut":            {string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der[:40]})), "x509"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "cert.pem")
			if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := certificate(path)
			switch {
			case c.refused == "" && (err != nil || string(got) != c.text):
				t.Errorf("%v", err)
			case c.refused != "" && (err == nil || !strings.Contains(err.Error(), c.refused)):
				t.Errorf("%v, want %s", err, c.refused)
			}
		})
	}
	path := filepath.Join(t.TempDir(), "cert.pem")
	if err := os.WriteFile(path, []byte("Subject: CN = pay\n"+strings.Replace(good, "\n", "\nNote: ours\n\n", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := certificate(path); err != nil || string(got) != good {
		t.Errorf("what stands beside the certificate is copied: %v\n%s", err, got)
	}
	if _, err := certificate(filepath.Join(t.TempDir(), "none")); err == nil || !strings.Contains(err.Error(), "telegram.certificate") {
		t.Errorf("a file that is not there: %v", err)
	}
}

func certificateNamed(t *testing.T, name string) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	plain := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, plain, plain, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}
