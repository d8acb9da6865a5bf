package hook

import "time"

// DeliveryState is what became of a delivery.
type DeliveryState string

// The states of a delivery.
const (
	Due     DeliveryState = "due"     // waits, or is under way
	Done    DeliveryState = "done"    // the receiver took it
	Dead    DeliveryState = "dead"    // given up; it can be replayed
	Skipped DeliveryState = "skipped" // not wanted any more
)

// Delivery is one event on its way to one endpoint.
type Delivery struct {
	EventID     string
	Kind        string
	At          time.Time // of the event
	DocumentID  string
	DocumentSeq int
	State       DeliveryState
	Attempts    int
	NextAt      time.Time // of a delivery that is due
	InFlight    bool
	LastStatus  *int
	LastError   *string
	LastSample  *string // the beginning of the last answer
	SettledAt   *time.Time
}

// Filter selects deliveries. The zero value of a field selects all.
type Filter struct {
	State      DeliveryState
	Kind       string
	DocumentID string
}

// Page is a part of a list, the newest first. Before is the event id of the last
// delivery of the page before; empty: the first page.
type Page struct {
	Before string
	Limit  int // 1 to 100; 0 means 50
}

// Attempt is one request that was made.
type Attempt struct {
	EventID string
	At      time.Time
	Took    time.Duration
	Status  int    // 0: no answer
	Error   string // empty: delivered
	Sample  string // the beginning of the answer
}

// ReplayQuery says what to send again: one event, or all that the endpoint had between
// two events, or between two moments, both ends included. What is empty is no bound.
type ReplayQuery struct {
	Event     string    `json:"event,omitzero"`
	FromEvent string    `json:"from_event,omitzero"`
	ToEvent   string    `json:"to_event,omitzero"`
	Since     time.Time `json:"since,omitzero"`
	Until     time.Time `json:"until,omitzero"`
	By        string    `json:"-"` // who wants it, for the record
}
