package asterisk_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"countersign/internal/asterisk"
	"countersign/internal/asterisk/asterisktest"
)

// What the client writes, and what the samples read, is the same.
func TestSamplesKnowWhatTheClientSends(t *testing.T) {
	t.Parallel()
	dialplan, rooms, manager := deployed(t, "extensions.conf"), deployed(t, "confbridge.conf"), deployed(t, "manager.conf")
	code := func(text string) string { return regexp.MustCompile(`(?m)^;.*$|\s;.*$`).ReplaceAllString(text, "") }
	in := code(dialplan)
	for _, context := range []string{asterisk.ContextOut, asterisk.ContextRoom} {
		if !strings.Contains(in, "\n["+context+"]\n") {
			t.Errorf("no context %s", context)
		}
	}
	call := sound()
	call.Admin = true
	o, err := call.Originate()
	must(t, err)
	if !strings.HasSuffix(o.Channel, "@"+asterisk.ContextOut+"/n") || o.Context != asterisk.ContextRoom || o.Priority != 1 {
		t.Errorf("%+v", o)
	}
	sent := []string{}
	for _, v := range o.Variables {
		sent = append(sent, v.Name)
		if !strings.Contains(in, "${"+v.Name+"}") {
			t.Errorf("the dialplan does not read %s", v.Name)
		}
	}
	_, room, _ := strings.Cut(in, "["+asterisk.ContextRoom+"]")
	room, check, _ := strings.Cut(room, "["+asterisk.ContextCheck+"]")
	for _, want := range []string{"Result: CHECK,", "Result: NO_MODULE,", "Result: NO_PROMPT,", "Set(TONGUES=en-ru-de-es)"} {
		if !strings.Contains(check, want) {
			t.Errorf("the check lacks %s", want)
		}
	}
	own := []string{"ROOM", "REASON", "EXTEN", "CONFBRIDGE_RESULT"} // the dialplan's, and Asterisk's
	for _, m := range regexp.MustCompile(`\$\{([A-Z_]+)\}`).FindAllStringSubmatch(room, -1) {
		if !slices.Contains(sent, m[1]) && !slices.Contains(own, m[1]) {
			t.Errorf("the dialplan reads %s, which nobody sends", m[1])
		}
	}
	for _, want := range []string{`"${ROLE}"="` + asterisk.RoleAdmin + `"`, "exten => failed,1,UserEvent(Countersign,Result: FAILED,", "exten => h,1,", "UserEvent(Countersign,Result: REFUSED,"} {
		if !strings.Contains(room, want) {
			t.Errorf("the dialplan lacks %s", want)
		}
	}
	if regexp.MustCompile(`(?m)^exten => _[.!]`).MatchString(in) {
		t.Error("a pattern takes everything: failed and h, too")
	}
	for _, m := range regexp.MustCompile(`room_[a-z]+`).FindAllString(room, -1) {
		if !strings.Contains(rooms, "["+m+"]") {
			t.Errorf("confbridge.conf has no %s", m)
		}
	}
	for _, want := range []string{"quiet = yes", "announce_only_user = no"} {
		if !strings.Contains(code(rooms), want) {
			t.Errorf("confbridge.conf lacks %s", want)
		}
	}
	if does := regexp.MustCompile(`(?m)^[0-9*#]+ *=.*$`).FindAllString(code(rooms), -1); len(does) != 0 {
		t.Errorf("a key in a room does %q", does)
	}
	for _, want := range []string{"\n[" + asterisktest.User + "]\n", "\nread = call,system,user\n", "\nwrite = originate,call,reporting\n", "\nbindaddr = 127.0.0.1\n"} {
		if !strings.Contains(code(manager), want) {
			t.Errorf("manager.conf lacks %q", want)
		}
	}
}

// The trunk of the dialplan is the one of the sample.
func TestSamplesNameOneTrunk(t *testing.T) {
	t.Parallel()
	m := regexp.MustCompile(`Dial\(PJSIP/\$\{EXTEN\}@([a-z-]+),`).FindStringSubmatch(deployed(t, "extensions.conf"))
	if m != nil && !strings.Contains(deployed(t, "extensions.conf"), "DEVICE_STATE(PJSIP/"+m[1]+")") {
		t.Errorf("another trunk than %q is looked at", m)
	}
	if m == nil || !strings.Contains(deployed(t, "pjsip.conf"), "\n["+m[1]+"]\ntype = endpoint\n") {
		t.Errorf("trunk %q", m)
	}
}
