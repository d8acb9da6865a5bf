// Package localetest owns the one reading of the product's texts that the tests of a process
// share. It leaves texts that a test makes itself to package locale.
package localetest

import (
	"sync"
	"testing"

	"countersign/internal/locale"
	"countersign/web"
)

// Reading the files costs some tenths of a second with the race detector, and Texts never
// change: one reading serves all the tests of a process.
var load = sync.OnceValues(func() (*locale.Texts, error) { return locale.Load(web.Locales()) })

// Texts gives the texts as they are shipped.
func Texts(tb testing.TB) *locale.Texts {
	tb.Helper()
	texts, err := load()
	if err != nil {
		tb.Fatal(err)
	}
	return texts
}
