package hook

import (
	"context"
	"regexp"
	"strings"
	"time"

	"countersign/internal/secret"
)

// State is whether an endpoint gets its events.
type State string

// The states of an endpoint.
const (
	Active State = "active"
	Paused State = "paused" // its events are kept until it is resumed
	Ended  State = "ended"  // deleted; its history is left
)

// Reasons for which the gateway itself pauses an endpoint.
const (
	ReasonGone    = "the receiver answered 410 Gone"
	ReasonFailing = "no success for five days"
)

// Bounds of an endpoint's fields.
const (
	MinTimeout     = time.Second
	MaxTimeout     = time.Minute
	DefaultTimeout = 20 * time.Second
	MaxInFlight    = 64
	MaxTypes       = 100
	MaxEndpoints   = 20 // of one source
)

// NewEndpoint describes an endpoint to be made. The zero value of a field but URL means
// its default.
type NewEndpoint struct {
	URL           string
	Types         []string // kinds of events; empty: all
	Scheme        Scheme   // HMAC by default
	Timeout       time.Duration
	InFlight      int         // requests at once
	Authorization secret.Text // sent as it is in the header Authorization: "Bearer …" or "Basic …"
}

// Change is what is to become different; nil fields stay. Version must be that of the
// endpoint as it was read.
type Change struct {
	Version       int
	URL           *string
	Types         *[]string
	Timeout       *time.Duration
	InFlight      *int
	Authorization *secret.Text // empty: no such header any more
}

// Endpoint is an endpoint and how it fares.
type Endpoint struct {
	ID            string
	Source        string
	URL           string
	Types         []string
	Scheme        Scheme
	PublicKeys    []string // of scheme v1a: current, then previous while it is good
	Timeout       time.Duration
	InFlight      int
	Authorization bool // one is sent
	State         State
	Reason        string // why it is paused
	Version       int
	CreatedAt     time.Time
	ChangedAt     time.Time
	PreviousUntil *time.Time // the previous secret signs until then

	LastSuccess  *time.Time
	LastFailure  *time.Time
	FailingSince *time.Time
	Failures     int        // in a row
	HeldUntil    *time.Time // nothing is sent before
	Due          int        // waiting deliveries
	OldestDue    *time.Time // the time of the oldest event among them
}

// Check refuses an address that webhooks must not reach; the error says why. Each
// connection is checked anew when it is made.
func (h *Hook) Check(ctx context.Context, url string) error {
	h.prepare()
	return h.guard.check(ctx, url)
}

// complete fills in defaults and finds all that is wrong.
func (h *Hook) complete(ctx context.Context, n NewEndpoint) (NewEndpoint, error) {
	h.prepare()
	if n.Scheme == "" {
		n.Scheme = HMAC
	}
	setDefault(&n.Timeout, DefaultTimeout)
	setDefault(&n.InFlight, h.Options.InFlight)
	if n.Types == nil {
		n.Types = []string{}
	}
	bad := &InvalidError{}
	if n.Scheme != HMAC && n.Scheme != Ed25519 {
		bad.add("scheme", "invalid", "use %s or %s", HMAC, Ed25519)
	}
	h.checkFields(ctx, n, bad)
	return n, bad.orNil()
}

func (h *Hook) checkFields(ctx context.Context, n NewEndpoint, bad *InvalidError) {
	if n.URL == "" {
		bad.add("url", "required", "the address is missing")
	} else if err := h.guard.check(ctx, n.URL); err != nil {
		bad.add("url", "not_allowed", "%s", err)
	}
	if len(n.Types) > MaxTypes {
		bad.add("types", "out_of_range", "at most %d types", MaxTypes)
	}
	kind := regexp.MustCompile(`^[a-z][a-z_]*(\.[a-z][a-z_]*)+$`)
	for _, t := range n.Types {
		if len(t) > 64 || !kind.MatchString(t) {
			bad.add("types", "invalid", "%.64q is no type of event; one is case.decided", t)
		}
	}
	if n.Timeout < MinTimeout || n.Timeout > MaxTimeout {
		bad.add("timeout", "out_of_range", "from %s to %s", MinTimeout, MaxTimeout)
	}
	if n.InFlight > MaxInFlight {
		bad.add("in_flight", "out_of_range", "from 1 to %d", MaxInFlight)
	}
	if !validAuthorization(n.Authorization.Reveal()) {
		bad.add("authorization", "invalid", "write Bearer or Basic, a space and the value, at most 4096 characters")
	}
}

func validAuthorization(text string) bool {
	if text == "" {
		return true
	}
	scheme, value, _ := strings.Cut(text, " ")
	plain := strings.IndexFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) < 0
	return plain && len(text) <= 4096 && strings.TrimSpace(value) != "" && (strings.EqualFold(scheme, "bearer") || strings.EqualFold(scheme, "basic"))
}
