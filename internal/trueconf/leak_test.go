package trueconf_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"countersign/internal/trueconf"
)

// A server, or whatever stands before it, may send back what it was sent.
func TestErrorsAndLogsHoldNothingThatIsSecret(t *testing.T) {
	t.Parallel()
	const (
		access   = "anaccesstokenthatnobodymaysee"
		password = "aclientsecretthatnobodymaysee"
		fragment = "aseatthatnobodymaysee"
		guest    = "Annathatnobodymaysee"
	)
	secrets := access + " " + password + " " + fragment + " " + guest
	json := func(status int, body string) string {
		return fmt.Sprintf("HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", status, len(body), body)
	}
	for name, answer := range map[string]string{
		"a reason":          json(400, `{"error":{"code":400,"errors":[{"reason":"`+access+`"}]}}`),
		"a secret reason":   json(403, `{"error":{"code":403,"errors":[{"reason":"`+password+`"}]}}`),
		"an OAuth reason":   json(400, `{"error":"`+secrets+`","error_description":"`+secrets+`"}`),
		"a flat reason":     json(401, `{"reason":"`+password+`"}`),
		"a page":            json(500, secrets),
		"half a text":       json(200, `{"`+secrets),
		"a list of clients": json(200, `{"clients":[{"type":"web","platform":"webrtc","web_url":"https://elsewhere.example/webrtc/100#login=a&token=`+fragment+`"}]}`),
		"a frame":           json(200, `{"clients":[{"type":"web","platform":"webrtc","iframe":"<iframe src='//x/`+fragment+`'>"}]}`),
		"a status":          "HTTP/1.1 " + secrets + "\r\n\r\n",
		"a header":          "HTTP/1.1 200 OK\r\n" + secrets + "\r\n\r\n",
		"a length":          "HTTP/1.1 200 OK\r\nContent-Length: " + secrets + "\r\n\r\n",
		"a coding":          "HTTP/1.1 200 OK\r\nTransfer-Encoding: " + secrets + "\r\n\r\n",
		"a piece":           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + secrets + "\r\n",
		"a redirect":        "HTTP/1.1 307 X\r\nLocation: http://elsewhere.example/" + strings.ReplaceAll(secrets, " ", "/") + "\r\nContent-Length: 0\r\n\r\n",
		"another redirect":  "HTTP/1.1 302 X\r\nLocation: ::" + secrets + "\r\nContent-Length: 0\r\n\r\n",
		"no HTTP":           secrets + "\r\n\r\n",
		"half a body":       "HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n" + secrets,
	} {
		for _, tokens := range []bool{true, false} {
			t.Run(fmt.Sprint(name, " ", tokens), func(t *testing.T) {
				t.Parallel()
				f := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if tokens && strings.HasSuffix(r.URL.Path, "/token") {
						io.WriteString(w, `{"access_token":"`+access+`","expires_in":3600}`)
						return
					}
					conn, _, err := http.NewResponseController(w).Hijack()
					if err != nil {
						panic(err)
					}
					defer conn.Close()
					io.WriteString(conn, answer)
				}))
				defer f.Close()
				var log bytes.Buffer
				for _, version := range []string{"v3", "v4", "auto"} {
					s, err := trueconf.Open(trueconf.Options{
						Name: "x", Address: f.URL, Engine: strings.TrimPrefix(f.URL, "http://"), API: version, ClientID: "c", ClientSecret: password, Now: time.Now,
						Pause: time.Millisecond, Log: slog.New(slog.NewTextHandler(&log, nil)),
					})
					if err != nil {
						t.Fatal(err)
					}
					defer s.Close()
					for _, err := range everything(t.Context(), s, guest) {
						if err == nil {
							continue
						}
						text := fmt.Sprintf("%v %+v %q", err, err, err)
						for secret := range strings.FieldsSeq(secrets) {
							if strings.Contains(text+log.String(), secret) {
								t.Errorf("%s: told %q", version, text)
							}
						}
					}
				}
			})
		}
	}
}

// everything asks for all that can be asked for.
func everything(ctx context.Context, s *trueconf.Server, guest string) []error {
	c := trueconf.Conference{ID: "100", Session: "1@srv#vcs", Running: true}
	var all []error
	add := func(err error) { all = append(all, err) }
	h := s.Health(ctx)
	all = append(all, h.Engine.Err, h.Web.Err, h.Login.Err)
	_, err := s.Running(ctx)
	add(err)
	_, err = s.Conference(ctx, "100")
	add(err)
	_, err = s.Participants(ctx, c)
	add(err)
	_, err = s.Online(ctx)
	add(err)
	_, err = s.Knows(ctx, "anna")
	add(err)
	_, err = s.Create(ctx, trueconf.Room{ID: "100", Topic: guest, Owner: "anna"})
	add(err)
	_, err = s.Seat(ctx, "100", "g_1", guest, "en")
	add(err)
	add(s.Run(ctx, "100"))
	add(s.Stop(ctx, c))
	add(s.Delete(ctx, "100"))
	return all
}
