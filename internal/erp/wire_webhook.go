package erp

import "time"

// WebhookBody describes an endpoint to be made.
type WebhookBody struct {
	URL            string   `json:"url" maxLength:"2048" doc:"https. Private and loopback addresses only where the operator allowed the network" example:"https://erp.example.org/hooks/countersign"`
	Types          []string `json:"types,omitempty" maxItems:"100" doc:"Only these types of events; empty or left out: all" example:"[\"case.decided\"]"`
	Scheme         string   `json:"scheme,omitempty" nullable:"true" enum:"v1,v1a" doc:"v1: HMAC-SHA256 with a shared secret (the default). v1a: Ed25519, the receiver needs the public key only"`
	TimeoutSeconds int      `json:"timeout_seconds,omitempty" nullable:"true" minimum:"1" maximum:"60" doc:"20 where it is left out" example:"20"`
	InFlight       int      `json:"in_flight,omitempty" nullable:"true" minimum:"1" maximum:"64" doc:"Requests at once. Where a session is opened for each, 2 is enough" example:"2"`
	Authorization  string   `json:"authorization,omitempty" nullable:"true" maxLength:"4096" doc:"Sent as it is in the header Authorization, for receivers that cannot verify a signature: \"Bearer …\" or \"Basic …\". Never shown again"`
}

// WebhookChange is what is to become different; what is left out stays.
type WebhookChange struct {
	URL            string   `json:"url,omitempty" nullable:"true" maxLength:"2048" example:"https://erp.example.org/hooks/countersign"`
	Types          []string `json:"types,omitempty" nullable:"true" maxItems:"100" doc:"Empty: all"`
	TimeoutSeconds int      `json:"timeout_seconds,omitempty" nullable:"true" minimum:"1" maximum:"60" example:"30"`
	InFlight       int      `json:"in_flight,omitempty" nullable:"true" minimum:"1" maximum:"64" example:"2"`
	Authorization  string   `json:"authorization,omitempty" nullable:"true" maxLength:"4096" doc:"Empty: no such header any more"`
}

// RotateBody asks for a new secret.
type RotateBody struct {
	OverlapSeconds int `json:"overlap_seconds,omitempty" nullable:"true" minimum:"1" maximum:"604800" doc:"How long the secret before signs as well; a day where it is left out" example:"86400"`
}

// PauseBody says why.
type PauseBody struct {
	Reason string `json:"reason,omitempty" nullable:"true" maxLength:"200" example:"Maintenance of the ERP"`
}

// ReplayBody says what to send again.
type ReplayBody struct {
	Event string `json:"event,omitempty" nullable:"true" doc:"One event" example:"evt_06f1z2k3m4n5p6q7r8s9t0v1w2"`
	From  string `json:"from,omitempty" nullable:"true" doc:"The id of an event, or a time in RFC 3339; that event or moment is included. Left out: from the beginning" example:"2026-06-20T00:00:00Z"`
	To    string `json:"to,omitempty" nullable:"true" doc:"Likewise. Left out: to the end" example:"2026-06-21T00:00:00Z"`
}

// NothingBody has nothing in it.
type NothingBody struct{}

// Webhook is an endpoint and how it fares.
type Webhook struct {
	ID             string     `json:"id" example:"whk_06f1z2k3m4n5p6q7r8s9t0v1w2"`
	URL            string     `json:"url" example:"https://erp.example.org/hooks/countersign"`
	Types          []string   `json:"types" doc:"Empty: all" example:"[\"case.decided\"]"`
	Scheme         string     `json:"scheme" enum:"v1,v1a"`
	PublicKeys     []string   `json:"public_keys" doc:"Of scheme v1a: the current one, and the one before while it is good"`
	TimeoutSeconds int        `json:"timeout_seconds" example:"20"`
	InFlight       int        `json:"in_flight" example:"4"`
	Authorization  bool       `json:"authorization" doc:"A header Authorization is sent"`
	State          string     `json:"state" enum:"active,paused,ended" doc:"paused: events are kept until it is resumed"`
	Reason         string     `json:"reason,omitempty" doc:"Why it is paused"`
	Version        int        `json:"version" doc:"Also the ETag" example:"1"`
	CreatedAt      time.Time  `json:"created_at" example:"2026-06-20T07:00:00Z"`
	ChangedAt      time.Time  `json:"changed_at" example:"2026-06-20T07:00:00Z"`
	PreviousUntil  *time.Time `json:"previous_secret_until" doc:"The secret before signs as well until then"`
	LastSuccess    *time.Time `json:"last_success"`
	LastFailure    *time.Time `json:"last_failure"`
	FailingSince   *time.Time `json:"failing_since"`
	Failures       int        `json:"failures" doc:"In a row"`
	HeldUntil      *time.Time `json:"held_until" doc:"Nothing is sent before"`
	Due            int        `json:"due" doc:"Deliveries that wait"`
	OldestDue      *time.Time `json:"oldest_due"`
}

// WebhookAnswer is an endpoint, with its secret when it is new.
type WebhookAnswer struct {
	Webhook

	Secret    string `json:"secret,omitempty" doc:"whsec_…: shown now and never again. Absent with scheme v1a, and in a replay of the same request" example:"whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"`
	RequestID string `json:"request_id" example:"req_4ymxk5c7w2"`
}

// WebhooksAnswer lists endpoints.
type WebhooksAnswer struct {
	Webhooks  []Webhook `json:"webhooks"`
	RequestID string    `json:"request_id" example:"req_4ymxk5c7w2"`
}

// Delivery is one event on its way to one endpoint.
type Delivery struct {
	EventID    string     `json:"event_id" example:"evt_06f1z2k3m4n5p6q7r8s9t0v1w2"`
	Type       string     `json:"type" example:"case.decided"`
	Timestamp  time.Time  `json:"timestamp" doc:"Of the event" example:"2026-06-20T11:02:03Z"`
	DocumentID string     `json:"document_id" example:"doc_06f1z2k3m4n5p6q7r8s9t0v1w2"`
	Seq        int        `json:"seq" doc:"Of the event within its document" example:"7"`
	State      string     `json:"state" enum:"due,done,dead,skipped" doc:"dead: given up after about a week; it can be replayed"`
	Attempts   int        `json:"attempts" example:"1"`
	NextAt     *time.Time `json:"next_at" doc:"When it is tried again, while it is due"`
	InFlight   bool       `json:"in_flight"`
	LastStatus *int       `json:"last_status" doc:"HTTP status of the last answer" example:"200"`
	LastError  *string    `json:"last_error"`
	LastSample *string    `json:"last_sample" doc:"The beginning of the last answer"`
	SettledAt  *time.Time `json:"settled_at"`
}

// DeliveriesAnswer is a page of deliveries, the newest first.
type DeliveriesAnswer struct {
	Deliveries []Delivery `json:"deliveries"`
	Next       *string    `json:"next" doc:"Give this as before for the next page; null: there is none"`
	RequestID  string     `json:"request_id" example:"req_4ymxk5c7w2"`
}

// Attempt is one request that was made.
type Attempt struct {
	EventID   string    `json:"event_id" example:"evt_06f1z2k3m4n5p6q7r8s9t0v1w2"`
	At        time.Time `json:"at" example:"2026-06-20T11:02:03Z"`
	TookMS    int64     `json:"took_ms" example:"84"`
	Status    int       `json:"status" doc:"HTTP status; 0: no answer" example:"200"`
	Error     string    `json:"error,omitempty"`
	Sample    string    `json:"sample,omitempty" doc:"The beginning of the answer"`
	Delivered bool      `json:"delivered"`
}

// AttemptsAnswer lists the requests made for one event, the first one first.
type AttemptsAnswer struct {
	Attempts  []Attempt `json:"attempts"`
	RequestID string    `json:"request_id" example:"req_4ymxk5c7w2"`
}

// TestAnswer is what came of a ping.
type TestAnswer struct {
	Attempt

	RequestID string `json:"request_id" example:"req_4ymxk5c7w2"`
}

// ReplayAnswer says how much is sent again.
type ReplayAnswer struct {
	Replayed  int    `json:"replayed" example:"12"`
	RequestID string `json:"request_id" example:"req_4ymxk5c7w2"`
}
