package config

import (
	"errors"
	"fmt"
	"strings"
)

// Mode is how updates come from Telegram.
type Mode string

// The ways of getting updates.
const (
	Webhook Mode = "webhook" // Telegram calls us
	Polling Mode = "polling" // we ask Telegram
)

// UnmarshalText refuses a way that does not exist.
func (m *Mode) UnmarshalText(text []byte) error { return oneOf(m, text, Webhook, Polling) }

// AsteriskMode is how the exchange is spoken with.
type AsteriskMode string

// The ways of speaking with the exchange.
const (
	AsteriskOff AsteriskMode = ""
	AsteriskAMI AsteriskMode = "ami" // the manager interface
)

// UnmarshalText refuses a way that does not exist.
func (m *AsteriskMode) UnmarshalText(text []byte) error {
	if string(text) == "spool" {
		return errors.New(`call files cannot tell what became of a call; write "ami", and asterisk.originate = "spool" to have calls asked for by files`)
	}
	return oneOf(m, text, AsteriskOff, AsteriskAMI)
}

// AsteriskOriginate is how calls are asked for.
type AsteriskOriginate string

// The ways of asking for a call. What becomes of it is heard by the manager interface.
const (
	OriginateAMI   AsteriskOriginate = "ami"
	OriginateSpool AsteriskOriginate = "spool" // call files
)

// UnmarshalText refuses a way that does not exist.
func (o *AsteriskOriginate) UnmarshalText(text []byte) error {
	return oneOf(o, text, OriginateAMI, OriginateSpool)
}

// Switch is "on" or "off".
type Switch string

// The positions of a switch.
const (
	SwitchOff Switch = "off"
	SwitchOn  Switch = "on"
)

// UnmarshalText refuses other words.
func (s *Switch) UnmarshalText(text []byte) error { return oneOf(s, text, SwitchOff, SwitchOn) }

// LinkConfirm is what must happen before a new link decides.
type LinkConfirm string

// The ways of confirming a link.
const (
	LinkNotify     LinkConfirm = "notify"      // nothing; administrators are told
	LinkCoolingOff LinkConfirm = "cooling_off" // some time passes
	LinkAdmin      LinkConfirm = "admin"       // an administrator agrees
)

// UnmarshalText refuses a way that does not exist.
func (m *LinkConfirm) UnmarshalText(text []byte) error {
	return oneOf(m, text, LinkNotify, LinkCoolingOff, LinkAdmin)
}

// LogFormat is how a log line looks.
type LogFormat string

// The forms of a log line.
const (
	JSON LogFormat = "json"
	Text LogFormat = "text"
)

// UnmarshalText refuses a form that does not exist.
func (f *LogFormat) UnmarshalText(text []byte) error { return oneOf(f, text, JSON, Text) }

// JournalTexts is what the journal keeps of the text of a message.
type JournalTexts string

// What the journal can keep.
const (
	JournalDigest JournalTexts = "digest" // its SHA-256
	JournalFull   JournalTexts = "full"   // the text
)

// UnmarshalText refuses other words.
func (t *JournalTexts) UnmarshalText(text []byte) error {
	return oneOf(t, text, JournalDigest, JournalFull)
}

// Verify is how the certificate of a server is checked: "true", "false", or the
// file with the authority to trust. Only the word false and an empty value in
// the file turn the check off; a Verify that nobody set checks.
type Verify string

// The two answers that are no file.
const (
	VerifyOn  Verify = "true"
	VerifyOff Verify = "false"
)

// UnmarshalText takes true, false, nothing (which is false) or a file name.
func (v *Verify) UnmarshalText(text []byte) error {
	switch word := strings.TrimSpace(string(text)); strings.ToLower(word) {
	case "true", "on", "yes":
		*v = VerifyOn
	case "false", "off", "no", "":
		*v = VerifyOff
	default:
		*v = Verify(word)
	}
	return nil
}

// On reports whether certificates are checked at all.
func (v Verify) On() bool { return v != VerifyOff }

// CAFile is the file with the authority to trust; empty: those of the system.
func (v Verify) CAFile() string {
	if v == VerifyOn || v == VerifyOff {
		return ""
	}
	return string(v)
}

func oneOf[T ~string](into *T, text []byte, words ...T) error {
	var names []string
	for _, word := range words {
		if string(text) == string(word) {
			*into = word
			return nil
		}
		if word != "" {
			names = append(names, string(word))
		}
	}
	return fmt.Errorf("%q is not one of the possible values; write %s", text, strings.Join(names, " or "))
}
