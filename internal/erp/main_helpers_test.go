package erp_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
)

// digestOf is a digest as the header Content-Digest has it.
func digestOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// hexDigest is a digest as documents name files.
func hexDigest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
