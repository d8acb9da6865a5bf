package google_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/google"
)

const sound = `{"iss":"https://accounts.google.com","aud":"c","azp":"c","sub":"117","iat":1781956800,"exp":1781960400,` +
	`"nonce":"a-nonce-of-this-attempt","email":"Anna@corp.example","email_verified":true,"hd":"corp.example","auth_time":1781956790}`

func FuzzClaims(f *testing.F) {
	f.Add([]byte(sound))
	for from, to := range map[string]string{
		`true`: `"true"`, `"117"`: `117`, `"aud":"c"`: `"aud":["c"]`, `"Anna@`: `"Anna@x@`, `1781956790`: `1e400`,
		`"hd":"corp.example"`: `"hd":null`, `"azp"`: `"sub"`, `Anna`: `\u0041\u030a`, `}`: `,"SUB":"118"}`,
	} {
		f.Add([]byte(strings.ReplaceAll(sound, from, to)))
	}
	now := time.Unix(1781956800, 0)
	p := &google.Provider{Issuer: google.Issuer, ClientID: "c", Domains: []string{"corp.example"}, HostedDomainClaim: true, Now: func() time.Time { return now }}
	r := request()
	r.MaxAge = time.Minute
	f.Fuzz(func(t *testing.T, payload []byte) {
		id, err := p.Judge(payload, r)
		if err != nil {
			if reason(err) == "" || errors.Is(err, google.ErrUnreachable) || id != (google.Identity{}) {
				t.Errorf("%q: %+v %v", payload, id, err)
			}
			return
		}
		var c map[string]any // a second reading, by a reader that is less strict
		if err := json.Unmarshal(payload, &c); err != nil {
			t.Fatalf("%q: %v", payload, err)
		}
		email, _ := c["email"].(string)
		for what, fine := range map[string]bool{
			"issuer":   c["iss"] == google.Issuer && id.Issuer == google.Issuer,
			"audience": (c["aud"] == "c" || cmp.Equal(c["aud"], []any{"c"})) && (c["azp"] == nil || c["azp"] == "c"),
			"nonce":    c["nonce"] == nonce,
			"subject":  c["sub"] == id.Subject && id.Subject != "" && len(id.Subject) <= 255,
			"address":  strings.EqualFold(email, id.Email) && strings.Count(id.Email, "@") == 1 && id.Email == strings.ToLower(id.Email),
			"verified": c["email_verified"] == true,
			"domain":   id.HostedDomain == "corp.example",
			"times":    now.Sub(id.IssuedAt).Abs() <= 10*time.Minute && now.Sub(id.AuthTime).Abs() <= 2*time.Minute,
		} {
			if !fine {
				t.Errorf("%s: %q gives %+v", what, payload, id)
			}
		}
	})
}
