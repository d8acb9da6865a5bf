package erp

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/text/encoding/charmap"

	"countersign/internal/server"
)

// What a body may have in bytes.
const (
	JSONLimit     = 256 << 10 // an ordinary one, unless the door says otherwise
	DocumentLimit = 8 << 20   // one with documents and the files in them, unless the door says otherwise
	InlineLimit   = 5 << 20   // the files in one body together
)

// marshal writes what this door answers.
func marshal(v any) ([]byte, error) { return json.Marshal(v, json.Deterministic(true)) }

// writeJSON and readJSON make strict JSON the format of the API library too.
func writeJSON(w io.Writer, v any) error { return json.MarshalWrite(w, v, json.Deterministic(true)) }

func readJSON(data []byte, v any) error {
	return json.Unmarshal(data, v, json.RejectUnknownMembers(true))
}

// readJSON reads the body of a JSON request into the call, whole and no more than allowed.
func (c *call) readJSON(e endpoint) error {
	if e.optional && c.r.ContentLength == 0 {
		c.body = []byte("{}")
		return nil
	}
	charset, err := jsonType(c.r.Header)
	if err != nil {
		return err
	}
	if charset == "windows-1251" && !e.charsets {
		return errMediaType()
	}
	if c.body, err = c.read(e.limit); err != nil {
		return err
	}
	if e.optional && len(c.body) == 0 { // sent in chunks, none of which had anything
		c.body = []byte("{}")
	}
	if charset == "windows-1251" {
		c.name = charset
		c.body, err = charmap.Windows1251.NewDecoder().Bytes(c.body)
	}
	return err
}

// jsonType reads the header Content-Type: JSON, not compressed, in UTF-8 or windows-1251.
func jsonType(h http.Header) (charset string, err error) {
	types := h.Values("Content-Type")
	if len(types) != 1 || compressed(h) {
		return "", errMediaType()
	}
	media, params, err := mime.ParseMediaType(types[0])
	if err != nil || media != "application/json" {
		return "", errMediaType()
	}
	switch charset = strings.ToLower(params["charset"]); charset {
	case "", "utf-8", "utf8":
		return "", nil
	case "windows-1251", "cp1251":
		return "windows-1251", nil
	default:
		return "", errMediaType()
	}
}

func compressed(h http.Header) bool {
	encoding := strings.TrimSpace(strings.Join(h.Values("Content-Encoding"), ","))
	return encoding != "" && !strings.EqualFold(encoding, "identity")
}

func errMediaType() error {
	return &problemError{status: http.StatusUnsupportedMediaType, code: "unsupported_media_type"}
}

// read reads a body of at most so many bytes and checks the digest that came with it.
func (c *call) read(limit int64) ([]byte, error) {
	if c.r.ContentLength > limit {
		return nil, &problemError{status: http.StatusRequestEntityTooLarge, code: "too_large"}
	}
	var buffer bytes.Buffer
	if c.r.ContentLength > 0 {
		buffer.Grow(int(c.r.ContentLength) + bytes.MinRead)
	}
	if _, err := buffer.ReadFrom(http.MaxBytesReader(c.w, c.r.Body, limit)); err != nil {
		return nil, readError(err)
	}
	return buffer.Bytes(), checkDigest(c.r.Header, buffer.Bytes())
}

// readError says why a body could not be read.
func readError(err error) error {
	switch {
	case server.IsTooLarge(err):
		return &problemError{status: http.StatusRequestEntityTooLarge, code: "too_large", cause: err}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &problemError{status: http.StatusRequestTimeout, code: "timeout", cause: err}
	default: // shorter than its Content-Length, a broken chunk
		return &problemError{status: http.StatusBadRequest, code: "incomplete_body", cause: err}
	}
}

// checkDigest compares the content with the header Content-Digest of RFC 9530, where
// there is one. Algorithms that are not known are passed over, as the RFC asks.
func checkDigest(h http.Header, content []byte) error {
	for entry := range strings.SplitSeq(strings.Join(h.Values("Content-Digest"), ","), ",") {
		algorithm, value, ok := strings.Cut(strings.TrimSpace(entry), "=")
		if strings.TrimSpace(entry) == "" {
			continue
		}
		value, isBytes := strings.CutPrefix(value, ":")
		value, isWhole := strings.CutSuffix(value, ":")
		sent, err := base64.StdEncoding.DecodeString(value)
		if !ok || !isBytes || !isWhole || err != nil {
			return &problemError{status: http.StatusBadRequest, code: "invalid_header", hint: "Content-Digest: sha-256=:BASE64:", cause: err}
		}
		var found []byte
		switch strings.ToLower(algorithm) {
		case "sha-256":
			sum := sha256.Sum256(content)
			found = sum[:]
		case "sha-512":
			sum := sha512.Sum512(content)
			found = sum[:]
		default:
			continue
		}
		if subtle.ConstantTimeCompare(sent, found) != 1 {
			return &problemError{status: http.StatusUnprocessableEntity, code: "digest_mismatch"}
		}
	}
	return nil
}

// pathOf turns a JSON pointer into the form in which fields are named: lines[0].amount.
func pathOf(p jsontext.Pointer) string {
	var b strings.Builder
	for token := range p.Tokens() {
		switch {
		case token != "" && strings.Trim(token, "0123456789") == "":
			b.WriteString("[" + token + "]")
		case b.Len() > 0:
			b.WriteString("." + shown(token))
		default:
			b.WriteString(shown(token))
		}
	}
	return b.String()
}
