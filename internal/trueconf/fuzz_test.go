package trueconf_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/trueconf"
)

func FuzzAnswers(f *testing.F) {
	for _, seed := range []string{
		`{"cnt":3,"list":[{"conference_id":"0000001c@srv.example#vcs","named_conf_id":"8169600686","topic":"Standup","class":10,"owner":"anna@srv.example",
			"participant_count":"1","start_time":{"date":"2026-10-31 23:37:55.000000","timezone_type":3,"timezone":"Europe/London"},"duration":4,"end_time":null}]}`,
		`{"results":1,"conferences":[{"id":"44","topic":"Daily","owner":"anna","state":"running","access":"public","recording_enabled":false,
			"created_at":"2026-08-17T10:00:00Z","session_id":"3@srv#vcs","schedule":{"type":"none"},"tags":["a",{"name":"b"}],"url":"https://h/c/44"}]}`,
		`[{"id":"#guest:1a@srv.example/ff","display_name":"\u0000\n","role":"2","is_owner":1,"join_time":1790000000,"leave_time":""}]`,
		`{"list":[{"topic":7,"class":"10","duration":-1,"conference_id":"x","start_time":"1e99"},null,{"id":{}}]}`,
		`{"error":{"code":403,"errors":[{"reason":"accessTokenInvalid"}]}}`, `{"error":"invalid_client"}`, `{"reason":"InvalidCredentials"}`, `null`, `[`, ``,
	} {
		f.Add([]byte(seed))
	}
	now := time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, raw []byte) {
		if trueconf.Word(raw, "aB") == "aB" {
			t.Error("tells what was sent")
		}
		conferences, people := trueconf.Read(raw, now)
		for _, c := range conferences {
			for _, text := range []string{c.ID, c.Session, c.Topic, c.Owner, c.PageURL} {
				if strings.ContainsFunc(text, unicode.IsControl) {
					t.Errorf("%q", text)
				}
			}
			if c.People < -1 || c.Session == "" && c.Running && c.ID == "" && c.Topic == "" && !strings.Contains(string(raw), "running") {
				t.Errorf("made up %+v", c)
			}
			if u, err := url.Parse(c.PageURL); err != nil || c.PageURL != "" && (u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
				t.Errorf("sends people to %q", c.PageURL)
			}
			if text, err := json.Marshal([]time.Time{c.Started, c.Created}); err != nil { // one that no calendar has cannot be written
				t.Errorf("%s: %v", text, err)
			}
		}
		for _, p := range people {
			if p.Owner && !p.Moderator || strings.ContainsFunc(p.Name+p.ID, unicode.IsControl) || p.Guest && !strings.HasPrefix(p.ID, "#") {
				t.Errorf("%+v", p)
			}
		}
	})
}

func FuzzSeats(f *testing.F) {
	const fine = "https://video.example/webrtc/100#login=*guest&token=$2a*1*b&lang=auto"
	f.Add(fine)
	f.Add(fine + "\t&x=1") // a browser drops it, and reads another address than we do
	for from, to := range map[string]string{
		"https": "http", "video": "user@video", "example/": "example:443/", "example/w": "example:/w", "/webrtc": "//evil.example/webrtc", "100": "101", "login": "token",
		"#": "?", "https://": `https:\\`, "webrtc/": "webrtc/../webrtc/", "video.": "VIDEO.", "example": "example\\@evil", "/100": "%2f100",
	} {
		f.Add(strings.ReplaceAll(fine, from, to))
	}
	s, err := trueconf.Open(trueconf.Options{Name: "x", Address: "video.example", AccessToken: "t", Now: time.Now})
	if err != nil {
		f.Fatal(err)
	}
	if !s.Seats(fine, "100") || s.Seats(fine, "101") {
		f.Error("the web client itself")
	}
	f.Fuzz(func(t *testing.T, at string) {
		if !s.Seats(at, "100") {
			return
		}
		small := strings.ToLower(at)
		if !strings.HasPrefix(small, "https://video.example/") && !strings.HasPrefix(small, "https://video.example:443/") {
			t.Errorf("shows %q", at)
		}
		if strings.ContainsFunc(at, func(r rune) bool { return r < ' ' }) || !strings.Contains(at, "token") {
			t.Errorf("shows %q", at)
		}
	})
}

// What the same thing looks like in the versions that were seen.
func TestEveryFormOfAValueIsRead(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)
	begun := time.Date(2026, 10, 31, 23, 37, 55, 0, time.UTC)
	for name, tt := range map[string]struct {
		raw  string
		want trueconf.Conference
	}{
		"log, duration": {
			`{"conference_id":"1@s#vcs","named_conf_id":8169600686,"class":10,"duration":"3600","participant_count":"2","end_time":null}`,
			trueconf.Conference{ID: "8169600686", Session: "1@s#vcs", Running: true, People: 2, Started: now.Add(-time.Hour)},
		},
		"log, start in a zone": {
			`{"conference_id":"1","class":10,"start_time":{"date":"2026-11-01 01:37:55.000000","timezone_type":3,"timezone":"Europe/Helsinki"}}`,
			trueconf.Conference{Session: "1", Running: true, People: -1, Started: begun},
		},
		"log, start as text":    {`{"conference_id":"1","class":10,"start_time":"2026-10-31T23:37:55Z"}`, trueconf.Conference{Session: "1", Running: true, People: -1, Started: begun}},
		"log, start as number":  {`{"conference_id":"1","class":10,"start_time":1793489875}`, trueconf.Conference{Session: "1", Running: true, People: -1, Started: begun}},
		"log, start as a digit": {`{"conference_id":"1","class":10,"start_time":"1793489875"}`, trueconf.Conference{Session: "1", Running: true, People: -1, Started: begun}},
		"log, unknown zone":     {`{"conference_id":"1","class":10,"start_time":{"date":"2026-11-01 01:37:55","timezone":"Mars/Base"}}`, trueconf.Conference{Session: "1", Running: true, People: -1}},
		"log, odd numbers":      {`{"conference_id":"1","class":10,"duration":1e300,"participant_count":-4}`, trueconf.Conference{Session: "1", Running: true, People: -1}},
	} {
		got, _ := trueconf.Read([]byte(`{"list":[`+tt.raw+`]}`), now)
		if len(got) == 0 {
			t.Errorf("%s: not read", name)
			continue
		}
		if diff := cmp.Diff(tt.want, got[0]); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	for name, raw := range map[string]string{
		"a call between two":  `{"conference_id":"1","class":1,"end_time":null}`,
		"one that has ended":  `{"conference_id":"1","class":10,"end_time":{"date":"2026-10-31 23:37:55"}}`,
		"one without session": `{"class":10}`,
	} {
		got, _ := trueconf.Read([]byte(`{"list":[`+raw+`]}`), now)
		if len(got) > 0 && got[0].Running {
			t.Errorf("%s: %+v", name, got[0])
		}
	}
}
