package assure_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"testing"
)

// The seal of the tests: real, with a key that lies here.
const keyID = 7

func aead(tb testing.TB) cipher.AEAD {
	tb.Helper()
	block, err := aes.NewCipher([]byte("0123456789abcdef0123456789abcdef"))
	must(tb, err)
	a, err := cipher.NewGCM(block)
	must(tb, err)
	return a
}

func sealWith(tb testing.TB, key uint32, plain, row string) []byte {
	tb.Helper()
	nonce := make([]byte, 12)
	_, _ = rand.Read(nonce)
	out := append(binary.BigEndian.AppendUint32([]byte{1}, key), nonce...)
	return aead(tb).Seal(out, nonce, []byte(plain), []byte(row))
}

func open(sealed []byte, row string) (string, error) {
	if len(sealed) < 33 {
		return "", errors.New("too short")
	}
	block, err := aes.NewCipher([]byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		return "", err
	}
	a, err := cipher.NewGCM(block)
	if err != nil {
		return "", err
	}
	plain, err := a.Open(nil, sealed[5:17], sealed[17:], []byte(row))
	return string(plain), err
}
