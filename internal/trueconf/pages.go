package trueconf

import (
	"errors"
	"net/url"
	"strings"
)

const mostPages = 50

// turn is what came of reading a page.
type turn struct {
	rows, fresh int
	more        bool
}

// follow reads pages from the first until there are no more.
func follow(read func(n int) (turn, error)) error {
	for n := 1; n <= mostPages; n++ {
		switch t, err := read(n); {
		case err != nil:
			return err
		case !t.more || t.rows == 0: // the last may be empty: what was on it has ended meanwhile
			return nil
		case t.fresh == 0:
			return &Error{Err: errLoop}
		}
	}
	return &Error{Err: errPages}
}

// shelf keeps the rows of all pages, each once: what begins or ends between two pages moves
// rows from one to the other.
type shelf[T any] struct {
	rows []T
	seen map[string]bool
}

func (s *shelf[T]) put(page *[]T, total maybe, size int, key func(T) string) (turn, error) {
	if page == nil {
		return turn{}, &Error{Err: errGarbled}
	}
	if s.seen == nil {
		s.seen = map[string]bool{}
	}
	t := turn{rows: len(*page)}
	for _, row := range *page {
		if k := key(row); k == "" || !s.seen[k] {
			s.seen[k] = true
			s.rows = append(s.rows, row)
			t.fresh++
		}
	}
	if t.more = int64(len(s.rows)) < total.n; !total.told {
		t.more = t.rows >= size // a full page may not be the last
	}
	return t, nil
}

// segment is an id as a part of a path. One that would lead elsewhere is refused.
func (s *Server) segment(op, id string) (string, error) {
	const most = 256
	if id == "" || id == "." || id == ".." || len(id) > most || strings.ContainsFunc(id, control) || strings.ContainsAny(id, `/\`) {
		return "", s.named(op, &Error{Kind: BadRequest, Err: errors.New("it has no id that can be asked for")})
	}
	return url.PathEscape(id), nil
}

// named says in an error which server it is of, and what was asked.
func (s *Server) named(op string, err error) error {
	if e, ok := errors.AsType[*Error](err); ok && e.Server == "" {
		e.Server, e.Op = s.o.Name, op
	}
	return err
}
