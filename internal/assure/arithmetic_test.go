package assure_test

import (
	"encoding/base32"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"countersign/internal/assure"
)

// The vectors of RFC 6238, appendix B, for SHA-1; of their eight digits the last six.
func TestCodesAreThoseOfTheStandard(t *testing.T) {
	t.Parallel()
	secret := []byte("12345678901234567890")
	for at, want := range map[int64]string{
		59: "94287082", 1111111109: "07081804", 1111111111: "14050471", 1234567890: "89005924", 2000000000: "69279037", 20000000000: "65353130",
	} {
		if got := assure.TOTPOfStep(secret, at/30); got != want[2:] {
			t.Errorf("at %d: %s, want %s", at, got, want[2:])
		}
	}
	// Those of RFC 4226, appendix D.
	for count, want := range []string{"755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"} {
		if got := assure.TOTPOfStep(secret, int64(count)); got != want {
			t.Errorf("count %d: %s, want %s", count, got, want)
		}
	}
}

func TestCodesOfThreeStepsAreKnown(t *testing.T) {
	t.Parallel()
	raw := []byte("12345678901234567890")
	secret := base32.StdEncoding.EncodeToString(raw)
	rapid.Check(t, func(rt *rapid.T) {
		now := rapid.Int64Range(1_700_000_000, 4_000_000_000).Draw(rt, "now")
		ahead := rapid.Int64Range(-5, 5).Draw(rt, "ahead")
		got, err := assure.StepOf(secret, assure.TOTPOfStep(raw, now/30+ahead), time.Unix(now, 0))
		if err != nil {
			rt.Fatal(err)
		}
		if near := ahead >= -1 && ahead <= 1; near && got < now/30+ahead || !near && got == now/30+ahead {
			rt.Errorf("step %d of %d: %d", now/30+ahead, now/30, got)
		}
	})
	for _, bad := range []string{"", "AAAA", "12345678", "a"} {
		if _, err := assure.StepOf(bad, "123456", time.Unix(1_700_000_000, 0)); err == nil {
			t.Errorf("%q is a secret", bad)
		}
	}
}

func TestPINsThatEverybodyTriesAreWeak(t *testing.T) {
	t.Parallel()
	for _, pin := range []string{"000000", "777777777777", "123456", "012345", "234567890", "901234", "987654", "321098", "098765432109"} {
		if !assure.IsPIN(pin) || !assure.IsWeak(pin) {
			t.Errorf("%s is not weak", pin)
		}
	}
	for _, pin := range []string{"123457", "112345", "000001", "135791", "121212", "123321", "654322", goodPIN} {
		if !assure.IsPIN(pin) || assure.IsWeak(pin) {
			t.Errorf("%s is weak", pin)
		}
	}
}

func TestHashOfAPINIsSlowSaltedAndItsOwn(t *testing.T) {
	t.Parallel()
	one, two := assure.HashPIN(goodPIN), assure.HashPIN(goodPIN)
	if one == two || !strings.HasPrefix(one, "$argon2id$v=19$m=19456,t=2,p=1$") || strings.Contains(one, goodPIN) {
		t.Errorf("%s, %s", one, two)
	}
	for pin, want := range map[string]bool{goodPIN: true, "274914": false, "": false} {
		if got, err := assure.SamePIN(one, pin); err != nil || got != want {
			t.Errorf("%q: %v, %v", pin, got, err)
		}
	}
	parts := strings.Split(one, "$")
	for name, bad := range map[string]string{
		"empty": "", "cut off": one[:len(one)-10], "another kind": strings.Replace(one, "argon2id", "argon2i", 1), "another version": strings.Replace(one, "v=19", "v=16", 1),
		"no memory": strings.Replace(one, "m=19456", "m=0", 1), "too much": strings.Replace(one, "m=19456", "m=4194304", 1), "too slow": strings.Replace(one, "t=2", "t=4000000", 1),
		"no salt": strings.Replace(one, parts[4], "", 1), "a part more": one + "$x", "an odd number": strings.Replace(one, "t=2", "t=+2", 1),
	} {
		if same, err := assure.SamePIN(bad, goodPIN); err == nil || same {
			t.Errorf("%s: %v, %v", name, same, err)
		}
	}
}
