// Package ident makes identifiers: a prefix that says of what, and a random part that
// sorts by time.
//
// It owns the text form only; who may see an identifier is decided elsewhere.
package ident

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/google/uuid"
)

// alphabet is Crockford's base 32 in lower case: no letters that look like digits.
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"

// New gives an identifier such as "doc_06f1z2k3…": the prefix and 26 characters of a
// version 7 UUID, so that rows made together lie together.
func New(prefix string) (string, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return "", fmt.Errorf("random identifier: %w", err)
	}
	return text(prefix, id[:]), nil
}

func text(prefix string, id []byte) string {
	return prefix + "_" + base32.NewEncoding(alphabet).WithPadding(base32.NoPadding).EncodeToString(id)
}

// Of gives the identifier of what is known by other names: the same for the same ones,
// whoever asks.
func Of(prefix string, names ...string) string {
	const size = 16
	h := sha256.New()
	for _, n := range names {
		h.Write(binary.AppendUvarint(nil, uint64(len(n))))
		h.Write([]byte(n))
	}
	return text(prefix, h.Sum(nil)[:size])
}

// Valid reports whether the text is an identifier with the prefix.
func Valid(prefix, text string) bool {
	rest, ok := strings.CutPrefix(text, prefix+"_")
	if !ok || len(rest) != 26 {
		return false
	}
	return strings.IndexFunc(rest, func(r rune) bool { return !strings.ContainsRune(alphabet, r) }) < 0
}
