package ledger

import (
	"maps"
	"time"

	"countersign/internal/approval"
	"countersign/internal/document"
)

// maxBody bounds the public text of an event, in bytes; receivers rely on it.
const maxBody = 20 << 10

// envelope is what every event says of itself.
type envelope struct {
	ID  string
	Seq int
	At  time.Time
}

// publicEvent is the text that is signed and sent, stored once and never made again.
type publicEvent struct {
	ID         string         `json:"id"`
	Type       string         `json:"type"`
	Timestamp  string         `json:"timestamp"`
	Source     string         `json:"source"`
	ExternalID string         `json:"external_id"`
	Seq        int            `json:"seq"`
	Data       map[string]any `json:"data"`
}

// publicBody makes the public text of a fact. It is thin: identifiers, states, who and why.
// What does not fit is left out and said to be.
func (r *record) publicBody(f fact, e envelope) ([]byte, error) {
	p := publicEvent{
		ID: e.ID, Type: f.kind, Timestamp: e.At.Format(time.RFC3339Nano),
		Source: r.Key.Source, ExternalID: r.Key.ExternalID, Seq: e.Seq,
		Data: map[string]any{"document_id": r.ID, "revision": r.Revision, "content_hash": r.Hash},
	}
	if f.event != nil {
		r.describe(p.Data, *f.event)
	}
	maps.Copy(p.Data, f.data)
	text, err := marshal(p)
	for most := 64; err == nil && len(text) > maxBody; most /= 2 {
		p.Data["shortened"] = true
		p.Data = less(p.Data, most)
		text, err = marshal(p)
	}
	return text, err
}

// less leaves out of the data what may be long: the changes at once, of lists what is
// beyond so many, of texts what is beyond sixty times as much.
func less(data map[string]any, most int) map[string]any {
	out := maps.Clone(data)
	delete(out, "changes")
	for key, value := range out {
		switch v := value.(type) {
		case string:
			out[key] = cut(v, 60*most)
		case []string:
			out[key] = v[:min(len(v), most)]
			out[key+"_count"] = len(v)
			if before, told := data[key+"_count"]; told {
				out[key+"_count"] = before
			}
		}
	}
	return out
}

func (r *record) describe(data map[string]any, e approval.Event) {
	data["case_id"], data["round"] = e.Case, e.Round
	data["revision"], data["content_hash"] = e.Revision, e.Hash
	set := func(key, value string) {
		if value != "" {
			data[key] = value
		}
	}
	set("by", who(r.People, e.Person))
	set("outcome", string(e.Outcome))
	set("reason", e.Reason)
	set("class", string(e.Class))
	set("consumer_ref", e.Ref)
	set("file", e.File)
	switch e.Kind {
	case approval.Started, approval.RoundOpened:
		data["route"], data["route_version"], data["rule"] = e.Plan.Route, e.Plan.Version, e.Plan.Rule
	case approval.StepOpened, approval.Reassigned, approval.StepClosed, approval.Stuck, approval.VoteCast, approval.SentBack:
		data["step"] = e.StepKey
	default: // the rest speaks of the case as a whole
	}
	if e.Kind == approval.StepOpened || e.Kind == approval.Reassigned {
		asked := make([]string, 0, len(e.Slots))
		for _, s := range e.Slots {
			asked = append(asked, who(r.People, s.Person))
		}
		data["asked"] = asked
	}
	if e.Vote != nil {
		data["verdict"], data["via"], data["assurance"] = e.Vote.Verdict, e.Vote.Via, e.Vote.Assurance
		set("reason", e.Vote.Reason)
		set("on_behalf_of", who(r.People, e.Vote.For))
		if len(e.Vote.By) > 0 {
			data["delegations"] = numbers(e.Vote.By)
		}
	}
	if q := e.Question; q != nil {
		r.describeQuestion(data, *q)
	}
	if len(e.Changes) > 0 {
		data["changes"] = shorten(e.Changes)
	}
}

// shorten keeps a change readable: values are cut, and no more than a screenful told.
func shorten(changes []document.Difference) []document.Difference {
	const most, longest = 50, 120
	out := make([]document.Difference, 0, min(len(changes), most))
	for _, c := range changes[:min(len(changes), most)] {
		c.Old, c.New = cut(c.Old, longest), cut(c.New, longest)
		out = append(out, c)
	}
	return out
}

func cut(s string, runes int) string {
	for i := range s {
		if runes == 0 {
			return s[:i] + "…"
		}
		runes--
	}
	return s
}
