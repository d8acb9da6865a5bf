package erp

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json/jsontext"

	"countersign/internal/approval"
	"countersign/internal/directory"
	"countersign/internal/ident"
	"countersign/internal/ledger"
	"countersign/internal/server"
	"countersign/internal/wake"
)

const (
	mostEvents  = 500
	someEvents  = 100
	longestWait = 25
	// poll is how often a waiting reader looks although no bell rang.
	poll = time.Second
	// gather is how long a reader that was woken lets more arrive: a hundred readers must
	// not look at the database for every single event of a busy hour.
	gather = 30 * time.Millisecond
)

// Count is a whole number in a query. It is read as a text, so that what is wrong with it
// is told like everything else.
type Count string

// Schema says that it is a number.
func (Count) Schema(huma.Registry) *huma.Schema { return &huma.Schema{Type: "integer"} }

// within reads the number; empty is the default.
func (n Count) within(name string, least, most, otherwise int) (int, error) {
	if n == "" {
		return otherwise, nil
	}
	v, err := strconv.Atoi(string(n))
	if err != nil || v < least || v > most {
		return 0, badParameter(name)
	}
	return v, nil
}

// EventsInput asks for a page of the feed.
type EventsInput struct {
	After string `query:"after" doc:"id of the last event that you have; without it from the beginning" example:"evt_06f1z2k3m4n5p6q7r8s9t0v1w2"`
	Types string `query:"types" doc:"Only these types, separated by commas; without it all" example:"case.decided,case.returned"`
	Limit Count  `query:"limit" doc:"1 to 500; 100 where it is left out" example:"100"`
	Wait  Count  `query:"wait" doc:"Seconds to wait for an event where there is none, 0 to 25; 0 where it is left out" example:"25"`
}

// EventInput names an event.
type EventInput struct {
	ID string `path:"id" example:"evt_06f1z2k3m4n5p6q7r8s9t0v1w2"`
}

func (m *mounting) events() {
	add(m, operation{
		id: "list-events", method: http.MethodGet, path: "/v1/events", tag: tagEvents,
		summary: "Read what happened, in order", text: eventsText,
		endpoint: endpoint{scope: directory.EventsRead}, success: only[EventsAnswer](http.StatusOK), errors: []int{http.StatusGone},
	}, m.door.listEvents)
	add(m, operation{
		id: "get-event", method: http.MethodGet, path: "/v1/events/{id}", tag: tagEvents,
		summary: "Read one event", text: "The stored text, to the byte.",
		endpoint: endpoint{scope: directory.EventsRead}, success: only[Event](http.StatusOK), errors: []int{http.StatusNotFound},
	}, m.door.getEvent)
}

func (d *Door) listEvents(c *call, in *EventsInput) (answer, error) {
	limit, err := in.Limit.within("limit", 1, mostEvents, someEvents)
	if err != nil {
		return answer{}, err
	}
	wait, err := in.Wait.within("wait", 0, longestWait, 0)
	if err != nil {
		return answer{}, err
	}
	types, err := kindsOf(in.Types)
	if err != nil {
		return answer{}, err
	}
	if in.After != "" && !ident.Valid("evt", in.After) {
		return answer{}, badParameter("after")
	}
	found, err := d.await(c, ledger.FeedQuery{Source: c.key.Source, After: in.After, Types: types, Limit: limit + 1}, time.Duration(wait)*time.Second)
	if errors.Is(err, ledger.ErrNotFound) {
		return answer{}, &problemError{status: http.StatusGone, code: "cursor_expired", cause: err}
	}
	if err != nil {
		return answer{}, err
	}
	return answer{status: http.StatusOK, raw: page(found, limit, in.After)}, nil
}

// await reads a page of the feed, and where it is empty waits until there is something,
// the time is up, or the server is about to end.
func (d *Door) await(c *call, q ledger.FeedQuery, wait time.Duration) ([]ledger.FeedEvent, error) {
	if wait > 0 {
		server.Extend(c.w, c.r, d.Now(), 0, wait+45*time.Second)
	}
	end := time.NewTimer(wait)
	defer end.Stop()
	for {
		bell := d.Bell.Wait()
		found, err := d.Ledger.Feed(c.ctx(), q)
		if err != nil || len(found) > 0 || wait == 0 {
			return found, err
		}
		next := time.NewTimer(poll)
		select {
		case <-bell:
			wake.Rest(c.ctx(), gather)
		case <-next.C:
		case <-end.C:
			wait = 0 // one last look
		case <-server.Draining(c.ctx()):
			wait = 0
		case <-c.ctx().Done():
			next.Stop()
			return nil, c.ctx().Err()
		}
		next.Stop()
	}
}

// page writes a page with the events as they are stored, to the byte.
func page(found []ledger.FeedEvent, limit int, after string) []byte {
	more := len(found) > limit
	found = found[:min(len(found), limit)]
	if len(found) > 0 {
		after = found[len(found)-1].ID
	}
	out := []byte(`{"events":[`)
	for i, e := range found {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, e.Body...)
	}
	out = append(out, `],"next":`...)
	if after == "" {
		out = append(out, "null"...)
	} else {
		out, _ = jsontext.AppendQuote(out, after) // fails for what is no UTF-8 only
	}
	out = append(out, `,"more":`...)
	return append(strconv.AppendBool(out, more), '}')
}

// kindsOf reads the types asked for. One that does not exist is a mistake: with it the
// feed would stay empty for ever.
func kindsOf(text string) ([]string, error) {
	if text == "" {
		return nil, nil
	}
	types := strings.Split(text, ",")
	for _, t := range types {
		if !slices.Contains(Kinds(), t) {
			return nil, badParameter("types")
		}
	}
	return types, nil
}

// Kinds lists the types of events.
func Kinds() []string {
	out := []string{"document.received", "document.status", "comment.added", "attachment.added", "delivery.failed", "link.created"}
	for _, k := range []approval.Kind{
		approval.Started, approval.StepOpened, approval.Reassigned, approval.VoteCast, approval.StepClosed, approval.Stuck, approval.SentBack, approval.Decided,
		approval.TakenBack, approval.RanOut, approval.Changed, approval.RoundOpened, approval.FileStored, approval.Consumed,
		approval.Asked, approval.Replied,
	} {
		out = append(out, string(k))
	}
	slices.Sort(out)
	return out
}

func (d *Door) getEvent(c *call, in *EventInput) (answer, error) {
	if !ident.Valid("evt", in.ID) {
		return answer{}, errNotFound
	}
	e, err := d.Ledger.Event(c.ctx(), c.key.Source, in.ID)
	return answer{status: http.StatusOK, raw: []byte(e.Body)}, err
}
