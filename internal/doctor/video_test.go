package doctor_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/internal/doctor"
	"countersign/internal/trueconf"
	"countersign/internal/trueconf/trueconftest"
)

// studio is a doctor who looks at one video server.
func studio(t *testing.T, o trueconftest.Options, change func(*trueconf.Options)) (*world, *trueconftest.Server) {
	t.Helper()
	w := healthy(t)
	f, err := trueconftest.Open(t.Context(), o)
	must(t, err)
	t.Cleanup(func() { _ = f.Close() })
	made := trueconf.Options{
		Name: "Head office", Address: f.URL(), Engine: f.Engine(), ClientID: trueconftest.ClientID, ClientSecret: trueconftest.ClientSecret, Now: time.Now,
	}
	if change != nil {
		change(&made)
	}
	s, err := trueconf.Open(made)
	must(t, err)
	t.Cleanup(s.Close)
	w.Video = []*trueconf.Server{s}
	w.VideoTrouble = func(err error) doctor.Said {
		return doctor.Said{Key: "video.trouble." + strings.ReplaceAll(trueconf.KindOf(err).String(), " ", "_"), Data: map[string]any{"Right": "users:read"}}
	}
	return w, f
}

func (w *world) ofVideo() (found []doctor.Finding) {
	for _, f := range w.Examine(w.t.Context()) {
		if f.Check == "video" {
			found = append(found, f)
		}
	}
	return found
}

func TestEachVideoServerIsLookedAt(t *testing.T) { //nolint:tparallel // the group is waited for
	t.Parallel()
	var mu sync.Mutex
	all := map[string]doctor.Finding{}
	t.Run("each", func(t *testing.T) { // before what they found is read
		for name, c := range map[string]struct {
			options trueconftest.Options
			change  func(*trueconf.Options)
			ill     func(f *trueconftest.Server)
			level   doctor.Level
			words   string
		}{
			"all is well": {level: doctor.OK, words: "Head office answers: version 5.5.1.10009, the credentials and the rights are good; conferences running: 1."},
			"a right is missing": {
				options: trueconftest.Options{Scopes: []string{"conferences", "logs.calls:read", "logs.calls.participants:read"}}, level: doctor.Problem, words: "lacks the right users:read",
			},
			"wrong secret": {change: func(o *trueconf.Options) { o.ClientSecret = "another" }, level: doctor.Problem, words: "does not accept the credentials"},
			"own certificate": {
				options: trueconftest.Options{TLS: true}, level: doctor.Problem, words: "certificate of the server is not trusted",
			},
			"certificate ends": {
				options: trueconftest.Options{TLS: true, Until: time.Now().Add(100 * time.Hour)}, change: func(o *trueconf.Options) { o.Verify = "false" },
				level: doctor.Warning, words: "its certificate ends on",
			},
			"no engine": {ill: func(f *trueconftest.Server) { f.CloseEngine() }, level: doctor.Warning, words: "the media engine does not"},
			"it fails": {ill: func(f *trueconftest.Server) {
				f.Break(trueconftest.Users, trueconftest.Trouble{Fault: trueconftest.Trouble5})
			}, level: doctor.Problem, words: "answers with an error"},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				w, f := studio(t, c.options, c.change)
				f.Put(trueconftest.Conference{ID: "100", Owner: "anna", Running: true})
				if c.ill != nil {
					c.ill(f)
				}
				found := w.ofVideo()
				if len(found) == 0 {
					t.Fatal("nothing was found")
				}
				last := found[len(found)-1]
				if text := last.Text(english(t)); last.Level != c.level || !strings.Contains(text, c.words) || !strings.Contains(text, "Head office") {
					t.Errorf("%s: %s", last.Level, text)
				}
				mu.Lock()
				defer mu.Unlock()
				all[name] = last
			})
		}
	})
	if !t.Failed() {
		readAsWritten(t, "video", all)
	}
}
