// Package pin turns short secrets of digits into slow hashes, and looks whether something
// typed is one of them.
//
// It owns the form of a hash and what it costs. It leaves to whoever asks for a PIN how many
// digits it takes, how often somebody may try, and sealing the hash: a PIN is too short for
// a hash alone to keep it.
package pin

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/crypto/argon2"
)

// How slow a PIN is made: 19 MiB, twice over.
const (
	argonMemory = 19 << 10 // KiB
	argonTime   = 2
	argonLanes  = 1
	argonBytes  = 32
	saltBytes   = 16
)

// Of reports whether a text can be a PIN: ASCII digits, so many of them.
func Of(text string, shortest, longest int) bool {
	return len(text) >= shortest && len(text) <= longest && strings.Trim(text, "0123456789") == ""
}

// Weak finds the PINs that everybody tries first: one digit again and again, and runs up
// and down, also over the edge of 9 and 0; and whatever is shorter than two digits.
func Weak(pin string) bool {
	const ten = 10
	if len(pin) < 2 {
		return true
	}
	step := (int(pin[1]) - int(pin[0]) + ten) % ten
	if step != 0 && step != 1 && step != ten-1 {
		return false
	}
	for i := 2; i < len(pin); i++ {
		if (int(pin[i])-int(pin[i-1])+ten)%ten != step {
			return false
		}
	}
	return true
}

// Make gives a PIN in the usual text form of its slow hash.
func Make(pin string) string {
	salt := make([]byte, saltBytes)
	_, _ = rand.Read(salt) // never fails
	sum := argon2.IDKey([]byte(pin), salt, argonTime, argonMemory, argonLanes, argonBytes)
	b := base64.RawStdEncoding
	return fmt.Sprintf("%s%s$%s", argonHead(argonMemory, argonTime), b.EncodeToString(salt), b.EncodeToString(sum))
}

func argonHead(memory, time uint32) string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$", argon2.Version, memory, time, argonLanes)
}

// ErrHash says that what was stored is no hash of a PIN. It never says what it is instead.
var ErrHash = errors.New("the stored hash cannot be read")

// Hash is a stored hash that can be looked at.
type Hash struct {
	salt, want   []byte
	memory, time uint32
}

// Format never shows what it is.
func (Hash) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "hash of a PIN") }

// Read takes hashes of other, bounded costs too, so that the costs above can grow.
func Read(hashed string) (Hash, error) {
	const mostMemory, mostTime = 256 << 10, 16
	parts := strings.Split(hashed, "$")
	if len(parts) != 6 {
		return Hash{}, ErrHash
	}
	var h Hash
	n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=1", &h.memory, &h.time)
	if n != 2 || err != nil || h.memory == 0 || h.memory > mostMemory || h.time == 0 || h.time > mostTime {
		return Hash{}, ErrHash
	}
	h.salt, err = base64.RawStdEncoding.DecodeString(parts[4])
	if err != nil || len(h.salt) < saltBytes || !strings.HasPrefix(hashed, argonHead(h.memory, h.time)) {
		return Hash{}, ErrHash
	}
	h.want, err = base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil || len(h.want) != argonBytes {
		return Hash{}, ErrHash
	}
	return h, nil
}

// Is reports whether it is the hash of the PIN.
func (h Hash) Is(pin string) bool {
	return subtle.ConstantTimeCompare(argon2.IDKey([]byte(pin), h.salt, h.time, h.memory, argonLanes, argonBytes), h.want) == 1
}
