package videowatch

import (
	"errors"
	"time"

	"countersign/internal/trueconf"
)

// Part is a part of a server that is looked at on its own.
type Part string

// The parts.
const (
	Engine      Part = "engine" // of the media
	Web         Part = "web"    // with the API
	Login       Part = "login"  // the credentials of the application
	Certificate Part = "certificate"
)

// Parts are all of them, in the order in which they are shown.
func Parts() []Part { return []Part{Engine, Web, Login, Certificate} }

// State is how a part is.
type State string

// The states; the empty one is that of what was not looked at often enough.
const (
	Unseen  State = ""
	Well    State = "well"
	Down    State = "down"
	Soon    State = "soon"    // a certificate that expires within Notice
	Expired State = "expired" // a certificate
)

// Notice is how long before it expires a certificate is told of.
const Notice = 14 * 24 * time.Hour

// Check says how a server is looked at, and how often a part must fail before it is down.
type Check struct {
	Every  time.Duration // 0: not at all
	Needed int           // so many
	Of     int           // of the last so many
}

// gauge is a part with what was seen of it since it became what it is.
type gauge struct {
	State State
	Seen  string // a letter for each look, the latest last
}

// see takes a look into account. A part gets worse when that was seen Needed times among
// the last Of looks, and well again when as many looks in a row were: what only flaps is
// told of once.
func (c Check) see(g gauge, s State) gauge {
	g.Seen += letter(s)
	if len(g.Seen) > c.Of {
		g.Seen = g.Seen[len(g.Seen)-c.Of:]
	}
	if s == g.State || c.count(g.Seen, s) < c.Needed {
		return g
	}
	return gauge{State: s}
}

func (c Check) count(seen string, s State) int {
	n := 0
	for i := len(seen) - 1; i >= 0; i-- {
		switch {
		case seen[i:i+1] == letter(s):
			n++
		case s == Well:
			return n
		}
	}
	return n
}

func letter(s State) string { return string(s)[:1] }

// look is what one look found of a part.
type look struct {
	state State
	took  time.Duration
	fault error
}

// looks are what a round of probes found, without the parts that it says nothing of: nobody
// can try to log in where the web part is away, and what has no answer has no certificate.
func looks(h trueconf.Health, now time.Time) map[Part]look {
	out := map[Part]look{}
	probe := func(part Part, p trueconf.Probe) {
		switch {
		case p.OK():
			out[part] = look{state: Well, took: p.Took}
		case p.Made:
			out[part] = look{state: Down, took: p.Took, fault: p.Err}
		}
	}
	probe(Engine, h.Engine)
	probe(Web, h.Web)
	if !h.Web.Made || h.Web.Err == nil {
		probe(Login, h.Login)
	}
	switch left := h.CertExpires.Sub(now); {
	case h.CertExpires.IsZero():
	case left <= 0:
		out[Certificate] = look{state: Expired}
	case left <= Notice:
		out[Certificate] = look{state: Soon}
	default:
		out[Certificate] = look{state: Well}
	}
	return out
}

// faultOf names what is wrong as a word, with the right that is missing.
func faultOf(err error) (word, right string) {
	if err == nil {
		return "", ""
	}
	switch trueconf.KindOf(err) {
	case trueconf.Credentials:
		return "credentials", ""
	case trueconf.Right:
		return "right", rightOf(err)
	case trueconf.TLS:
		return "tls", ""
	case trueconf.Timeout:
		return "timeout", ""
	case trueconf.Unreachable:
		return "unreachable", ""
	case trueconf.TooOld:
		return "too_old", ""
	case trueconf.NotSupported:
		return "not_supported", ""
	default:
		return "other", ""
	}
}

func rightOf(err error) string {
	if e, ok := errors.AsType[*trueconf.Error](err); ok {
		return e.Right
	}
	return ""
}
