package fakeerp

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	tolerance = 5 * time.Minute // how far the time of a webhook may be off
	mostBody  = 64 << 10
)

var (
	errHeaders   = errors.New("a header of the webhook is missing or twice there")
	errTime      = errors.New("the webhook is too old, or from the future")
	errSignature = errors.New("no signature fits")
)

// ServeHTTP takes webhooks.
func (e *ERP) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if r.Method != http.MethodPost || err != nil || media != "application/json" {
		e.refuse(w, http.StatusBadRequest, errHeaders)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostBody))
	if err != nil {
		e.refuse(w, http.StatusBadRequest, err)
		return
	}
	e.mu.Lock()
	secret := e.secret
	e.mu.Unlock()
	id, err := verify(r.Header, body, secret, e.Now())
	if err != nil {
		e.refuse(w, http.StatusUnauthorized, err)
		return
	}
	if err := e.take(id, body); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable) // to be repeated
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (e *ERP) refuse(w http.ResponseWriter, status int, err error) {
	e.update(func() { e.refused++ })
	http.Error(w, err.Error(), status)
}

// verify checks a request as Standard Webhooks asks: the three headers, the time, and
// one signature that fits. It gives the id.
func verify(h http.Header, body, secret []byte, now time.Time) (string, error) {
	id, ok := single(h, "Webhook-Id")
	stamp, ok2 := single(h, "Webhook-Timestamp")
	signatures, ok3 := single(h, "Webhook-Signature")
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if !ok || !ok2 || !ok3 || err != nil {
		return "", errHeaders
	}
	if off := now.Sub(time.Unix(seconds, 0)); off > tolerance || off < -tolerance {
		return "", errTime
	}
	if len(secret) == 0 {
		return "", errSignature
	}
	mac := hmac.New(sha256.New, secret)
	_, _ = fmt.Fprintf(mac, "%s.%s.", id, stamp) // a hash takes everything
	_, _ = mac.Write(body)
	want := mac.Sum(nil)
	for one := range strings.FieldsSeq(signatures) {
		scheme, text, _ := strings.Cut(one, ",")
		got, err := base64.StdEncoding.DecodeString(text)
		if scheme == "v1" && err == nil && hmac.Equal(got, want) {
			return id, nil
		}
	}
	return "", errSignature
}

func single(h http.Header, name string) (string, bool) {
	values := h.Values(name)
	if len(values) != 1 || values[0] == "" {
		return "", false
	}
	return values[0], true
}

// parseSecret reads a secret as the gateway shows it.
func parseSecret(text string) ([]byte, error) {
	rest, ok := strings.CutPrefix(text, "whsec_")
	secret, err := base64.StdEncoding.DecodeString(rest)
	if !ok || err != nil || len(secret) < 24 || len(secret) > 64 {
		return nil, errors.New("the secret of the webhook is not whsec_ and 24 to 64 bytes in base64")
	}
	return secret, nil
}

// told is an event as it is written.
type told struct {
	ID         string    `json:"id"`
	Type       string    `json:"type"`
	Timestamp  time.Time `json:"timestamp"`
	Source     string    `json:"source"`
	ExternalID string    `json:"external_id"`
	Seq        int       `json:"seq"`
	Data       facts     `json:"data"`
}

// facts are the parts of an event that the ERP reads.
type facts struct {
	Hash        string   `json:"content_hash"`
	Revision    int      `json:"revision"`
	Round       int      `json:"round"`
	Step        string   `json:"step"`
	Asked       []string `json:"asked"`
	By          string   `json:"by"`
	Verdict     string   `json:"verdict"`
	Reason      string   `json:"reason"`
	Outcome     string   `json:"outcome"`
	Class       string   `json:"class"`
	ConsumerRef string   `json:"consumer_ref"`
	Status      string   `json:"status"`
}

var errTooEarly = errors.New("an earlier event of the document has not come yet")

// take books a webhook: once, and in the order of its document.
func (e *ERP) take(id string, body []byte) (err error) {
	var t told
	if err := json.Unmarshal(body, &t); err != nil || t.ID != id {
		e.update(func() { e.problem("webhook %s has a body that is not its event", id) })
		return nil // to send it again would change nothing
	}
	e.update(func() {
		h := e.known(t)
		if h == nil {
			return
		}
		ev := e.note(t, h, body)
		switch {
		case ev.Hooked > 0: // at least once means: sometimes twice
			ev.Hooked++
			return
		case t.Seq > h.hooked+1:
			e.problem("webhook %s: event %d of %s came before event %d", id, t.Seq, t.ExternalID, h.hooked+1)
			err = errTooEarly
			return
		case t.Seq <= h.hooked:
			e.problem("webhook %s: event %d of %s came after event %d", id, t.Seq, t.ExternalID, h.hooked)
		}
		ev.Hooked++
		h.hooked = max(h.hooked, t.Seq)
		h.apply(t)
	})
	return err
}

// known finds the document of an event. The caller holds the lock.
func (e *ERP) known(t told) *held {
	if t.Source != e.Source {
		e.problem("event %s is of the source %q", t.ID, t.Source)
		return nil
	}
	h := e.find(t.ExternalID)
	if h == nil {
		e.problem("event %s is of the document %q, which is not ours", t.ID, t.ExternalID)
	}
	return h
}

// note finds the entry of an event, or makes it. The same event must have the same text
// however it comes. The caller holds the lock.
func (e *ERP) note(t told, h *held, body []byte) *Event {
	if ev, ok := e.byEvent[t.ID]; ok {
		if string(ev.body) != string(body) {
			e.problem("event %s has one text in the webhook and another in the feed", t.ID)
		}
		return ev
	}
	ev := &Event{
		ID: t.ID, Type: t.Type, ExternalID: t.ExternalID, Number: h.Number, Seq: t.Seq, Note: t.Data.note(),
		Outcome: t.Data.Outcome, At: t.Timestamp, body: body,
	}
	if e.byEvent == nil {
		e.byEvent = map[string]*Event{}
	}
	e.byEvent[t.ID] = ev
	e.events = append(e.events, ev)
	return ev
}

// note is what an event says, in short.
func (f facts) note() string {
	var parts []string
	for _, s := range []string{
		f.Step, strings.Join(f.Asked, ", "), f.By, f.Verdict, f.Outcome, f.Class, f.Status, f.Reason, f.ConsumerRef,
	} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, " · ")
}

// apply lets an event count, if it is the next of its document.
func (h *held) apply(t told) {
	if t.Seq != h.applied+1 {
		return
	}
	h.applied = t.Seq
	f := t.Data
	switch t.Type {
	case "case.started", "case.round_opened":
		h.Fallen += len(h.Votes)
		h.Status, h.Round, h.Votes, h.Reason, h.Payment = "in_progress", f.Round, nil, "", ""
	case "case.step_opened":
		h.Status, h.Step, h.Asked = "in_progress", f.Step, f.Asked
	case "vote.cast":
		h.Votes = append(h.Votes, Vote{User: f.By, Verdict: f.Verdict, Reason: f.Reason, Step: f.Step})
	case "case.step_closed":
		h.Asked = nil
	case "case.decided":
		h.Status, h.Asked, h.Reason = f.Outcome, nil, f.Reason
	case "case.returned", "case.withdrawn", "case.expired", "case.blocked":
		h.Status, h.Asked, h.Reason = strings.TrimPrefix(t.Type, "case."), nil, f.Reason
	case "decision.consumed":
		h.Payment = f.ConsumerRef
	}
}
