package erp

import (
	"context"

	"countersign/internal/document"
	"countersign/internal/locale"
	"countersign/internal/server"
)

// ReadDocument reads the body of a PUT as the door does.
func ReadDocument(body []byte) (document.Document, []Normalized, error) {
	p, err := readDocument(&call{body: body})
	return p.document, p.taken.kept, err
}

// ProblemOf tells an error as the door does.
func ProblemOf(err error, lang locale.Lang) server.Problem { return problemOf(err).said(lang) }

// SafeName gives the name under which a file is shown.
func SafeName(sent string) string { return safeName(sent) }

// TakeKey claims an idempotency key as a request does that never ends.
func (d *Door) TakeKey(ctx context.Context, source, key string, request []byte) error {
	_, err := d.keys.take(ctx, newClaim(source, key), request)
	return err
}

// Words are those of a code.
func Words(lang locale.Lang, code string) string { return words(lang, code, "") }
