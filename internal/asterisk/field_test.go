package asterisk_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"countersign/internal/asterisk"
	"countersign/internal/asterisk/asterisktest"
	"countersign/internal/secret"
)

// hostile is what must not stand in any field, wherever it came from.
func hostile() []string {
	return []string{
		"x\r\nAction: Logoff", "x\nAction: Logoff", "x\rAction: Logoff", "x\r\n\r\nAction: Originate\r\nApplication: System", "\r\n", "\n", "x\n",
		"x\x00y", "x\x1by", "x\x7f", "x\u0085y", "x\u2028y\n", "x\xffy\r", "a\tb", "x\nApplication: System\nData: id", "x\n\n", " x\r\n ",
		"x\vApplication: System", "x\fy", "\ufeffx\r\n",
	}
}

// strings of a value that a caller sets, by the way to each.
func texts(v reflect.Value, name string, visit func(name string, set func(string))) {
	switch v.Kind() { //nolint:exhaustive // the others hold no text
	case reflect.String:
		old := v.String()
		visit(name, func(s string) { v.SetString(s) })
		v.SetString(old)
	case reflect.Slice:
		for i := range v.Len() {
			texts(v.Index(i), fmt.Sprintf("%s[%d]", name, i), visit)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			texts(v.Field(i), name+"."+v.Type().Field(i).Name, visit)
		}
	}
}

func sound() asterisk.Call {
	return asterisk.Call{
		Job: "job-1", Number: "+79991110001", Room: "ROOM1", Language: "pt_BR", PIN: "1234", CallerNumber: "100", CallerName: "Anna B", Ring: 20 * time.Second,
	}
}

func TestNoFieldCanHoldAnotherOne(t *testing.T) {
	t.Parallel()
	f := fake(t, asterisktest.Options{})
	quiet := options(f)
	quiet.Ping = time.Hour
	c := open(t, quiet)
	s := spool(t)
	quiet.Spool = s
	byFile := open(t, quiet)
	join(t, c, asterisk.Call{Job: "here", Number: "79991110009", Room: "ROOM1"})
	asked, fields := len(f.Actions()), 0
	refused := func(name, text string, err error) {
		t.Helper()
		e, ok := errors.AsType[*asterisk.FieldError](err)
		if !ok || e.Field == "" || e.Why == "" || strings.ContainsAny(err.Error(), "\r\n\x00") || strings.Contains(err.Error(), "Logoff") {
			t.Errorf("%s = %q: %v", name, text, err)
		}
	}
	for _, text := range hostile() {
		call := sound()
		texts(reflect.ValueOf(&call).Elem(), "Call", func(name string, set func(string)) {
			set(text)
			fields++
			_, err := call.Originate()
			refused(name, text, err)
		})
		o, err := sound().Originate()
		must(t, err)
		texts(reflect.ValueOf(&o).Elem(), "Originate", func(name string, set func(string)) {
			set(text)
			fields++
			refused(name, text, c.Originate(t.Context(), o))
			refused(name, text, byFile.Originate(t.Context(), o))
			if _, err := asterisk.Text(o); err == nil { // the file has a net of its own
				t.Errorf("%s = %q was written", name, text)
			}
		})
		for name, err := range map[string]error{
			"mute room": c.Mute(t.Context(), text, "Local/1-1;1"), "mute": c.Mute(t.Context(), "ROOM1", text), "unmute": c.Unmute(t.Context(), "ROOM1", text),
			"kick": c.Kick(t.Context(), "ROOM1", text), "kick all": c.KickAll(t.Context(), text), "lock": c.Lock(t.Context(), text), "unlock": c.Unlock(t.Context(), text),
			"hangup": c.Hangup(t.Context(), text),
		} {
			refused(name, text, err)
		}
		_, err = c.People(t.Context(), text)
		refused("people", text, err)
	}
	if fields < len(hostile())*20 {
		t.Errorf("only %d fields were tried", fields)
	}
	if n := len(f.Actions()) - asked; n != 0 {
		t.Errorf("%d actions were sent: %v", n, f.Actions()[asked:])
	}
	if left := append(files(t, s, "outgoing"), files(t, s, "tmp")...); len(left) != 0 {
		t.Errorf("written: %q", left)
	}
}

// What means something to Asterisk beyond a line's end.
func TestFieldsMeanWhatTheySay(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*asterisk.Call){
		"Job":          func(c *asterisk.Call) { c.Job = "a/b" },
		"Number":       func(c *asterisk.Call) { c.Number = "1@other-context" },
		"Number ":      func(c *asterisk.Call) { c.Number = "1&Local/2" },
		"Number  ":     func(c *asterisk.Call) { c.Number = "../../etc/cron" },
		"Number   ":    func(c *asterisk.Call) { c.Number = "١٢٣" },
		"Room":         func(c *asterisk.Call) { c.Room = "h" },
		"Room ":        func(c *asterisk.Call) { c.Room = "FAILED" }, // to Asterisk the same as failed
		"Room  ":       func(c *asterisk.Call) { c.Room = "ROOM1,,,x" },
		"Language":     func(c *asterisk.Call) { c.Language = "../en" },
		"PIN":          func(c *asterisk.Call) { c.PIN = "1234,ROLE=admin" },
		"PIN ":         func(c *asterisk.Call) { c.PIN = "123" },
		"CallerNumber": func(c *asterisk.Call) { c.CallerNumber = "1> <2" },
		"CallerName":   func(c *asterisk.Call) { c.CallerName = `x" <666>` },
		"CallerName ":  func(c *asterisk.Call) { c.CallerName = "${SHELL(id)}" },
		"CallerName  ": func(c *asterisk.Call) { c.CallerName = "a ;b" }, // a comment in a call file
		"Timeout":      func(c *asterisk.Call) { c.Ring = time.Hour },
		"Timeout ":     func(c *asterisk.Call) { c.Ring = -time.Second },
	} {
		call := sound()
		change(&call)
		_, err := call.Originate()
		if e, ok := errors.AsType[*asterisk.FieldError](err); !ok || e.Field != strings.TrimSpace(name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	o, err := sound().Originate()
	must(t, err)
	for _, v := range []asterisk.Variable{{"SHELL(id)", "x"}, {"A", "b,ROLE=admin"}, {"A", "${B}"}, {"__A=b", ""}, {"A", "a b"}} {
		bad := o
		bad.Variables = []asterisk.Variable{v}
		if e, ok := errors.AsType[*asterisk.FieldError](asterisk.CheckCall(bad)); !ok || !strings.HasPrefix(e.Field, "Variables") {
			t.Errorf("%+v passes", v)
		}
	}
	for _, channel := range []string{"Local", "/x/", "Local/1&Local/2", "Local/1,2", "Local/1 ", "Local/${X}"} {
		bad := o
		bad.Channel = channel
		if asterisk.CheckCall(bad) == nil {
			t.Errorf("%q passes", channel)
		}
	}
}

// A PIN is printed nowhere.
func TestPINIsNotPrinted(t *testing.T) {
	t.Parallel()
	call := sound()
	call.PIN = "87654321"
	o, err := call.Originate()
	must(t, err)
	bad := o
	bad.Variables = append(bad.Variables, asterisk.Variable{Name: "ROOM_PIN", Value: secret.Text("8765 4321")})
	for _, text := range []string{fmt.Sprintf("%v %+v %#v", call, call, call), fmt.Sprintf("%v %+v %#v", o, o, o), asterisk.CheckCall(bad).Error()} {
		if strings.Contains(text, "8765") {
			t.Errorf("printed: %s", text)
		}
	}
}
