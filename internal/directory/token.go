package directory

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"strings"

	"countersign/internal/secret"
)

// A secret is "<id>_<43>_<6>": the id of its key ("csk_" and 12 characters of base 32),
// 256 random bits in base64url, and a checksum of all before it. The id finds the key;
// the checksum tells a mistyped secret, and a secret found lying about, without asking
// the database.
const (
	idPrefix   = "csk_"
	idLength   = len(idPrefix) + 12
	bodyLength = 43
	sumLength  = 6
	sumAt      = idLength + 1 + bodyLength
)

func newSecret() (id string, text secret.Text) {
	random := make([]byte, 8+32)
	_, _ = rand.Read(random) // never fails: it ends the process instead
	id = idPrefix + strings.ToLower(base32.StdEncoding.EncodeToString(random[:8])[:12])
	text = secret.Text(id + "_" + base64.RawURLEncoding.EncodeToString(random[8:]))
	return id, text + "_" + secret.Text(checksum(text.Reveal()))
}

func checksum(text string) string {
	var sum [4]byte
	binary.BigEndian.PutUint32(sum[:], crc32.ChecksumIEEE([]byte(text)))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// parseSecret gives the id of the key that a well-formed secret names.
func parseSecret(text string) (id string, ok bool) {
	if len(text) != sumAt+1+sumLength || text[idLength] != '_' || text[sumAt] != '_' || !validKeyID(text[:idLength]) {
		return "", false
	}
	if _, err := base64.RawURLEncoding.DecodeString(text[idLength+1 : sumAt]); err != nil {
		return "", false
	}
	return text[:idLength], checksum(text[:sumAt]) == text[sumAt+1:]
}

func validKeyID(id string) bool {
	rest, ok := strings.CutPrefix(id, idPrefix)
	return ok && len(id) == idLength && only(rest, "") && !strings.ContainsAny(rest, "0189")
}
