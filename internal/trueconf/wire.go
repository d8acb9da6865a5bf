package trueconf

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"
)

// The versions disagree on how a number, a truth and a time are written. These types take
// every form that was seen, and leave what they cannot read untold.

// text is a string, or a number that stands for one.
type text string

// UnmarshalJSON takes what it can.
func (t *text) UnmarshalJSON(raw []byte) error {
	*t = ""
	var s string
	switch {
	case raw[0] == '"':
		_ = json.Unmarshal(raw, &s) // what cannot be read is empty
	case raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9':
		s = string(raw)
	}
	*t = text(clean(s))
	return nil
}

// clean makes one line of a text: others show and store it.
func clean(s string) string {
	if !strings.ContainsFunc(s, control) {
		return s
	}
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if control(r) {
			return ' '
		}
		return r
	}, s))
}

func control(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 }

// maybe is a whole number, also as text, or a truth.
type maybe struct {
	n    int64
	told bool
}

// UnmarshalJSON takes what it can.
func (m *maybe) UnmarshalJSON(raw []byte) error {
	*m = maybe{}
	s := strings.TrimSpace(strings.Trim(string(raw), `"`))
	switch s {
	case "true":
		*m = maybe{1, true}
	case "false":
		*m = maybe{0, true}
	default:
		if f, err := strconv.ParseFloat(s, 64); err == nil && math.Abs(f) < 1<<53 {
			*m = maybe{int64(f), true}
		}
	}
	return nil
}

// count is how many; -1 when it is not told.
func (m maybe) count() int {
	if !m.told || m.n < 0 || m.n > math.MaxInt32 {
		return -1
	}
	return int(m.n)
}

func (m maybe) fact() Fact {
	switch {
	case !m.told:
		return Untold
	case m.n == 0:
		return No
	}
	return Yes
}

// moment is a time: RFC 3339, seconds since 1970, or the object of the server's language.
type moment struct{ time.Time }

// UnmarshalJSON takes what it can.
func (m *moment) UnmarshalJSON(raw []byte) error {
	m.Time = time.Time{}
	var object struct {
		Date string `json:"date"`
		Zone string `json:"timezone"`
	}
	var s string
	var at time.Time
	switch {
	case json.Unmarshal(raw, &s) == nil && s != "":
		var err error
		if at, err = time.Parse(time.RFC3339, s); err != nil {
			at = since(s)
		}
	case json.Unmarshal(raw, &object) == nil && object.Date != "":
		if zone, err := time.LoadLocation(object.Zone); err == nil {
			at, _ = time.ParseInLocation("2006-01-02 15:04:05", object.Date, zone) // takes a fraction, too; zero when it cannot be read
		}
	default:
		at = since(string(raw))
	}
	const last = 9999
	if at.Unix() > 0 && at.Year() <= last {
		m.Time = at.UTC()
	}
	return nil
}

func since(s string) time.Time {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n <= 0 || n > math.MaxUint32*64 {
		return time.Time{}
	}
	return time.Unix(n, 0)
}

// there is whether a value stands in a field.
type there bool

// UnmarshalJSON looks only whether there is something.
func (t *there) UnmarshalJSON(raw []byte) error {
	s := string(raw)
	*t = s != "null" && s != `""` && s != "false" && s != "0"
	return nil
}

// labels are tags: a list of texts, or of objects with a name.
type labels []string

// UnmarshalJSON takes what it can.
func (l *labels) UnmarshalJSON(raw []byte) error {
	*l = nil
	var list []json.RawMessage
	_ = json.Unmarshal(raw, &list) // what is no list has nothing in it
	for _, one := range list {
		var t text
		var o struct {
			Name  text `json:"name"`
			Title text `json:"title"`
		}
		if json.Unmarshal(one, &t) == nil && t == "" && json.Unmarshal(one, &o) == nil {
			t = o.Name + o.Title
		}
		if t != "" {
			*l = append(*l, string(t))
		}
	}
	return nil
}
