package postgres

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
)

// Secrets are the passwords of a cluster's roles.
type Secrets struct {
	Admin string `json:"admin"`
	Owner string `json:"owner"`
	App   string `json:"app"`
	Salt  string `json:"salt"` // of the verifiers, so that a stored one can be compared
}

// LogValue keeps passwords out of logs.
func (Secrets) LogValue() slog.Value { return slog.StringValue("secret") }

// String keeps passwords out of messages.
func (Secrets) String() string { return "secret" }

// GoString keeps passwords out of messages, too.
func (Secrets) GoString() string { return "secret" }

func newSecrets() Secrets {
	return Secrets{Admin: rand.Text(), Owner: rand.Text(), App: rand.Text(), Salt: rand.Text()[:16]}
}

func readSecrets(name string) (Secrets, error) {
	var s Secrets
	b, err := os.ReadFile(name) //nolint:gosec // a file of ours
	if err != nil {
		return s, fmt.Errorf("private database: passwords: %w", err)
	}
	if json.Unmarshal(b, &s) != nil || s.Admin == "" || s.Owner == "" || s.App == "" || s.Salt == "" {
		// The decoder's error could quote the content.
		return s, fmt.Errorf("private database: %s is damaged; remove it and new passwords will be made", name)
	}
	return s, nil
}

// ensureSecrets reads the passwords, or makes them; made says which.
func ensureSecrets(name string) (s Secrets, made bool, err error) {
	s, err = readSecrets(name)
	if !errors.Is(err, fs.ErrNotExist) {
		return s, false, err
	}
	s = newSecrets()
	b, err := json.Marshal(s)
	if err == nil {
		err = writeWhole(name, b)
	}
	if err != nil {
		return s, false, fmt.Errorf("private database: passwords: %w", err)
	}
	return s, true, nil
}

// verifier is the form in which the server stores a password. Sending this
// instead of the password keeps the password out of every log and statement.
func verifier(password, salt string) (string, error) {
	const rounds = 4096
	salted, err := pbkdf2.Key(sha256.New, password, []byte(salt), rounds, sha256.Size)
	if err != nil {
		return "", fmt.Errorf("password verifier: %w", err)
	}
	sign := func(what string) []byte {
		m := hmac.New(sha256.New, salted)
		m.Write([]byte(what))
		return m.Sum(nil)
	}
	stored := sha256.Sum256(sign("Client Key"))
	b64 := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s", rounds, b64([]byte(salt)), b64(stored[:]), b64(sign("Server Key"))), nil
}

// dsn is the address of a database behind a socket.
func dsn(socket, role, password, database string) string {
	u := url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword(role, password),
		Path:     "/" + database,
		RawQuery: url.Values{"host": {socket}, "port": {"5432"}}.Encode(),
	}
	return u.String()
}
