package telegram

import (
	"errors"
	"fmt"
	"io"
	"sync"
)

// errTooLarge means that a file is greater than the limit.
var errTooLarge = errors.New("file is over the limit")

// upload is a file on its way. It notes its own failure, because the transport would report that as a lost
// exchange although a form cut short has no effect. It is used as a pointer, which the library insists on.
type upload struct {
	mu     sync.Mutex // the library may still read when the call has ended already
	from   io.ReadCloser
	left   int64
	taken  int64
	closed bool
	kind   Kind
	err    error
}

// Read reads from the file, at most what may be sent.
func (u *upload) Read(p []byte) (int, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed {
		return 0, io.ErrClosedPipe
	}
	n, err := u.from.Read(p)
	u.left -= int64(n)
	u.taken += int64(n)
	switch {
	case u.left < 0:
		u.kind, u.err = TooLarge, errTooLarge
		return 0, u.err
	case err != nil && !errors.Is(err, io.EOF):
		u.kind, u.err = BadFile, fmt.Errorf("read file: %w", err)
		return n, u.err
	default:
		return n, err
	}
}

func (u *upload) fault() (Kind, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.kind, u.err
}

// read is how much of the file was taken so far.
func (u *upload) read() int64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.taken
}

// close ends the reading. What a file opened for reading says when it is closed changes nothing.
func (u *upload) close() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.closed = true
	_ = u.from.Close()
}
