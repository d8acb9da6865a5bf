package asterisk_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"countersign/internal/asterisk"
)

func TestOptionsThatAreRefused(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "empty.pem")
	must(t, os.WriteFile(empty, nil, 0o600))
	for name, story := range map[string]struct {
		change func(*asterisk.Options)
		says   string // empty: it is fine
	}{
		"PlainOnThisMachine":  {func(*asterisk.Options) {}, ""},
		"PlainByName":         {func(o *asterisk.Options) { o.Address = "localhost:5038" }, ""},
		"PlainV6":             {func(o *asterisk.Options) { o.Address = "[::1]:5038" }, ""},
		"WithoutPort":         {func(o *asterisk.Options) { o.Address = "127.0.0.1" }, ""},
		"TLSFar":              {func(o *asterisk.Options) { o.Address, o.TLS = "pbx.example.com", true }, ""},
		"PlainFar":            {func(o *asterisk.Options) { o.Address = "pbx.example.com:5038" }, "turn TLS on"},
		"PlainFarByNumber":    {func(o *asterisk.Options) { o.Address = "10.0.0.7" }, "turn TLS on"},
		"PlainEverywhere":     {func(o *asterisk.Options) { o.Address = "0.0.0.0:5038" }, "turn TLS on"},
		"PlainAlmostLoopback": {func(o *asterisk.Options) { o.Address = "127.0.0.1.example.com:5038" }, "turn TLS on"},
		"NoAddress":           {func(o *asterisk.Options) { o.Address = "" }, "neither host nor host:port"},
		"AURL":                {func(o *asterisk.Options) { o.Address = "tcp://127.0.0.1:5038" }, "neither host nor host:port"},
		"NoSuchPort":          {func(o *asterisk.Options) { o.Address = "127.0.0.1:99999" }, "neither host nor host:port"},
		"NoHost":              {func(o *asterisk.Options) { o.Address = ":5038" }, "neither host nor host:port"},
		"LineBreakInAddress":  {func(o *asterisk.Options) { o.Address = "127.0.0.1\r\n:5038" }, "neither host nor host:port"},
		"NoUser":              {func(o *asterisk.Options) { o.User = "" }, "user is missing"},
		"UserWithBreak":       {func(o *asterisk.Options) { o.User = "u\r\nAction: Logoff" }, "user is missing, or"},
		"NoSecret":            {func(o *asterisk.Options) { o.Secret = "" }, "secret is missing"},
		"SecretWithBreak":     {func(o *asterisk.Options) { o.Secret = "topsecret\nAction: Logoff" }, "a line break"},
		"SecretOfAFile":       {func(o *asterisk.Options) { o.Secret = "topsecret\n" }, "a line break"},
		"NoClock":             {func(o *asterisk.Options) { o.Now = nil }, "no clock"},
		"CAWithoutTLS":        {func(o *asterisk.Options) { o.CA = empty }, "TLS is off"},
		"CAMissing":           {func(o *asterisk.Options) { o.TLS, o.CA = true, empty+"x" }, "authority to trust"},
		"CAEmpty":             {func(o *asterisk.Options) { o.TLS, o.CA = true, empty }, "no certificate in PEM form"},
		"TimeBelowZero":       {func(o *asterisk.Options) { o.Timeout = -1 }, "below zero"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := asterisk.Options{Address: "127.0.0.1:5038", User: "countersign", Secret: "topsecret", Now: time.Now}
			story.change(&o)
			_, err := asterisk.New(o)
			switch {
			case story.says == "" && err != nil:
				t.Error(err)
			case story.says != "" && (err == nil || !strings.Contains(err.Error(), story.says) || strings.Contains(err.Error(), "topsecret")):
				t.Errorf("got %v", err)
			}
		})
	}
}
