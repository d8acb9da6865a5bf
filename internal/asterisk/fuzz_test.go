package asterisk_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/asterisk"
	"countersign/internal/secret"
)

func channel(event, more string) string {
	return "Event: " + event + "\r\nChannel: Local/1@telegram-out-00000000;1\r\nChannelState: 5\r\nAccountCode: countersign:job-1\r\nUniqueid: job-1\r\nLinkedid: job-1\r\n" + more + "\r\n"
}

// Whatever comes in is events of known kinds, whose texts can be stored and shown.
func FuzzMessages(f *testing.F) {
	for _, seed := range []string{
		channel("Newchannel", "") + channel("Newstate", "") + channel("Newstate", "ChannelState: 6\r\n") + channel("Hangup", "Cause: 16\r\n"),
		channel("NewAccountCode", "") + channel("ConfbridgeJoin", "Conference: ROOM1\r\nAdmin: No\r\nMuted: No\r\n") + channel("Hangup", "Cause: 99999999999999999999\r\n"),
		channel("UserEvent", "UserEvent: Countersign\r\nResult: FAILED\r\nReason: 3\r\nJob: job-2\r\n") + "Event: OriginateResponse\r\nResponse: Failure\r\nActionID: countersign/x/1/job-1\r\nReason: 5\r\n\r\n",
		channel("UserEvent", "UserEvent: Countersign\r\nResult: REFUSED\r\nLocked: 1\r\nJob: job-2\r\nRoom: \xff\x00\r\n"),
		"Event: ConfbridgeStart\r\nConference: ROOM1\r\n\r\nEvent: ConfbridgeEnd\r\nConference: \x1b[31m\r\n\r\n", "Event: DialEnd\r\nDestUniqueid: job-1\r\nDialStatus: BUSY\r\n\r\n",
		"Response: Success\r\n\r\n", "\r\n\r\n", ":\r\n\r\n", "no field\r\n\r\n", "Event: Hangup", strings.Repeat("A: b\r\n", 300) + "\r\n", strings.Repeat("x", 9000),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		messages, err := asterisk.Decode(text)
		if err == nil {
			t.Fatal("a text has no end")
		}
		for _, m := range messages {
			if len(m) == 0 || len(m) > 256 {
				t.Errorf("a message of %d fields", len(m))
			}
		}
		for _, e := range asterisk.Hear(text, text) {
			ofCall := e.Kind >= asterisk.Ringing && e.Kind <= asterisk.HungUp
			if e.Kind <= asterisk.Resync || e.Kind >= asterisk.Locked || ofCall && e.Job == "" {
				t.Errorf("%+v", e)
			}
			for _, s := range []string{e.Job, e.Room, e.Channel} {
				if !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
					t.Errorf("%q in %+v", s, e)
				}
			}
		}
	})
}

// What is written is read as one action with the same fields, or is not written.
func FuzzAction(f *testing.F) {
	f.Add("Channel", "Local/1@x", "CallerID", `"Zoë" <1>`)
	f.Add("Variable", "A=b", "Variable", "C=d")
	f.Add("A", "x\r\nAction: Logoff", "B", "")
	f.Add("A:B", "", "", " ")
	f.Add("A", strings.Repeat("x", 1001), "B", "\u0085")
	f.Fuzz(func(t *testing.T, key1, value1, key2, value2 string) {
		in := []asterisk.Field{asterisk.NewField("Action", "X"), asterisk.NewField(key1, value1), asterisk.NewField(key2, value2)}
		raw, err := asterisk.Encode(in)
		if err != nil {
			if len(raw) != 0 {
				t.Errorf("written in spite of %v: %q", err, raw)
			}
			return
		}
		out, _ := asterisk.Decode(string(raw) + "Action: next\r\n\r\n")
		if len(out) != 2 {
			t.Fatalf("read as %d actions: %q", len(out), raw)
		}
		if diff := cmp.Diff(in, out[0], cmp.AllowUnexported(asterisk.Field{})); diff != "" {
			t.Error(diff)
		}
		for line := range strings.SplitSeq(string(raw), "\r\n") {
			if len(line) > 1020 {
				t.Errorf("Asterisk does not read a line of %d", len(line))
			}
		}
	})
}

// A call becomes one call file with a line for each field, or none.
func FuzzCallFile(f *testing.F) {
	f.Add("job-1", "+79991110001", "ROOM1", "en", "1234", "100", "Anna")
	f.Add("job-1", "1\nApplication: System", "ROOM1", "", "", "", "a # b")
	f.Add("job-1", "1", "H", "pt_BR", "12345678", "+1", "Анна \u202e;")
	f.Fuzz(func(t *testing.T, job, number, room, language, pin, caller, name string) {
		call := asterisk.Call{
			Job: job, Number: number, Room: room, Language: language, PIN: secret.Text(pin), CallerNumber: caller, CallerName: asterisk.PlainName(name), Ring: time.Second,
		}
		if again := asterisk.PlainName(call.CallerName); again != call.CallerName {
			t.Errorf("plain is %q, and then %q", call.CallerName, again)
		}
		o, err := call.Originate()
		if err != nil {
			if e, ok := errors.AsType[*asterisk.FieldError](err); !ok || e.Field == "CallerName" {
				t.Errorf("refused: %v", err)
			}
			return
		}
		text, err := asterisk.Text(o)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
		if want := 9 + len(o.Variables); len(lines) != want || strings.ContainsAny(text, ";#\r") {
			t.Errorf("%d lines, want %d: %q", len(lines), want, text)
		}
		for _, key := range []string{"Channel", "CallerID", "MaxRetries", "WaitTime", "Account", "Context", "Extension", "Priority"} {
			if !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, key+": ") }) {
				t.Errorf("no %s in %q", key, text)
			}
		}
	})
}
