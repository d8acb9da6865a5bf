package secret_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/pelletier/go-toml/v2"

	"countersign/internal/secret"
)

const value = "s3cr\"et&<Значение>/42"

func TestTextHidesItselfInEveryVerbAndEncoding(t *testing.T) {
	t.Parallel()
	text := secret.Text(value)
	holder := struct {
		Name string                 `json:"name"`
		Text secret.Text            `json:"text"`
		List []secret.Text          `json:"list"`
		Map  map[string]secret.Text `json:"map"`
		Ptr  *secret.Text           `json:"ptr"`
	}{"x", text, []secret.Text{text}, map[string]secret.Text{"k": text}, &text}

	shown := map[string]string{}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%10s", "% x", "%U"} {
		shown["text "+verb] = fmt.Sprintf(verb, text)
		shown["pointer "+verb] = fmt.Sprintf(verb, &text)
		shown["holder "+verb] = fmt.Sprintf(verb, holder)
	}
	encoded, err := json.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	shown["json"] = string(encoded)
	shown["error"] = fmt.Errorf("open %s: %v", text, text).Error()
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "text", text, "holder", holder)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "text", text, "holder", holder)
	shown["slog"] = log.String()

	hex := fmt.Sprintf("%x", value)
	for how, got := range shown {
		for _, leak := range []string{value, "s3cr", "Значение", hex, strings.ToUpper(hex)} {
			if strings.Contains(got, leak) {
				t.Errorf("%s shows the secret: %s", how, got)
			}
		}
	}
	if got := fmt.Sprint(text); got != secret.Masked {
		t.Errorf("printed %q, want %q", got, secret.Masked)
	}
	if got := fmt.Sprintf("%s|%v|%#v", secret.Text(""), secret.Text(""), secret.Text("")); got != `||""` {
		t.Errorf("an empty secret printed as %q", got)
	}
	if text.Reveal() != value {
		t.Error("Reveal does not give the value")
	}
}

func TestTextIsReadFromTOMLAndJSON(t *testing.T) {
	t.Parallel()
	var into struct {
		Token secret.Text `json:"token" toml:"token"`
	}
	if err := toml.Unmarshal([]byte(`token = "one two"`), &into); err != nil || into.Token.Reveal() != "one two" {
		t.Errorf("TOML gave %q, %v", into.Token.Reveal(), err)
	}
	if err := json.Unmarshal([]byte(`{"token":"three"}`), &into); err != nil || into.Token.Reveal() != "three" {
		t.Errorf("JSON gave %q, %v", into.Token.Reveal(), err)
	}
}

// The corpus: what a log line may hold, what must not be left of it, what must stay.
func corpus() []struct{ name, line, leak, stays string } {
	const token = "7123456789:AAF-abcdefghijklmnopqrstuvwxyz_0123"
	return []struct{ name, line, leak, stays string }{
		{"bot token in a URL error", `Post "https://api.telegram.org/bot` + token + `/sendMessage": EOF`, "AAF-", "/sendMessage"},
		{"bot token in a file URL", `https://api.telegram.org/file/bot` + token + `/documents/file_1.pdf`, "AAF-", "/documents/file_1.pdf"},
		{"short bot token of a test server", `http://127.0.0.1:1234/bot42:TEST/getMe`, "TEST", "/getMe"},
		{"escaped bot token", `/bot7123456789%3AAAF-abcdefghijklmnopqrstuvwxyz_0123/getMe`, "AAF-", "getMe"},
		{"bare bot token", `token ` + token + ` refused`, "AAF-", "refused"},
		{"bare escaped bot token", `u=7123456789%3AAAF-abcdefghijklmnopqrstuvwxyz_0123`, "AAF-", "u="},
		{"webhook secret", `signed with whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD/Ue=`, "C2FV", "signed with"},
		{"bearer", `Authorization: Bearer abc.DEF-123_~+/=`, "abc.DEF", "Bearer"},
		{"bearer in lower case", `header bearer   k1_xyzzy12 rejected`, "xyzzy", "rejected"},
		{"basic", `Authorization: Basic a2V5OnNlY3JldA==`, "a2V5", "Basic"},
		{"postgres URL", `dial postgres://cs:p@ss/w:rd@db.test:5432/cs?sslmode=require failed`, "p@ss", "db.test:5432"},
		{"postgresql URL", `postgresql://cs:hunter2@db/cs`, "hunter2", "postgresql://cs:"},
		{"proxy URL", `socks5://user:pa55word@proxy.test:1080`, "pa55word", "proxy.test:1080"},
		{"keyword string of the database", `host=db user=cs password='a b c' dbname=cs`, "a b c", "dbname=cs"},
		{"keyword string without quotes", `host=db password=hunter2 dbname=cs`, "hunter2", "dbname=cs"},
		{"OAuth query", `/auth/google/callback?code=4%2F0AX4&state=Zm9v&hd=corp.test`, "4%2F0AX4", "hd=corp.test"},
		{"OAuth state", `/auth/google/callback?code=4%2F0AX4&state=Zm9v&hd=corp.test`, "Zm9v", "hd=corp.test"},
		{"form", `grant_type=client_credentials&client_id=id1&client_secret=qwerty1&x=1`, "qwerty1", "client_id=id1"},
		{"JSON answer", `{"access_token":"ya29.a0","expires_in":3599}`, "ya29", `"expires_in":3599`},
		{"JSON in JSON", `{"body":"{\"refresh_token\":\"1//0g\",\"n\":1}"}`, "1//0g", `\"n\":1`},
		{"private key", "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\ntail", "MIIE", "tail"},
		{"cut private key", "x -----BEGIN PRIVATE KEY-----\nMIIE", "MIIE", "x "},
		{"known value", "opened with correct horse", "correct horse", "opened with"},
		{"known value in a query", "/x?q=correct+horse&n=1", "correct+horse", "n=1"},
		{"known value in a path", "/x/correct%20horse/y", "correct%20horse", "/y"},
		{"known value with signs in JSON", string(must(json.Marshal(map[string]string{"v": value, "n": "stays"}))), "s3cr", "stays"},
		{"known value with signs, quoted", fmt.Sprintf("%q stays", value), "s3cr", "stays"},
	}
}

func TestMaskerTakesTheSecretAndLeavesTheRest(t *testing.T) {
	t.Parallel()
	masker := secret.NewMasker("correct horse", "correct horse battery", value, "abc", "")
	for _, c := range corpus() {
		got := masker.Mask(c.line)
		if strings.Contains(got, c.leak) || !strings.Contains(got, c.stays) || !strings.Contains(got, secret.Masked) {
			t.Errorf("%s: %q became %q", c.name, c.line, got)
		}
		if again := masker.Mask(got); again != got {
			t.Errorf("%s: masking twice changed %q to %q", c.name, got, again)
		}
	}
	if got := masker.Mask("correct horse battery staple"); got != secret.Masked+" staple" {
		t.Errorf("the longer of two secrets left a rest: %q", got)
	}
}

func TestMaskerLeavesInnocentTextAlone(t *testing.T) {
	t.Parallel()
	masker := secret.NewMasker("abc", "12345", "")
	for _, line := range []string{
		"", "abc 12345 abcdef", "12:34:56 took 3 ms", "GET /v1/sources/{source}/documents/{external_id}",
		"http://127.0.0.1:8080/console", "https://pay.example.com:8443/telegram/webhook", "postgres://cs@db:5432/cs?sslmode=disable",
		"robot 12: arm moved", "code=409 state", "sum=10.00", `{"status":"ok","count":3}`, "документ №7 утверждён",
		"mail to a@b.test", "tokens=", `{"id":"cas_01","version":3}`,
	} {
		if got := masker.Mask(line); got != line {
			t.Errorf("%q became %q", line, got)
		}
	}
}

// loud prints its secret whoever asks.
type loud struct{ inner string }

func (l loud) String() string { return l.inner }

// late reveals itself only when it is resolved.
type late struct{}

func (late) LogValue() slog.Value {
	return slog.GroupValue(slog.String("url", "https://u:correct horse@x.test/"))
}

func TestHandlerMasksEveryAttributeItCanMeet(t *testing.T) {
	t.Parallel()
	for _, c := range corpus() {
		for kind, log := range map[string]func(*slog.Logger){
			"message": func(l *slog.Logger) {
				_ = l.Handler().Handle(context.Background(), slog.NewRecord(time.Time{}, slog.LevelInfo, c.line, 0))
			},
			"string":         func(l *slog.Logger) { l.Info("x", "v", c.line) },
			"error":          func(l *slog.Logger) { l.Info("x", "err", fmt.Errorf("outer: %w", errors.New(c.line))) },
			"URL error":      func(l *slog.Logger) { l.Info("x", "err", &url.Error{Op: "Get", URL: c.line, Err: errors.New("eof")}) },
			"bytes":          func(l *slog.Logger) { l.Info("x", "v", []byte(c.line)) },
			"group":          func(l *slog.Logger) { l.Info("x", slog.Group("g", slog.Group("h", "v", c.line))) },
			"with":           func(l *slog.Logger) { l.With("v", c.line).Info("x") },
			"with in group":  func(l *slog.Logger) { l.WithGroup("g").With("v", c.line).Info("x") },
			"slice":          func(l *slog.Logger) { l.Info("x", "v", []string{"a", c.line}) },
			"map":            func(l *slog.Logger) { l.Info("x", "v", map[string]any{"k": c.line}) },
			"struct":         func(l *slog.Logger) { l.Info("x", "v", struct{ F string }{c.line}) },
			"hidden field":   func(l *slog.Logger) { l.Info("x", "v", struct{ f secret.Text }{secret.Text(c.line)}) },
			"pointer within": func(l *slog.Logger) { l.Info("x", "v", struct{ P *string }{&c.line}) },
			"stringer":       func(l *slog.Logger) { l.Info("x", "v", loud{c.line}) },
		} {
			for format, lines := range logged(log) {
				if strings.Contains(lines, c.leak) {
					t.Errorf("%s as %s in %s: %s", c.name, kind, format, lines)
				}
			}
		}
	}
	for format, lines := range logged(func(l *slog.Logger) { l.Info("x", "v", late{}) }) {
		if strings.Contains(lines, "correct horse") || !strings.Contains(lines, "x.test") {
			t.Errorf("resolved late in %s: %s", format, lines)
		}
	}
}

func TestHandlerBelievesTheNameOfAnAttribute(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"token", "Authorization", "client_secret", "db_password", "set-cookie", "api_key"} {
		for format, lines := range logged(func(l *slog.Logger) { l.Info("x", key, "zz9", "other", "stays", "n", 7) }) {
			if strings.Contains(lines, "zz9") || !strings.Contains(lines, "stays") || !strings.Contains(lines, "7") {
				t.Errorf("%s in %s: %s", key, format, lines)
			}
		}
	}
	for _, lines := range logged(func(l *slog.Logger) { l.Info("x", "token_count", "zz9", "cookies", 3) }) {
		if !strings.Contains(lines, "zz9") {
			t.Errorf("a harmless attribute was masked: %s", lines)
		}
	}
}

func TestHandlerKeepsLevelsAndPlainValues(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	handler := secret.Handler(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelWarn}))
	if handler.Enabled(context.Background(), slog.LevelInfo) {
		t.Error("the level of the next handler is not kept")
	}
	slog.New(handler).Warn("kept", "list", []int{1, 2}, "map", map[string]int{"a": 1}, "nothing", nil, "yes", true)
	var got map[string]any
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if list, ok := got["list"].([]any); !ok || len(list) != 2 || got["yes"] != true || got["nothing"] != nil {
		t.Errorf("plain values changed: %s", out.String())
	}
}

// logged runs the call against both formats of the standard library.
func logged(call func(*slog.Logger)) map[string]string {
	var text, object bytes.Buffer
	known := []secret.Text{"correct horse", value}
	call(slog.New(secret.Handler(slog.NewTextHandler(&text, nil), known...)))
	call(slog.New(secret.Handler(slog.NewJSONHandler(&object, nil), known...)))
	return map[string]string{"text": text.String(), "json": object.String()}
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

func FuzzMaskingIsStable(f *testing.F) {
	for _, c := range corpus() {
		f.Add(c.line)
	}
	masker := secret.NewMasker("correct horse", value)
	f.Fuzz(func(t *testing.T, line string) {
		once := masker.Mask(line)
		if strings.Contains(once, "correct horse") || strings.Contains(once, value) {
			t.Errorf("%q left a known value: %q", line, once)
		}
	})
}
