package seal

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/aead/aesgcm"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"

	"countersign/internal/secret"
)

const keyBytes = 32

// wrapping is what a wrapped keyset is bound to.
const wrapping = "countersign.seal.keyset"

// ring is a keyset in use. It never changes.
type ring struct {
	handle  *keyset.Handle
	aead    tink.AEAD
	ids     []uint32 // as they are in the file
	primary uint32
	stamp   stamp
}

// newRing makes a keyset of one new key.
func newRing() (*ring, error) {
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("new key: %w", err)
	}
	return ringOf(handle)
}

// ringOf takes keysets of AES-256-GCM keys whose ids can be seen in what they sealed.
// What exactly is wrong with another stays untold: it could show a part of a key.
func ringOf(handle *keyset.Handle) (*ring, error) {
	r := &ring{handle: handle}
	for i := range handle.Len() {
		entry, err := handle.Entry(i)
		if err != nil {
			return nil, ErrGarbage
		}
		if entry.KeyStatus() != keyset.Enabled {
			continue
		}
		if !fits(entry) {
			return nil, fmt.Errorf("%w: key %d is none of AES-256-GCM with a prefix", ErrGarbage, entry.KeyID())
		}
		r.ids = append(r.ids, entry.KeyID())
		if entry.IsPrimary() {
			r.primary = entry.KeyID()
		}
	}
	made, err := aead.New(handle)
	if err != nil || !r.has(r.primary) {
		return nil, ErrGarbage
	}
	r.aead = made
	return r, nil
}

func fits(entry *keyset.Entry) bool {
	key, ok := entry.Key().(*aesgcm.Key)
	if !ok {
		return false
	}
	p, ok := key.Parameters().(*aesgcm.Parameters)
	return ok && p.Variant() == aesgcm.VariantTink && p.KeySizeInBytes() == keyBytes
}

func (r *ring) has(id uint32) bool { return slices.Contains(r.ids, id) }

func (r *ring) seal(plain secret.Text, at Place) ([]byte, error) {
	associated, err := at.associated()
	if err != nil {
		return nil, err
	}
	sealed, err := r.aead.Encrypt([]byte(plain.Reveal()), associated)
	if err != nil {
		return nil, fmt.Errorf("seal %s: %w", at, err)
	}
	return sealed, nil
}

func (r *ring) open(sealed []byte, at Place) (secret.Text, error) {
	associated, err := at.associated()
	if err != nil {
		return "", err
	}
	plain, err := r.aead.Decrypt(sealed, associated)
	if err != nil {
		return "", fmt.Errorf("open %s: %w", at, ErrRefused)
	}
	return secret.Text(plain), nil
}

// grown has one more key, which seals nothing yet.
func (r *ring) grown() (grown *ring, id uint32, err error) {
	grown, err = r.changed(func(m *keyset.Manager) (err error) {
		id, err = m.Add(aead.AES256GCMKeyTemplate())
		return err
	})
	return grown, id, err
}

// under has another of its keys seal.
func (r *ring) under(id uint32) (*ring, error) {
	return r.changed(func(m *keyset.Manager) error { return m.SetPrimary(id) })
}

// without has lost keys that seal nothing.
func (r *ring) without(ids []uint32) (*ring, error) {
	return r.changed(func(m *keyset.Manager) error {
		for _, id := range ids {
			if err := m.Delete(id); err != nil {
				return err
			}
		}
		return nil
	})
}

func (r *ring) changed(change func(*keyset.Manager) error) (*ring, error) {
	m := keyset.NewManagerFromHandle(r.handle)
	if err := change(m); err != nil {
		return nil, fmt.Errorf("change the keyset: %w", err)
	}
	handle, err := m.Handle()
	if err != nil {
		return nil, fmt.Errorf("change the keyset: %w", err)
	}
	return ringOf(handle)
}

// format gives the keyset as the file holds it.
func (s *Seal) format(r *ring) ([]byte, error) {
	var out bytes.Buffer
	if err := insecurecleartextkeyset.Write(r.handle, keyset.NewJSONWriter(&out)); err != nil {
		return nil, fmt.Errorf("write the keyset: %w", ErrGarbage)
	}
	if s.options.Wrap == nil {
		return append(out.Bytes(), '\n'), nil
	}
	wrapped, err := s.options.Wrap(out.Bytes(), []byte(wrapping))
	if err != nil {
		return nil, fmt.Errorf("%w: wrap the keyset: %w", ErrUnreadable, err)
	}
	return wrapped, nil
}

// parse reads what format gave.
func (s *Seal) parse(data []byte) (*ring, error) {
	if s.options.Unwrap != nil {
		plain, err := s.options.Unwrap(data, []byte(wrapping))
		if err != nil {
			return nil, fmt.Errorf("%w: unwrap the keyset: %w", ErrUnreadable, err)
		}
		data = plain
	}
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(data)))
	if err != nil {
		return nil, ErrGarbage // the cause would show a part of the file
	}
	return ringOf(handle)
}
