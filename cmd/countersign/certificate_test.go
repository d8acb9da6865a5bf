package main

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// OpenSSL, by which Telegram checks, finds a certificate by its name: Go does not, so this
// asks OpenSSL itself.
func TestBothCertificatesAreBelievedWhileOneTakesThePlaceOfTheOther(t *testing.T) {
	t.Parallel()
	openssl := program(t, nginxWanted, "openssl")
	for _, host := range []string{"127.0.0.1", "pay.example.com"} {
		n := &nginx{tls: filepath.Join(t.TempDir(), "tls")}
		n.certificate(t, "new", host)
		n.certificate(t, "next", host)
		in := func(name string) string { return filepath.Join(n.tls, name) }
		if _, err := certificate(in("telegram.pem")); err != nil {
			t.Error(err)
		}
		flag := "-verify_hostname"
		if net.ParseIP(host) != nil {
			flag = "-verify_ip"
		}
		for _, one := range []string{"cert.pem", "next-cert.pem"} {
			if out, err := exec.Command(openssl, "verify", flag, host, "-CAfile", in("telegram.pem"), in(one)).CombinedOutput(); err != nil {
				t.Errorf("%s, %s: %s", host, one, out)
			}
		}
		if mode, err := os.Stat(in("key.pem")); err != nil || mode.Mode().Perm() != 0o600 {
			t.Errorf("the key: %v, %v", mode.Mode(), err)
		}
	}
}

func TestScriptOfTheCertificateRefusesMistakesAndChangesNothing(t *testing.T) {
	t.Parallel()
	program(t, nginxWanted, "openssl")
	script := filepath.Join("..", "..", "deploy", "nginx", "certificate.sh")
	fresh, made := filepath.Join(t.TempDir(), "fresh"), &nginx{tls: filepath.Join(t.TempDir(), "made")}
	made.certificate(t, "new", "pay.example.com")
	before, err := certificate(filepath.Join(made.tls, "telegram.pem"))
	if err != nil {
		t.Fatal(err)
	}
	for says, args := range map[string][]string{
		"without a port":       {"new", "pay.example.com:8443", fresh},
		"without https":        {"new", "https://pay.example.com", fresh},
		"no certificate yet":   {"next", "pay.example.com", fresh},
		"has a certificate":    {"new", "pay.example.com", made.tls},
		"no next certificate":  {"switch", made.tls},
		"certificate.sh new":   {},
		"longer than 64":       {"next", strings.Repeat("a", 62) + ".de", made.tls},
		"or an IPv4 address":   {"new", "12345", fresh},
		"made no certificate":  {"next", strings.Repeat("1", 30) + ".1.1.1", made.tls},
		"a name or an IPv4 ad": {"new", "", fresh},
	} {
		out, err := exec.Command("sh", append([]string{script}, args...)...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), says) {
			t.Errorf("%q: %v, %s", args, err, out)
		}
	}
	if after, err := certificate(filepath.Join(made.tls, "telegram.pem")); err != nil || !bytes.Equal(before, after) {
		t.Errorf("changed: %v", err)
	}
	if left, err := os.ReadDir(made.tls); err != nil || len(left) != 3 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
