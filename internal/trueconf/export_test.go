package trueconf

import (
	"encoding/json"
	"time"
)

// Read decodes an answer in every way in which one may be read.
func Read(raw []byte, now time.Time) ([]Conference, []Participant) {
	var c []Conference
	var p []Participant
	each(raw, func(r v3Call) {
		if r.runs() {
			c = append(c, r.conference(now))
		}
	})
	each(raw, func(r v3Room) { c = append(c, r.conference()) })
	each(raw, func(r v4Room) { c = append(c, r.conference()) })
	each(raw, func(r v3Person) { p = append(p, r.participant("anna@srv.example")) })
	return c, p
}

func each[T any](raw []byte, do func(T)) {
	var page rows[T]
	if json.Unmarshal(raw, &page) != nil || page.list == nil {
		return
	}
	for _, r := range *page.list {
		do(r)
	}
}

// Word is the reason of a refusal, as far as it is told.
func Word(raw []byte, secrets ...string) string {
	said, _ := reason(raw)
	return word(said, secrets)
}

// Seats reports whether an address is taken for the web client of a conference.
func (s *Server) Seats(at, id string) bool { return s.seats(at, id) }
