package link

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
)

// seed is what the browser keeps in its cookie: 32 random bytes, from which everything
// else that only this browser may know follows. The database keeps its hash, so nothing
// there opens anything.
type seed string

func newSeed() seed {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return seed(base64.RawURLEncoding.EncodeToString(b[:]))
}

// valid reports whether it has the form of a seed.
func (s seed) valid() bool { return isToken(string(s)) }

func (s seed) hash() []byte { return hash(string(s)) }

func (s seed) bytes(purpose string) []byte {
	b, err := hkdf.Key(sha256.New, []byte(s), nil, "countersign link "+purpose, 32)
	if err != nil {
		panic(err) // 32 bytes are never too many
	}
	return b
}

func (s seed) token(purpose string) string {
	return base64.RawURLEncoding.EncodeToString(s.bytes(purpose))
}

func (s seed) state() string    { return s.token("state") }
func (s seed) nonce() string    { return s.token("nonce") }
func (s seed) verifier() string { return s.token("verifier") }

// proof goes back to the chat in a link, code by hand.
func (s seed) proof() string { return s.token("proof") }

func (s seed) code() string {
	const digits = 100_000_000
	return fmt.Sprintf("%08d", binary.BigEndian.Uint64(s.bytes("code"))%digits)
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
