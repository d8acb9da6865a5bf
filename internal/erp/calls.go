package erp

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"time"

	"countersign/internal/audiodesk"
	"countersign/internal/directory"
	"countersign/internal/server"
)

const (
	callsPath = "/v1/calls"
	callPath  = callsPath + "/{id}"
)

// CallsInput is a request for a call.
type CallsInput struct {
	IdempotencyKey string `header:"Idempotency-Key" required:"true" doc:"8 to 255 printable ASCII characters without spaces, new for each call: the same request again calls nobody a second time" example:"incident-4711-anna"`
}

// CallInput names a call.
type CallInput struct {
	ID string `path:"id" example:"acl_06f1z2k3m4n5p6q7r8s9t0v1w2"`
}

func (m *mounting) calls() {
	calling := sending(directory.Calls, repeatNeeded)
	calling.hidden = true
	add(m, operation{
		id: "post-call", method: http.MethodPost, path: callsPath, tag: tagCalls,
		summary: "Call a telephone into an audio room", text: callText,
		endpoint: calling, body: reflect.TypeFor[CallBody](),
		success: only[CallAnswer](http.StatusAccepted), errors: []int{http.StatusConflict},
	}, m.door.postCall)
	add(m, operation{
		id: "get-call", method: http.MethodGet, path: callPath, tag: tagCalls,
		summary: "Read what became of a call", text: "Whether the telephone rings, is in the room, or how the call ended. Never its number.",
		endpoint: endpoint{scope: directory.Calls}, success: only[CallAnswer](http.StatusOK), errors: []int{http.StatusNotFound},
	}, m.door.getCall)
}

// postCall has a telephone called. The Idempotency-Key names the call at the desk as well:
// whatever is cut off between the two, the same request finds the same call.
func (d *Door) postCall(c *call, in *CallsInput) (answer, error) {
	r, err := readCall(c.body)
	if err != nil {
		return answer{}, err
	}
	r.Source, r.Key = c.key.Source, in.IdempotencyKey
	out, err := d.ring(c.ctx(), r)
	return answer{status: http.StatusAccepted, body: c.callAnswer(out)}, err
}

var errExchange = errors.New("no connection to the telephone exchange")

// ring asks for a call, if anybody could make it now: a telephone that rings minutes after it
// was asked for disturbs somebody for nothing.
func (d *Door) ring(ctx context.Context, r audiodesk.Request) (audiodesk.Called, error) {
	switch {
	case !d.Audio.On():
		return audiodesk.Called{}, audiodesk.ErrOff
	case !d.Audio.Exchange.State().Up:
		return audiodesk.Called{}, errExchange
	}
	return d.Audio.Call(ctx, r)
}

// readCall reads the body of a call.
func readCall(body []byte) (audiodesk.Request, error) {
	in := &intake{}
	o, err := in.open(body)
	if err != nil {
		return audiodesk.Request{}, err
	}
	r := audiodesk.Request{
		Number: o.text("phone_number", name(mostNumber).must()), Room: o.text("room_name", free(mostRoomName).must()),
		Caller: o.text("caller_id", free(mostCaller)), Lang: o.text("lang", name(mostLang)),
	}
	r.Room, r.Caller = strings.Join(strings.Fields(r.Room), " "), strings.Join(strings.Fields(r.Caller), " ")
	if _, ok := audiodesk.E164(r.Number); !ok && o.fine("phone_number") {
		o.fault("phone_number", "bad_number")
	}
	if r.Lang != "" && !isLang(r.Lang) {
		o.fault("lang", "invalid_field")
	}
	o.done()
	return r, in.err("")
}

// What a call may have in characters.
const (
	mostNumber   = 40
	mostRoomName = 80
	mostCaller   = 60
	mostLang     = 2
)

func isLang(text string) bool {
	return len(text) == mostLang && text[0] >= 'a' && text[0] <= 'z' && text[1] >= 'a' && text[1] <= 'z'
}

func (d *Door) getCall(c *call, in *CallInput) (answer, error) {
	if d.Audio == nil {
		return answer{}, errNotFound
	}
	out, err := d.Audio.Became(c.ctx(), c.key.Source, in.ID)
	return answer{status: http.StatusOK, body: c.callAnswer(out)}, err
}

func (c *call) callAnswer(a audiodesk.Called) CallAnswer {
	state := map[string]string{"asked": "waiting", "claimed": "calling", "in": "in_room"}[a.State]
	if state == "" {
		state = a.State
	}
	return CallAnswer{ID: a.ID, State: state, Outcome: string(a.Outcome), RequestID: server.RequestID(c.ctx())}
}

// callTable is what is refused of a call.
func callTable() []known {
	conflict := func(code string) problemError { return problemError{status: http.StatusConflict, code: code} }
	often := problemError{status: http.StatusTooManyRequests, code: "too_many_calls", retry: time.Hour}
	return []known{
		{errExchange, problemError{status: http.StatusServiceUnavailable, code: "exchange_away", retry: 30 * time.Second}},
		{audiodesk.ErrUnknown, problemError{status: http.StatusNotFound, code: "not_found"}},
		{audiodesk.ErrOff, conflict("calls_off")},
		{audiodesk.ErrOther, problemError{status: http.StatusUnprocessableEntity, code: "idempotency_mismatch"}},
		{audiodesk.ErrInProgress, conflict("call_in_progress")},
		{audiodesk.ErrClosed, problemError{status: http.StatusConflict, code: "closed", text: "room_closed"}},
		{audiodesk.ErrLocked, problemError{status: http.StatusConflict, code: "room_locked"}},
		{audiodesk.ErrDaily, often},
		{audiodesk.ErrDailyAll, often},
		{audiodesk.ErrPrefix, problemError{
			status: http.StatusUnprocessableEntity, code: "number_not_called", faults: faults{{field: "phone_number", code: "number_not_called"}},
		}},
		{audiodesk.ErrCaller, problemError{
			status: http.StatusUnprocessableEntity, code: "caller_not_shown", faults: faults{{field: "caller_id", code: "caller_not_shown"}},
		}},
		{audiodesk.ErrInvalid, problemError{status: http.StatusUnprocessableEntity, code: "invalid_field"}},
	}
}
