package asterisk_test

import (
	"errors"
	"testing"
	"time"

	"countersign/internal/asterisk"
	"countersign/internal/asterisk/asterisktest"
)

func TestRightsAreTriedWithoutACall(t *testing.T) {
	both(t, func(w world) {
		must(w.t, w.c.Rights(w.t.Context(), 10*time.Second))
		up, err := w.c.Channels(w.t.Context())
		if err != nil || len(up) != 0 {
			w.t.Errorf("%+v, %v", up, err)
		}
	})
}

func TestRightThatIsMissingIsNamed(t *testing.T) {
	t.Parallel()
	for right, o := range map[string]asterisktest.Options{
		"write = call":            {Write: []string{"originate", "reporting"}},
		"write = originate":       {Write: []string{"call", "reporting"}},
		"read = call,system,user": {Read: []string{"system"}},
	} {
		t.Run(right, func(t *testing.T) {
			t.Parallel()
			f := fake(t, o)
			err := open(t, options(f)).Rights(t.Context(), 200*time.Millisecond)
			wrong, ok := errors.AsType[*asterisk.Error](err)
			if !ok || !errors.Is(err, asterisk.ErrForbidden) || wrong.Right != right {
				t.Errorf("%v", err)
			}
			if len(f.Calls()) != 0 {
				t.Error("somebody was called")
			}
		})
	}
}
