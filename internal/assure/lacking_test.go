package assure_test

import (
	"strings"
	"testing"

	"countersign/internal/assure"
)

func TestWhatSomebodyLacksIsSaid(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		least assure.Method
		has   []assure.Method
		says  string
	}{
		{assure.PIN, nil, "no PIN"},
		{assure.PIN, []assure.Method{assure.PIN}, ""},
		{assure.PIN, []assure.Method{assure.Login}, ""},
		{assure.Login, []assure.Method{assure.PIN}, "not linked by a login"},
		{assure.Login, []assure.Method{assure.TOTP}, ""},
		{assure.TOTP, []assure.Method{assure.PIN, assure.Login}, "no one-time codes"},
		{assure.Passkey, []assure.Method{assure.TOTP}, "no passkey"},
		{assure.TOTP, []assure.Method{assure.Passkey}, ""},
		{"blood", []assure.Method{assure.Passkey}, "nobody can"},
	} {
		if got := assure.Lacking(tt.least, tt.has); !strings.Contains(got, tt.says) || tt.says == "" && got != "" {
			t.Errorf("%s with %v: %q", tt.least, tt.has, got)
		}
	}
}
