package doctor_test

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/internal/asterisk"
	"countersign/internal/asterisk/asterisktest"
	"countersign/internal/doctor"
	"countersign/internal/goldentest"
	"countersign/internal/locale/localetest"
	"countersign/internal/secret"
)

// exchange is a telephone exchange with one thing wrong.
type exchange struct {
	options asterisktest.Options
	change  func(o *asterisk.Options)
	phones  func(p *doctor.Phones)
	level   doctor.Level
	key     string
}

func exchanges(t *testing.T) map[string]exchange {
	t.Helper()
	other, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = other.Close() })
	go func() {
		for {
			c, err := other.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte("220 mail.example.com ESMTP\r\n"))
			t.Cleanup(func() { _ = c.Close() })
		}
	}()
	secretOf := func(text string) func(o *asterisk.Options) {
		return func(o *asterisk.Options) { o.Secret = secret.Text(text) }
	}
	return map[string]exchange{
		"off":          {phones: func(p *doctor.Phones) { p.Exchange = nil }, level: doctor.OK, key: "off"},
		"well":         {level: doctor.OK, key: "ok"},
		"no prefixes":  {phones: func(p *doctor.Phones) { p.Prefixes = nil }, level: doctor.Problem, key: "nobody"},
		"no key":       {phones: func(p *doctor.Phones) { p.Sealed = false }, level: doctor.Problem, key: "unsealed"},
		"wrong secret": {change: secretOf("another"), level: doctor.Problem, key: "login"},
		"bad settings": {change: secretOf(""), level: doctor.Problem, key: "settings"},
		"no right":     {options: asterisktest.Options{Write: []string{"call", "reporting"}}, level: doctor.Problem, key: "right"},
		"no dialplan":  {options: asterisktest.Options{Without: "conf-in"}, level: doctor.Problem, key: "dialplan"},
		"starting": {
			options: asterisktest.Options{Starting: make(chan struct{})}, change: func(o *asterisk.Options) { o.Timeout = 300 * time.Millisecond },
			level: doctor.Problem, key: "starting",
		},
		"something else": {change: func(o *asterisk.Options) { o.Address = other.Addr().String() }, level: doctor.Problem, key: "protocol"},
		"own authority":  {options: asterisktest.Options{TLS: true}, change: func(o *asterisk.Options) { o.TLS = true }, level: doctor.Problem, key: "certificate"},
		"away":           {change: func(o *asterisk.Options) { o.Address = "127.0.0.1:1" }, level: doctor.Problem, key: "away"},
	}
}

// TestTheTelephoneExchangeIsLookedAt shows each finding about it in each language, and that
// looking rings nobody.
func TestTheTelephoneExchangeIsLookedAt(t *testing.T) {
	t.Parallel()
	texts := localetest.Texts(t)
	found := map[string]doctor.Finding{}
	for name, c := range exchanges(t) {
		f, err := asterisktest.Open(t.Context(), c.options)
		must(t, err)
		t.Cleanup(func() { _ = f.Close() })
		o := asterisk.Options{Address: f.Addr(), User: asterisktest.User, Secret: asterisktest.Secret, Now: time.Now}
		if c.change != nil {
			c.change(&o)
		}
		p := &doctor.Phones{Address: f.Addr(), Exchange: func() (*asterisk.Client, error) { return asterisk.New(o) }, Prefixes: []string{"+49", "+7495"}, Sealed: true}
		if c.phones != nil {
			c.phones(p)
		}
		for _, one := range (&doctor.Doctor{Phones: p, Languages: texts.Languages(), Folder: t.TempDir(), Now: time.Now}).Examine(t.Context()) {
			if one.Check == "phones" && (found[name].Key == "" || one.Level == doctor.Problem) {
				found[name] = one
			}
		}
		if got := found[name]; got.Level != c.level || got.Key != "doctor.phones."+c.key {
			t.Errorf("%s: %s %s %v", name, got.Level, got.Key, got.Data["Why"])
		}
		if len(f.Calls()) != 0 {
			t.Errorf("%s: somebody was called", name)
		}
	}
	for _, tag := range []string{"en", "ru", "de", "es"} {
		var out strings.Builder
		for _, name := range slices.Sorted(maps.Keys(found)) {
			fmt.Fprintf(&out, "=== %s (%s)\n%s\n\n", name, found[name].Level, passing(found[name].Text(texts.For(tag))))
		}
		goldentest.Same(t, "phones."+tag, out.String())
	}
}
