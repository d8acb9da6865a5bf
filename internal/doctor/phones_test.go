package doctor_test

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
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
	trusted bool                           // its certificate is
	files   func(t *testing.T, dir string) // calls are asked for by files in there
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
	fixed := fixedTime()
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
		"deaf":         {options: asterisktest.Options{Read: []string{"system", "user"}}, level: doctor.Problem, key: "deaf"},
		"no rooms":     {options: asterisktest.Options{NoModules: []string{"app_confbridge"}}, level: doctor.Problem, key: "modules"},
		"no modules":   {options: asterisktest.Options{NoModules: []string{"app_exec", "func_timeout"}}, level: doctor.Problem, key: "modules"},
		"old dialplan": {options: asterisktest.Options{Without: asterisk.ContextCheck}, level: doctor.Warning, key: "old"},
		"other trunk":  {options: asterisktest.Options{Trunk: asterisk.TrunkUnknown}, level: doctor.Problem, key: "trunk_unknown"},
		"dead trunk":   {options: asterisktest.Options{Trunk: asterisk.TrunkAway}, level: doctor.Problem, key: "trunk_away"},
		"no prompts":   {options: asterisktest.Options{NoPrompts: []string{"de/conf-kicked", "de/conf-locked"}}, level: doctor.Warning, key: "prompts"},
		"no english":   {options: asterisktest.Options{NoPrompts: []string{"en/conf-locked"}}, level: doctor.Warning, key: "prompts_english"},
		"files":        {files: func(*testing.T, string) {}, options: asterisktest.Options{Write: []string{"call", "reporting"}}, level: doctor.OK, key: "ok"},
		"no files":     {files: func(t *testing.T, dir string) { t.Helper(); must(t, os.Remove(dir)) }, level: doctor.Problem, key: "files_missing"},
		"files untaken": {
			files: func(*testing.T, string) {}, change: func(o *asterisk.Options) { o.Taken, o.Settle = time.Millisecond, time.Millisecond },
			options: asterisktest.Options{Outgoing: "/nowhere"}, level: doctor.Problem, key: "files_untaken",
		},
		"slow clock":  {options: asterisktest.Options{Now: func() time.Time { return fixed.Add(-time.Hour) }}, level: doctor.Problem, key: "doctor.clock.off"},
		"no dialplan": {options: asterisktest.Options{Without: "conf-in"}, level: doctor.Problem, key: "dialplan"},
		"starting": {
			options: asterisktest.Options{Starting: make(chan struct{})}, change: func(o *asterisk.Options) { o.Timeout = 300 * time.Millisecond },
			level: doctor.Problem, key: "starting",
		},
		"something else":    {change: func(o *asterisk.Options) { o.Address = other.Addr().String() }, level: doctor.Problem, key: "protocol"},
		"own authority":     {options: asterisktest.Options{TLS: true}, change: func(o *asterisk.Options) { o.TLS = true }, level: doctor.Problem, key: "certificate"},
		"certificate ends":  {options: asterisktest.Options{TLS: true, Until: fixed.AddDate(0, 0, 29)}, trusted: true, level: doctor.Warning, key: "certificate_ends"},
		"certificate ended": {options: asterisktest.Options{TLS: true, Until: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}, trusted: true, level: doctor.Problem, key: "certificate_ended"},
		"certificate later": {options: asterisktest.Options{TLS: true, Until: fixed.AddDate(0, 0, 31)}, trusted: true, level: doctor.OK, key: "ok"},
		"other name":        {options: asterisktest.Options{TLS: true}, change: func(o *asterisk.Options) { o.Address = strings.Replace(o.Address, "127.0.0.1", "localhost", 1) }, trusted: true, level: doctor.Problem, key: "certificate_name"},
		"away":              {change: func(o *asterisk.Options) { o.Address = "127.0.0.1:1" }, level: doctor.Problem, key: "away"},
	}
}

func fixedTime() time.Time { return time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC) }

// TestTheTelephoneExchangeIsLookedAt shows each finding about it in each language, and that
// looking rings nobody.
func TestTheTelephoneExchangeIsLookedAt(t *testing.T) {
	t.Parallel()
	texts := localetest.Texts(t)
	found := map[string]doctor.Finding{}
	for name, c := range exchanges(t) {
		if c.options.Now == nil {
			c.options.Now = fixedTime
		}
		var files *asterisk.Spool
		if c.files != nil {
			dir := t.TempDir()
			files = &asterisk.Spool{Outgoing: filepath.Join(dir, "outgoing")}
			must(t, os.Mkdir(files.Outgoing, 0o700))
			must(t, os.Mkdir(filepath.Join(dir, "tmp"), 0o700))
			c.files(t, files.Outgoing)
			c.options.Outgoing = cmp.Or(c.options.Outgoing, files.Outgoing)
		}
		f, err := asterisktest.Open(t.Context(), c.options)
		must(t, err)
		t.Cleanup(func() { _ = f.Close() })
		o := asterisk.Options{Address: f.Addr(), User: asterisktest.User, Secret: asterisktest.Secret, Now: fixedTime, Spool: files}
		if c.trusted {
			o.TLS, o.CA = true, filepath.Join(t.TempDir(), "ca.pem")
			must(t, os.WriteFile(o.CA, f.Certificate(), 0o600))
		}
		if c.change != nil {
			c.change(&o)
		}
		p := &doctor.Phones{Address: f.Addr(), Exchange: func() (*asterisk.Client, error) { return asterisk.New(o) }, Files: files, Prefixes: []string{"+49", "+7495"}, Sealed: true}
		if c.phones != nil {
			c.phones(p)
		}
		for _, one := range (&doctor.Doctor{Phones: p, Languages: texts.Languages(), Folder: t.TempDir(), Now: fixedTime}).Examine(t.Context()) {
			if one.Check == "phones" && (found[name].Key == "" || one.Level == doctor.Problem) {
				found[name] = one
			}
		}
		if got := found[name]; got.Level != c.level || strings.TrimPrefix(got.Key, "doctor.phones.") != c.key {
			t.Errorf("%s: %s %s %v", name, got.Level, got.Key, got.Data["Why"])
		}
		if len(f.Calls()) != 0 {
			t.Errorf("%s: somebody was called", name)
		}
	}
	for _, fault := range []asterisk.SpoolFault{asterisk.SpoolDenied, asterisk.SpoolApart, asterisk.SpoolOwner, asterisk.SpoolBroken} { // as only some machines can show them
		key := doctor.FilesWrong(&asterisk.SpoolError{Fault: fault, Folder: "/outgoing", Err: os.ErrClosed})
		found[key.Key] = key
	}
	for _, tag := range []string{"en", "ru", "de", "es"} {
		var out strings.Builder
		for _, name := range slices.Sorted(maps.Keys(found)) {
			fmt.Fprintf(&out, "=== %s (%s)\n%s\n\n", name, found[name].Level, passing(found[name].Text(texts.For(tag))))
		}
		goldentest.Same(t, "phones."+tag, out.String())
	}
}
