// Package pages owns what the pages share that people open in a browser: the secret that
// one browser keeps, the headers under which a page for one person goes out, and the look.
// It leaves what a page says, and every decision, to the packages whose pages they are.
package pages

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// Seed is what a browser keeps in a cookie: 32 random bytes, from which everything else
// follows that only this browser may know. A database keeps its hash, so nothing there
// opens anything.
type Seed string

// NewSeed makes one.
func NewSeed() Seed {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return Seed(base64.RawURLEncoding.EncodeToString(b[:]))
}

// Valid reports whether it has the form of a seed.
func (s Seed) Valid() bool { return IsToken(string(s)) }

// Hash is what may be stored.
func (s Seed) Hash() []byte { return Hash(string(s)) }

func (s Seed) bytes(purpose string) []byte {
	b, err := hkdf.Key(sha256.New, []byte(s), nil, "countersign "+purpose, 32)
	if err != nil {
		panic(err) // 32 bytes are never too many
	}
	return b
}

// Token is a secret for one purpose: 32 bytes in base64url.
func (s Seed) Token(purpose string) string {
	return base64.RawURLEncoding.EncodeToString(s.bytes(purpose))
}

// Code is eight digits for one purpose.
func (s Seed) Code(purpose string) string {
	const digits = 100_000_000
	return fmt.Sprintf("%08d", binary.BigEndian.Uint64(s.bytes(purpose))%digits)
}

// Hash is SHA-256: enough for what is random.
func Hash(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}

// IsToken reports whether a text has the form of 32 bytes in base64url.
func IsToken(text string) bool {
	b, err := base64.RawURLEncoding.DecodeString(text)
	return err == nil && len(b) == 32 && base64.RawURLEncoding.EncodeToString(b) == text
}

// Cookie reads a browser's secret; two of one name are none.
func Cookie(r *http.Request, name string) (Seed, bool) {
	cookies := r.CookiesNamed(name)
	if len(cookies) != 1 || !Seed(cookies[0].Value).Valid() {
		return "", false
	}
	return Seed(cookies[0].Value), true
}

// Keep gives the browser a secret under a name that begins with __Host-, which makes
// browsers refuse it from anybody but this very host. Lax: login services send people back
// from their own site.
func Keep(w http.ResponseWriter, name string, s Seed, life time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: string(s), Path: "/", MaxAge: int(life.Seconds()), Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// Drop takes a secret away.
func Drop(w http.ResponseWriter, name string) {
	http.SetCookie(w, &http.Cookie{Name: name, Path: "/", MaxAge: -1, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

// Single gives the one value of a parameter.
func Single(q url.Values, name string) (string, bool) {
	if len(q[name]) != 1 || q[name][0] == "" {
		return "", false
	}
	return q[name][0], true
}
