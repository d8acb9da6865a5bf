// Package file keeps the content of attachments, known by its SHA-256 digest.
//
// It owns the tables of file content and who uploaded what: a source sees only what it
// sent itself. Content lives in the database, in pieces, so that every replica has it
// and an upload that dies leaves nothing. Names belong to documents and never come
// here.
package file

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	_ "image/gif"  // sizes of pictures are read from their headers
	_ "image/jpeg" // likewise
	_ "image/png"  // likewise
	"io"
	"slices"
	"strings"
	"time"

	"github.com/gabriel-vasile/mimetype"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Errors of content. Each is the sender's to mend, but ErrFull.
var (
	ErrEmpty     = errors.New("the file is empty")
	ErrTooLarge  = errors.New("the file is too large")
	ErrDigest    = errors.New("the content does not have the digest that was announced")
	ErrForbidden = errors.New("files of this kind are not taken")
	ErrPicture   = errors.New("the picture has too many pixels, or a header that cannot be read")
	ErrNotFound  = errors.New("no such file")
	ErrFull      = errors.New("no room left for files")
)

const (
	piece     = 1 << 20 // bytes in a row
	sniff     = 3072    // what it takes to tell the type
	maxPixels = 50_000_000
)

// Store keeps files.
type Store struct {
	Pool *pgxpool.Pool
	Now  func() time.Time
	Max  int64 // bytes; the messenger takes no more than 50 MB
}

// Meta is what is known of a file beside its content.
type Meta struct {
	SHA256    string
	Size      int64
	MediaType string // as sniffed, whatever the sender said
}

// Querier reads inside somebody's transaction.
type Querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// IsDigest reports whether the text is a lower-case hex SHA-256.
func IsDigest(s string) bool {
	return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
}

// Put stores what the reader gives, for a source. With a digest the content must have
// it; without one the digest is found. The same content again is no mistake.
//
// Everything is read first: a slow sender holds no connection, and the digest is known
// before the first row is written.
func (s *Store) Put(ctx context.Context, source, digest string, r io.Reader) (Meta, error) {
	content, err := io.ReadAll(io.LimitReader(r, s.Max+1))
	if err != nil {
		return Meta{}, fmt.Errorf("read file: %w", err)
	}
	meta, err := s.examine(content, digest)
	if err != nil {
		return Meta{}, fmt.Errorf("store file: %w", err)
	}
	err = pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		if err := s.write(ctx, tx, meta, content); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `insert into file_source (source, sha256) values ($1, $2) on conflict do nothing`, source, meta.SHA256)
		return err
	})
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok && refused.Code == "53100" {
		return Meta{}, fmt.Errorf("store file: %w: %w", ErrFull, err)
	}
	if err != nil {
		return Meta{}, fmt.Errorf("store file: %w", err)
	}
	return meta, nil
}

// write stores a content that is not there yet. Of two who store the same one, the
// second waits here for the first.
func (s *Store) write(ctx context.Context, tx pgx.Tx, meta Meta, content []byte) error {
	tag, err := tx.Exec(ctx, `insert into file (sha256, size, media_type, stored_at) values ($1, $2, $3, $4) on conflict do nothing`,
		meta.SHA256, meta.Size, meta.MediaType, s.Now())
	if err != nil || tag.RowsAffected() == 0 {
		return err
	}
	no := 0
	for part := range slices.Chunk(content, piece) {
		if _, err := tx.Exec(ctx, `insert into file_chunk (sha256, no, bytes) values ($1, $2, $3)`, meta.SHA256, no, part); err != nil {
			return err
		}
		no++
	}
	return nil
}

func (s *Store) examine(content []byte, digest string) (Meta, error) {
	sum := sha256.Sum256(content)
	meta := Meta{
		SHA256: hex.EncodeToString(sum[:]), Size: int64(len(content)),
		MediaType: mimetype.Detect(content[:min(len(content), sniff)]).String(),
	}
	switch {
	case meta.Size == 0:
		return meta, ErrEmpty
	case meta.Size > s.Max:
		return meta, ErrTooLarge
	case digest != "" && digest != meta.SHA256:
		return meta, ErrDigest
	case executable(meta.MediaType):
		return meta, ErrForbidden
	}
	if pixels(meta.MediaType, content) > maxPixels {
		return meta, ErrPicture
	}
	return meta, nil
}

// pixels counts those of a picture by its header alone. A header that cannot be read
// may announce anything.
func pixels(media string, content []byte) int64 {
	switch media {
	case "image/png", "image/jpeg", "image/gif":
		c, _, err := image.DecodeConfig(bytes.NewReader(content))
		if err != nil || c.Width > maxPixels || c.Height > maxPixels {
			return maxPixels + 1
		}
		return int64(c.Width) * int64(c.Height)
	default:
		return 0
	}
}

// executable: nobody approves a payment by a program.
func executable(media string) bool {
	return slices.Contains([]string{
		"application/vnd.microsoft.portable-executable", "application/x-elf", "application/x-executable",
		"application/x-sharedlib", "application/x-mach-binary", "application/x-msdownload", "application/x-object",
	}, media)
}

// Missing lists those of the digests that the source has not sent.
func (s *Store) Missing(ctx context.Context, q Querier, source string, digests []string) ([]string, error) {
	var out []string
	err := q.QueryRow(ctx, `select coalesce(array_agg(d order by o), '{}') from unnest($2::text[]) with ordinality u(d, o)
		where not exists (select from file_source where source = $1 and sha256 = d)`, source, digests).Scan(&out)
	if err != nil {
		return nil, fmt.Errorf("missing files: %w", err)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// Meta tells a file that the source sent. Knowing a digest that another source sent
// opens nothing: that is ErrNotFound too.
func (s *Store) Meta(ctx context.Context, source, digest string) (Meta, error) {
	return s.meta(ctx, `select f.sha256, f.size, f.media_type from file f join file_source using (sha256) where source = $1 and sha256 = $2`,
		source, digest)
}

func (s *Store) meta(ctx context.Context, sql string, args ...any) (Meta, error) {
	var m Meta
	err := s.Pool.QueryRow(ctx, sql, args...).Scan(&m.SHA256, &m.Size, &m.MediaType)
	if errors.Is(err, pgx.ErrNoRows) {
		return m, ErrNotFound
	}
	if err != nil {
		return m, fmt.Errorf("file: %w", err)
	}
	return m, nil
}

// Open reads a file from its beginning, a piece at a time.
func (s *Store) Open(ctx context.Context, digest string) (Meta, io.ReadCloser, error) {
	m, err := s.meta(ctx, `select sha256, size, media_type from file where sha256 = $1`, digest)
	if err != nil {
		return m, nil, err
	}
	return m, &reader{store: s, next: func(no int) ([]byte, error) { return s.chunk(ctx, digest, no) }}, nil
}

func (s *Store) chunk(ctx context.Context, digest string, no int) ([]byte, error) {
	var b []byte
	err := s.Pool.QueryRow(ctx, `select bytes from file_chunk where sha256 = $1 and no = $2`, digest, no).Scan(&b)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, io.EOF
	}
	return b, err
}

type reader struct {
	store *Store
	next  func(no int) ([]byte, error)
	no    int
	rest  []byte
}

func (r *reader) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		b, err := r.next(r.no)
		if err != nil {
			return 0, err
		}
		r.rest = b
		r.no++
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func (r *reader) Close() error {
	r.rest, r.next = nil, func(int) ([]byte, error) { return nil, io.ErrClosedPipe }
	return nil
}
