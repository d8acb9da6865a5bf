package seal

import (
	"fmt"

	"countersign/internal/secret"
)

// Kept is a secret as a table keeps it: sealed, or in the clear as before there was a
// seal. Exactly one of the two is there.
type Kept struct {
	Clear  *string
	Sealed []byte
}

// Keep gives what to store of a secret. Without a seal it is kept in the clear.
func (s *Seal) Keep(plain secret.Text, at Place) (Kept, error) {
	if s == nil {
		text := plain.Reveal()
		return Kept{Clear: &text}, nil
	}
	sealed, err := s.Seal(plain, at)
	return Kept{Sealed: sealed}, err
}

// Reveal gives the secret that was stored, sealed or not.
func (s *Seal) Reveal(k Kept, at Place) (secret.Text, error) {
	switch {
	case k.Sealed == nil && k.Clear == nil:
		return "", fmt.Errorf("open %s: %w", at, ErrNotSealed)
	case k.Sealed == nil:
		return secret.Text(*k.Clear), nil
	case s == nil:
		return "", fmt.Errorf("open %s: %w", at, ErrNoSeal)
	}
	return s.Open(k.Sealed, at)
}
