package asterisk

import (
	"strings"
	"time"
	"unicode"

	"countersign/internal/secret"
)

// What the dialplan of deploy/asterisk is called by, and the variables that it reads.
const (
	ContextOut  = "telegram-out" // calls a phone
	ContextRoom = "conf-in"      // takes an answered call into the room that the extension names

	VariableJob      = "JOB"
	VariableLanguage = "LANG"
	VariableRole     = "ROLE"
	VariablePIN      = "ROOM_PIN"
	VariableUntil    = "UNTIL" // of a call file: when the phone may begin to ring at the latest

	RoleAdmin = "admin"
	RoleUser  = "user"
)

// account is what the account code of our calls begins with; the job follows. It is in all
// that Asterisk tells of a channel, and in its call records.
const account = "countersign:"

const (
	ownRing = 30 * time.Second
	maxRing = 5 * time.Minute
	maxName = 40
)

// Call is a phone to be called and put into a room.
type Call struct {
	Job          string      // names the call: 1 to 64 letters, digits, _ and -
	Number       string      // 2 to 15 digits, after a + or not
	Room         string      // 3 to 32 of A to Z and 0 to 9, a digit among them
	Language     string      // of the prompts, as "en" or "pt_BR"; empty: as Asterisk has it
	Admin        bool        // comes into a locked room
	PIN          secret.Text // the phone must key in, 4 to 8 digits; empty: nothing
	CallerNumber string      // shown to the phone; may be empty
	CallerName   string      // shown to the phone; as [PlainName] makes it; may be empty
	Ring         time.Duration
}

// Originate is an outgoing call in full. [Call.Originate] makes the one of deploy/asterisk.
type Originate struct {
	Job          string // the account code; by AMI the ChannelId, too
	Channel      string // as "Local/4930123@telegram-out/n"
	Context      string // where the call goes once it is answered
	Exten        string
	Priority     int
	CallerNumber string
	CallerName   string
	Timeout      time.Duration // of the ringing
	Variables    []Variable
}

// Variable is one of the channel. Its value may be a PIN.
type Variable struct {
	Name  string
	Value secret.Text
}

// Originate says how the call is made.
func (c Call) Originate() (Originate, error) {
	role := RoleUser
	if c.Admin {
		role = RoleAdmin
	}
	if c.Ring == 0 {
		c.Ring = ownRing
	}
	o := Originate{
		Job: c.Job, Channel: "Local/" + c.Number + "@" + ContextOut + "/n", // n: the channel stays what it is
		Context: ContextRoom, Exten: c.Room, Priority: 1,
		CallerNumber: c.CallerNumber, CallerName: c.CallerName, Timeout: c.Ring,
		Variables: []Variable{{VariableJob, secret.Text(c.Job)}, {VariableRole, secret.Text(role)}},
	}
	if c.Language != "" {
		o.Variables = append(o.Variables, Variable{VariableLanguage, secret.Text(c.Language)})
	}
	if c.PIN != "" {
		o.Variables = append(o.Variables, Variable{VariablePIN, c.PIN})
	}
	for _, f := range []checked{
		{"Number", c.Number, isNumber, "must be 2 to 15 digits, after a + or not"},
		{"Room", c.Room, isRoom, "must be 3 to 32 of A to Z and 0 to 9, with a digit"},
		{"Language", c.Language, isLanguage, "must be like en or pt_BR"},
		{"PIN", c.PIN.Reveal(), isPIN, "must be 4 to 8 digits"},
	} {
		if err := f.check(); err != nil {
			return Originate{}, err
		}
	}
	return o, o.check()
}

// PlainName makes a text of whatever kind fit for Call.CallerName: shorter, without the
// characters that mean something to Asterisk.
func PlainName(text string) string {
	plain := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r) || strings.ContainsRune(meaning, r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	runes := []rune(strings.Join(strings.Fields(plain), " "))
	return strings.TrimSpace(string(runes[:min(len(runes), maxName)]))
}

// meaning are the characters that a name must not have: they end it, begin a comment in a
// call file, or have the dialplan compute.
const meaning = `"<>;#,|&\$()[]{}` + "`"

// checked is a field and what it may be. An empty one is fine when its pattern says so.
type checked struct {
	name, value string
	fine        func(string) bool
	must        string
}

func (f checked) check() error {
	if !f.fine(f.value) {
		return &FieldError{f.name, f.must}
	}
	return nil
}

// check refuses all that could be read as something else than what it is: by the manager
// interface, by the reader of call files, or by the dialplan.
func (o Originate) check() error {
	all := []checked{
		{"Job", o.Job, isJob, "must be 1 to 64 letters, digits, _ and -"},
		{"Channel", o.Channel, isChannel, "must be like Local/4930123@context/n"},
		{"Context", o.Context, isPlace, "must be letters, digits, _ and -"},
		{"Exten", o.Exten, isPlace, "must be letters, digits, _ and -"},
		{"CallerNumber", o.CallerNumber, isCaller, "must be at most 20 digits, after a + or not"},
		{"CallerName", o.CallerName, isName, "must be as PlainName makes it"},
	}
	for _, v := range o.Variables {
		all = append(all,
			checked{"Variables", v.Name, isVariable, "must have names of A to Z, 0 to 9 and _"},
			checked{"Variables: " + v.Name, v.Value.Reveal(), isValue, "must be at most 100 letters, digits, and _ + - . : @ *"})
	}
	for _, f := range all {
		if err := f.check(); err != nil {
			return err
		}
	}
	switch {
	case o.Priority < 1 || o.Priority > 999:
		return &FieldError{"Priority", "must be 1 to 999"}
	case o.Timeout < time.Second || o.Timeout > maxRing:
		return &FieldError{"Timeout", "must be 1 second to 5 minutes"}
	case len(o.Variables) > mostVariables:
		return &FieldError{"Variables", "are too many"}
	}
	return nil
}

const mostVariables = 20

const (
	small   = "abcdefghijklmnopqrstuvwxyz"
	capital = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digit   = "0123456789"
	word    = small + capital + digit
)

// made reports whether a text has so many characters, all of them of those.
func made(s string, least, most int, of string) bool {
	return len(s) >= least && len(s) <= most && strings.Trim(s, of) == ""
}

func isJob(s string) bool    { return made(s, 1, 64, word+"_-") }
func isNumber(s string) bool { return made(strings.TrimPrefix(s, "+"), 2, 15, digit) }
func isCaller(s string) bool { return s == "" || made(strings.TrimPrefix(s, "+"), 1, 20, digit) }
func isPIN(s string) bool    { return s == "" || made(s, 4, 8, digit) }
func isPlace(s string) bool  { return made(s, 1, 64, word+"_-") }
func isVariable(s string) bool {
	return made(s, 1, 40, capital+digit+"_") && made(s[:1], 1, 1, capital)
}
func isValue(s string) bool { return made(s, 0, 100, word+"_+.:@*-") }
func isName(s string) bool  { return s == PlainName(s) }

func isLanguage(s string) bool {
	tongue, land, both := strings.Cut(s, "_")
	return s == "" || made(tongue, 2, 3, small) && (!both || made(land, 2, 2, capital))
}

func isChannel(s string) bool {
	kind, to, both := strings.Cut(s, "/")
	return both && made(kind, 1, 20, word) && made(to, 1, 120, word+"+_.@/-") && made(to[:1], 1, 1, word+"+")
}

// isRoom also keeps a room from being one of the extensions with a meaning, as h, t and
// failed: Asterisk compares them without regard to case, and none has a digit.
func isRoom(s string) bool {
	return made(s, 3, 32, capital+digit) && strings.ContainsAny(s, digit)
}
