// Package fakeerp owns a stand-in for an accounting system, as strict with the gateway
// as a good integrator would be. It keeps its own documents, posts them over REST,
// receives signed webhooks at an endpoint of its own, reads the feed of events beside
// them and compares the two, and consumes the decision before it pays.
//
// It shares no code with the gateway: how a webhook is signed and what an answer looks
// like is written here anew, from the published contract. It leaves what a person sees
// of it to package demo.
package fakeerp

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"countersign/internal/wake"
)

// ErrUnknown comes back for a document that the ERP does not have.
var ErrUnknown = errors.New("no such document")

// ErrInvalid comes back for an entry that the ERP itself does not take.
var ErrInvalid = errors.New("not acceptable")

// ERP is one accounting system. Set the fields before use.
type ERP struct {
	Gateway string // where the gateway is, without a slash at the end
	Source  string // what the gateway calls this ERP
	Key     string // secret of the API key
	Client  *http.Client
	Log     *slog.Logger
	Now     func() time.Time
	Bell    *wake.Bell // rung after every change; nil: nobody listens

	mu        sync.Mutex
	version   int64
	next      int // number of the next document
	payments  int
	secret    []byte // of the webhook
	documents []*held
	events    []*Event
	byEvent   map[string]*Event
	refused   int
	problems  []string
	cursor    string // last event of the feed
}

// File is an attachment.
type File struct {
	Name    string `json:"name"`
	Size    int    `json:"size"`
	SHA256  string `json:"sha256"`
	Way     Way    `json:"way"` // how it went to the gateway
	content []byte
}

// Way is how a file goes to the gateway.
type Way string

// The ways of a file.
const (
	Inline Way = "inline" // base64 inside the document
	Upload Way = "upload" // announced, then sent by itself
)

// Vote is a verdict of which the gateway told.
type Vote struct {
	User    string `json:"user"`
	Verdict string `json:"verdict"`
	Reason  string `json:"reason,omitempty"`
	Step    string `json:"step"`
}

// Document is a payment request as the ERP knows it. What comes from the gateway is
// known by events alone.
type Document struct {
	ExternalID string    `json:"external_id"`
	Number     string    `json:"number"`
	Title      string    `json:"title"`
	Payee      string    `json:"payee"`
	Amount     string    `json:"amount"`
	Currency   string    `json:"currency"`
	DueDate    string    `json:"due_date"`
	File       *File     `json:"file"`
	Hash       string    `json:"content_hash"`
	Revision   int       `json:"revision"`
	Status     string    `json:"status"` // sent until the first event tells more
	Round      int       `json:"round"`
	Step       string    `json:"step"`
	Asked      []string  `json:"asked"`
	Votes      []Vote    `json:"votes"`  // that stand
	Fallen     int       `json:"fallen"` // votes that a change made void
	Reason     string    `json:"reason,omitempty"`
	Payment    string    `json:"payment,omitempty"` // reference with which the decision was consumed
	Attempts   []Attempt `json:"attempts"`
}

// Attempt is a call that a person asked for, with what the gateway said.
type Attempt struct {
	What    string    `json:"what"` // post, change, pay, withdraw
	Ref     string    `json:"ref,omitempty"`
	At      time.Time `json:"at"`
	Done    bool      `json:"done"`
	Status  int       `json:"status"` // of HTTP
	Code    string    `json:"code,omitempty"`
	Message string    `json:"message,omitempty"`
}

// Event is a fact of which the gateway told, by webhook, by feed or by both.
type Event struct {
	ID         string    `json:"id"`
	Type       string    `json:"type"`
	ExternalID string    `json:"external_id"`
	Number     string    `json:"number"`
	Seq        int       `json:"seq"`
	Note       string    `json:"note"` // what it says, in short
	Outcome    string    `json:"outcome,omitempty"`
	At         time.Time `json:"at"`
	Hooked     int       `json:"hooked"` // times it came by webhook with a good signature
	Fed        bool      `json:"fed"`    // it was in the feed
	body       []byte
}

// held is a document with what only the ERP needs.
type held struct {
	Document

	applied int // sequence number of the last event that counts here
	hooked  int // of the last that came by webhook
	fed     int // of the last that was in the feed
}

// Snapshot is what the ERP knows at a moment.
type Snapshot struct {
	Documents []Document `json:"documents"` // the newest first
	Events    []Event    `json:"events"`    // the newest first
	Hooked    int        `json:"hooked"`    // events that came by webhook
	Fed       int        `json:"fed"`       // events that were in the feed
	Refused   int        `json:"refused"`   // webhooks without a good signature
	Problems  []string   `json:"problems"`  // everything that the gateway should not have done
	Next      string     `json:"next"`      // number of the next document
}

// Version counts the changes.
func (e *ERP) Version() int64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.version
}

// Snapshot gives what the ERP knows now.
func (e *ERP) Snapshot() Snapshot {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := Snapshot{
		Documents: []Document{}, Events: []Event{}, Refused: e.refused,
		Problems: append([]string{}, e.problems...), Next: number(e.next),
	}
	for _, h := range slices.Backward(e.documents) {
		s.Documents = append(s.Documents, h.copied())
	}
	for _, ev := range slices.Backward(e.events) {
		if ev.Hooked > 0 {
			s.Hooked++
		}
		if ev.Fed {
			s.Fed++
		}
		s.Events = append(s.Events, *ev)
	}
	return s
}

func (h *held) copied() Document {
	d := h.Document
	d.Asked = append([]string{}, d.Asked...)
	d.Votes = append([]Vote{}, d.Votes...)
	d.Attempts = append([]Attempt{}, d.Attempts...)
	return d
}

// Document gives one document.
func (e *ERP) Document(externalID string) (Document, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	h := e.find(externalID)
	if h == nil {
		return Document{}, fmt.Errorf("%s: %w", externalID, ErrUnknown)
	}
	return h.copied(), nil
}

func (e *ERP) find(externalID string) *held {
	for _, h := range e.documents {
		if h.ExternalID == externalID {
			return h
		}
	}
	return nil
}

// update changes what is known, under the lock, and tells who listens.
func (e *ERP) update(change func()) {
	e.mu.Lock()
	change()
	e.version++
	e.mu.Unlock()
	e.Bell.Ring()
}

// problem notes something that the gateway should not have done. The caller holds the
// lock.
func (e *ERP) problem(format string, args ...any) {
	const most = 50
	if len(e.problems) < most {
		e.problems = append(e.problems, fmt.Sprintf(format, args...))
	}
}

// number is what people call the document with this place in the books.
func number(i int) string { return fmt.Sprint(4711 + i) }
