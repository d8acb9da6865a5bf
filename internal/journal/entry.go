package journal

import (
	"strings"
	"time"
	"unicode/utf8"
)

// Way says whether something came in or went out.
type Way string

// The ways.
const (
	In  Way = "in"
	Out Way = "out"
	Gap Way = "gap" // entries that were dropped
)

// Entry is one call of the Bot API, one attempt at an update, or a count of what was not
// noted one by one.
type Entry struct {
	ID       string // made when it is written
	At       time.Time
	Way      Way
	Method   string // of the Bot API; of an update its kind
	What     string
	Outcome  string
	Failed   bool
	Code     int
	Said     string
	Chat     int64
	Message  int64
	Account  int64
	Case     string
	Notice   string
	Update   int64
	Request  string
	Bytes    int64
	Took     time.Duration
	Attempts int
	Times    int // how many it stands for; 1 when 0
	Digest   string
	Text     string
	Params   string
}

// The lengths that the table takes, in characters.
const (
	mostName   = 64
	mostSaid   = 1000
	mostText   = 8192
	mostParams = 16384
)

// row is an entry as it is stored.
type row struct {
	ID       string    `json:"id"`
	At       time.Time `json:"at"`
	Way      Way       `json:"way"`
	Method   string    `json:"method"`
	What     string    `json:"what"`
	Outcome  string    `json:"outcome"`
	Failed   bool      `json:"failed"`
	Code     int       `json:"code"`
	Said     string    `json:"said"`
	Chat     int64     `json:"chat"`
	Message  int64     `json:"message"`
	Account  int64     `json:"account"`
	Case     string    `json:"case_id"`
	Notice   string    `json:"notice_id"`
	Update   int64     `json:"update_id"`
	Request  string    `json:"request_id"`
	Bytes    int64     `json:"bytes"`
	Took     int64     `json:"took_us"`
	Attempts int       `json:"attempts"`
	Times    int       `json:"times"`
	Digest   string    `json:"digest"`
	Text     string    `json:"text"`
	Params   string    `json:"params"`
}

func (e Entry) row() row {
	return row{
		ID: e.ID, At: e.At.UTC(), Way: e.Way, Method: storable(e.Method, mostName), What: storable(e.What, mostName), Outcome: e.Outcome, Failed: e.Failed,
		Code: e.Code, Said: storable(e.Said, mostSaid), Chat: e.Chat, Message: e.Message, Account: e.Account,
		Case: storable(e.Case, mostName), Notice: storable(e.Notice, mostName), Update: e.Update, Request: storable(e.Request, 100),
		Bytes: max(e.Bytes, 0), Took: max(e.Took.Microseconds(), 0), Attempts: max(e.Attempts, 0), Times: max(e.Times, 1),
		Digest: e.Digest, Text: storable(e.Text, mostText), Params: storable(e.Params, mostParams),
	}
}

// storable is a text as the database takes it, cut to so many characters.
func storable(text string, most int) string {
	text = strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", ""), "")
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	n := 0
	for i := range text {
		if n == most {
			return text[:i]
		}
		n++
	}
	return text
}
