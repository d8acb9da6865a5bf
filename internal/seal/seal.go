// Package seal keeps secrets unreadable where they lie: what is sealed for one row of
// one table opens there and nowhere else, and only with the key file.
//
// It owns the key file, which holds a keyset of AES-256-GCM keys, and the table
// seal_canary, in which each of these keys proves itself when the service starts. It
// leaves to the owner of each table what is sealed there, and sealing it anew after a
// rotation. A column of sealed values refers to the canaries, so that the database
// refuses what was sealed under a key it does not know, and lets no key go that is used.
//
// The file is read again when it changed and when a value names a key that was not in
// it, so a rotation needs no restart. A key service may wrap the keyset: see Options.
package seal

import (
	"encoding/binary"
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	"countersign/internal/secret"
)

// Options say where the keys are.
type Options struct {
	// File is the path of the key file.
	File string
	// Create allows to make the file when it is not there.
	Create bool
	// Wrap and Unwrap guard the keyset on its way to the file and back: the two methods of
	// a key service, or of any key that encrypts keys. Nil: the file holds it as it is.
	Wrap   func(keyset, associated []byte) ([]byte, error)
	Unwrap func(wrapped, associated []byte) ([]byte, error)
}

// Seal seals and opens. Methods may be called at the same time. A nil *Seal keeps
// values in the clear: see Keep and Reveal.
type Seal struct {
	options Options

	mu   sync.Mutex // held while the file is read
	ring atomic.Pointer[ring]
}

// Place is where a sealed value belongs. Row names the row so that no other has the name.
type Place struct {
	Table  string
	Column string
	Row    string
}

// String names the place for errors.
func (p Place) String() string { return fmt.Sprintf("%s.%s of %s", p.Table, p.Column, p.Row) }

// associated is the place in a form that no two places share.
func (p Place) associated() ([]byte, error) {
	out := []byte("countersign.seal.1")
	for _, part := range []string{p.Table, p.Column, p.Row} {
		if part == "" {
			return nil, fmt.Errorf("%w: table %q, column %q, row %q", ErrPlace, p.Table, p.Column, p.Row)
		}
		out = binary.AppendUvarint(out, uint64(len(part)))
		out = append(out, part...)
	}
	return out, nil
}

// Overhead is by how much a sealed value is longer than the secret: one byte, the id of
// the key, a nonce and a tag.
const Overhead = prefixBytes + 12 + 16

const (
	prefixBytes = 5
	prefixMark  = 1
)

// KeyID names the key under which a value was sealed.
func KeyID(sealed []byte) (uint32, error) {
	if len(sealed) < Overhead || sealed[0] != prefixMark {
		return 0, ErrNotSealed
	}
	return binary.BigEndian.Uint32(sealed[1:prefixBytes]), nil
}

// Open reads the key file, or makes it when it is not there and that is allowed. It
// knows nothing of a database: the service uses Start.
func Open(o Options) (*Seal, error) {
	s := &Seal{options: o}
	if _, err := os.Stat(o.File); os.IsNotExist(err) && o.Create {
		if err := s.create(); err != nil {
			return nil, err
		}
	}
	if _, err := s.reload(); err != nil {
		return nil, err
	}
	return s, nil
}

// create makes a key file. When somebody else does so at the same moment, one file
// stays, and it is whole.
func (s *Seal) create() error {
	r, err := newRing()
	if err != nil {
		return err
	}
	data, err := s.format(r)
	if err != nil {
		return err
	}
	return keyFile(s.options.File).create(data)
}

// Seal seals a secret for a place, under the newest key.
func (s *Seal) Seal(plain secret.Text, at Place) ([]byte, error) {
	r, err := s.fresh()
	if err != nil {
		return nil, fmt.Errorf("seal %s: %w", at, err)
	}
	return r.seal(plain, at)
}

// Open opens what was sealed for the place.
func (s *Seal) Open(sealed []byte, at Place) (secret.Text, error) {
	id, err := KeyID(sealed)
	if err != nil {
		return "", fmt.Errorf("open %s: %w", at, err)
	}
	r := s.ring.Load()
	if !r.has(id) {
		if r, err = s.reload(); err != nil {
			return "", fmt.Errorf("open %s: %w", at, err)
		}
	}
	if !r.has(id) {
		return "", fmt.Errorf("open %s: %w: key %d, file %s; every replica needs the same file", at, ErrUnknownKey, id, s.options.File)
	}
	return r.open(sealed, at)
}

// Primary names the key under which new values are sealed.
func (s *Seal) Primary() (uint32, error) {
	r, err := s.fresh()
	if err != nil {
		return 0, err
	}
	return r.primary, nil
}

// Keys names all keys of the file, the oldest first.
func (s *Seal) Keys() ([]uint32, error) {
	r, err := s.fresh()
	if err != nil {
		return nil, err
	}
	return r.ids, nil
}

// fresh is the keyset as the file holds it now.
func (s *Seal) fresh() (*ring, error) {
	r := s.ring.Load()
	if info, err := os.Stat(s.options.File); err == nil && r.stamp.is(info) {
		return r, nil
	}
	return s.reload()
}

// reload reads the file again.
func (s *Seal) reload() (*ring, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	data, info, err := keyFile(s.options.File).read()
	if err != nil {
		return nil, err
	}
	r, err := s.parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.options.File, err)
	}
	r.stamp = stamp{info}
	s.ring.Store(r)
	return r, nil
}

// store makes the file hold the keyset, and reads it back.
func (s *Seal) store(r *ring) (*ring, error) {
	data, err := s.format(r)
	if err != nil {
		return nil, err
	}
	if err := keyFile(s.options.File).replace(data); err != nil {
		return nil, err
	}
	return s.reload()
}

// stamp tells whether a file is still the one that was read.
type stamp struct{ os.FileInfo }

func (s stamp) is(now os.FileInfo) bool {
	return os.SameFile(s.FileInfo, now) && s.ModTime().Equal(now.ModTime()) && s.Size() == now.Size() && s.Mode() == now.Mode()
}
