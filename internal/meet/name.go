package meet

import (
	"crypto/rand"
	"crypto/sha256"
	"strings"
	"unicode/utf8"

	"countersign/internal/markup"
)

// newToken makes what a link is known by. 26 letters and digits hold more than 128 bits.
func newToken() string { return rand.Text() }

// hash is what is kept of a token.
func hash(token string) []byte {
	sum := sha256.Sum256([]byte("link to a meeting\x00" + token))
	return sum[:]
}

// CleanName is a name as it is shown and as the video server takes it: one line, without
// what does not show and without the signs by which the server tells names from numbers.
func CleanName(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == '*' || r == '$' || r == '\uFFFD' {
			return -1
		}
		return r
	}, markup.Clean(s))
	return strings.Join(strings.Fields(s), " ")
}

// named reports whether a clean name can be anybody's.
func named(s string) bool { return s != "" && utf8.RuneCountInString(s) <= MaxName }
