package assure

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
)

// seed is what the browser keeps in the cookie of one attempt: 32 random bytes, from which
// everything else that only this browser may know follows. The database keeps its hash.
type seed string

func newSeed() seed {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return seed(base64.RawURLEncoding.EncodeToString(b[:]))
}

func (s seed) hash() []byte { return hash(string(s)) }

// token is for one purpose in one of the logins of an attempt.
func (s seed) token(purpose string, login int) string {
	b, err := hkdf.Key(sha256.New, []byte(s), nil, "countersign assure "+purpose+" "+strconv.Itoa(login), 32)
	if err != nil {
		panic(err) // 32 bytes are never too many
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

func hash(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}

// isToken reports whether a text has the form of 32 bytes in base64url.
func isToken(text string) bool {
	b, err := base64.RawURLEncoding.DecodeString(text)
	return err == nil && len(b) == 32 && base64.RawURLEncoding.EncodeToString(b) == text
}
