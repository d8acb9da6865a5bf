package postgres

import (
	"strings"
	"sync"
)

// tail keeps the last part of what is written to it.
type tail struct {
	mu   sync.Mutex
	last []byte
}

const tailLimit = 64 << 10

// Write never fails.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = append(t.last, p...)
	if over := len(t.last) - tailLimit; over > 0 {
		t.last = append(t.last[:0], t.last[over:]...)
	}
	return len(p), nil
}

// String is all that is kept.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.last)
}

// lastLines is the end of it, short enough for an error.
func (t *tail) lastLines() string {
	s := strings.TrimSpace(t.String())
	if over := len(s) - 2000; over > 0 {
		s = "…" + s[over:]
	}
	return s
}
