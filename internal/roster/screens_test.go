package roster_test

import (
	"fmt"
	"strings"
	"testing"

	"countersign/internal/goldentest"
	"countersign/internal/locale/localetest"
	"countersign/internal/roster"
	"countersign/internal/route"
)

// TestAlarmsReadAsWritten shows what administrators are told of a run, in each language.
func TestAlarmsReadAsWritten(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	told := map[string][]roster.Alarm{}
	fails := func(title string) {
		t.Helper()
		if _, err := o.Apply(t.Context()); err == nil || len(o.told) == 0 {
			t.Fatalf("%s: %v, %d alarms", title, err, len(o.told))
		}
		told[title], o.told = o.told, nil
	}
	fails("nobody is there")
	for i := range 8 {
		o.account(fmt.Sprint(i), fmt.Sprintf("p%d@corp.example", i), payers)
	}
	o.mustApply(t)
	for i := range 6 {
		o.at(t, fmt.Sprint(i)).Suspended = true
	}
	fails("too many would leave")
	for i := range 6 {
		o.at(t, fmt.Sprint(i)).Suspended = false
	}
	members := o.roll.Groups[0].Members
	o.roll.Groups[0].Members = nil
	fails("too many would lose a role")
	o.asks("payment_request", route.Selector{Role: "treasurer", Of: "company"})
	o.Limit = 100
	fails("nobody could decide")
	o.roll.Groups[0].Members = members
	for i := range 8 {
		o.at(t, fmt.Sprint(i)).Suspended = true
	}
	o.mustApply(t)
	told["the last who can decide left"] = o.told
	texts := localetest.Texts(t)
	for _, tag := range []string{"en", "ru", "de", "es"} {
		var out strings.Builder
		for _, title := range []string{"nobody is there", "too many would leave", "too many would lose a role", "nobody could decide", "the last who can decide left"} {
			for _, a := range told[title] {
				data := map[string]any{}
				for name, value := range a.Data {
					data[name] = value
				}
				fmt.Fprintf(&out, "=== %s\n%s\n\n", title, texts.For(tag).T(a.Key, data))
			}
		}
		if strings.Contains(out.String(), "{{") || strings.Contains(out.String(), "\nworkspace.") {
			t.Errorf("a placeholder or a key is left in a text:\n%s", out.String())
		}
		goldentest.Same(t, "alarms."+tag, out.String())
	}
}
