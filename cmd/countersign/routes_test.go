package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A route asks for passkeys only where people can have them.
func TestRouteAsksForPasskeysWhereThereAreAny(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "configs", "routes", "payment_request.toml"))
	if err != nil {
		t.Fatal(err)
	}
	file := func(least string) string {
		path := filepath.Join(t.TempDir(), "route.toml")
		more := "\n[[step_up]]\nnew_payee = true\nleast = \"" + least + "\"\n"
		if err := os.WriteFile(path, append(bytes.Clone(text), more...), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const url, mine, key = "COUNTERSIGN_SERVER_PUBLIC_URL=", "COUNTERSIGN_DATABASE_URL=postgres://127.0.0.1:1/none", "COUNTERSIGN_SEAL_KEY_FILE=seal.key"
	for _, tc := range []struct {
		least string
		env   []string
		want  string // of what is said; empty: it is correct
	}{
		{"totp", nil, ""},
		{"passkey", nil, "server.public_url is https with a host name"},
		{"passkey", []string{url + "http://pay.example.com"}, "server.public_url is https"},
		{"passkey", []string{url + "https://192.0.2.7"}, "server.public_url is https"},
		{"passkey", []string{url + "https://pay.example.com"}, ""},
		{"passkey", []string{url + "https://pay.example.com", mine}, "seal.key_file"},
		{"passkey", []string{url + "https://pay.example.com", mine, key}, ""},
	} {
		for _, verb := range []string{"check", "publish"} {
			if verb == "publish" && tc.want == "" {
				continue // it needs the database
			}
			var out, errs bytes.Buffer
			code := run(t.Context(), process{Args: []string{"routes", verb, file(tc.least)}, Env: tc.env, Out: &out, Err: &errs})
			if (code == exitOK) != (tc.want == "") || !strings.Contains(errs.String(), tc.want) {
				t.Errorf("%s %s with %q: exit %d, %s%s", verb, tc.least, tc.env, code, out.String(), errs.String())
			}
		}
	}
}
