package asterisk

import (
	"bufio"
	"strings"
	"time"
)

// Field is one of a message, for tests.
type Field = field

// NewField makes one.
func NewField(key, value string) Field { return field{key, value} }

// Encode writes an action.
func Encode(fields []Field) ([]byte, error) { return encode(fields) }

// Decode reads all messages of a text.
func Decode(text string) (all [][]Field, err error) {
	r := reader{bufio.NewReaderSize(strings.NewReader(text), mostLine)}
	for {
		m, err := r.next()
		if err != nil {
			return all, err
		}
		all = append(all, m)
	}
}

// Hear has messages of a text made into events, as those of one connection are that found a
// list of channels.
func Hear(list, text string) (all []Event) {
	s := newCalls()
	up, _ := Decode(list) // up to its end
	found := make([]message, 0, len(up))
	for _, m := range up {
		found = append(found, m)
	}
	s.found(found)
	messages, _ := Decode(text) // up to its end
	for _, m := range messages {
		all = append(all, s.hear(m)...)
	}
	return all
}

// Text is what a call file holds.
func Text(o Originate) (string, error) {
	return (&Spool{Outgoing: "nowhere/outgoing"}).text(o, time.Unix(0, 0))
}

// Put puts a call file as a client does that is killed then.
func (s *Spool) Put(o Originate, now, until time.Time) error { return s.put(o, now, until) }

// Wrong says what is wrong with a folder.
func (s *Spool) Wrong(err error) error { return s.wrong(err) }

// CheckCall is what an outgoing call must pass.
func CheckCall(o Originate) error { return o.check() }
