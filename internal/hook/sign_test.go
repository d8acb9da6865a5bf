package hook_test

import (
	"strings"
	"testing"
	"time"

	"countersign/internal/hook"
)

func TestSignatureIsThatOfTheStandard(t *testing.T) {
	t.Parallel()
	// The example of the Standard Webhooks specification.
	const key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	got, err := hook.Sign("msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`), key)
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; err != nil || got != want {
		t.Errorf("got %s, %v; want %s", got, err, want)
	}
}

func TestEd25519SignatureFitsThePublicKeyOfTheSeed(t *testing.T) {
	t.Parallel()
	// The key pair of RFC 8032, section 7.1, test 1.
	const private, public = "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=", "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
	got, err := hook.Sign("evt_1", time.Unix(1614265330, 999), []byte("{}"), private)
	if err != nil {
		t.Fatal(err)
	}
	if !fits(public, got, "evt_1.1614265330.{}") {
		t.Errorf("%s does not fit", got)
	}
	if fits(public, got, "evt_1.1614265330.{ }") || fits(public, got, "evt_1.1614265331.{}") || fits(public, got, "evt_2.1614265330.{}") {
		t.Error("it fits another text as well")
	}
}

func TestRotationSignsWithBothTheCurrentFirst(t *testing.T) {
	t.Parallel()
	const one, two = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	at := time.Unix(1614265330, 0)
	both, err := hook.Sign("evt_1", at, []byte("{}"), one, two)
	if err != nil {
		t.Fatal(err)
	}
	first, _ := hook.Sign("evt_1", at, []byte("{}"), one)
	second, _ := hook.Sign("evt_1", at, []byte("{}"), two)
	if both != first+" "+second {
		t.Errorf("got %q, want %q and %q", both, first, second)
	}
}

func TestBrokenKeySignsNothingAndIsNotShown(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"whsec_не base64", "whsk_AAAA", "whsk_!!!!"} {
		got, err := hook.Sign("evt_1", time.Unix(1, 0), nil, key)
		if err == nil || got != "" || strings.Contains(err.Error(), key[6:]) {
			t.Errorf("key %s: %q, %v", key, got, err)
		}
	}
	if _, err := hook.Sign("evt_1", time.Unix(1, 0), nil); err == nil {
		t.Error("no key signs")
	}
}
