package pin_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"countersign/internal/pin"
)

func TestAPINIsASCIIDigitsAndSoManyOfThem(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"4829", "48291", "00010203", "12345678"} {
		if !pin.Of(text, 4, 8) {
			t.Errorf("%s is none", text)
		}
	}
	for _, text := range []string{
		"", "482", "482913567", "48 29", "48a9", "+4829", "-482", "4.82", "4e29", "0x48", "48\n29", "48\x0029", "４８２９", "٤٨٢٩", "४८२९", "①②③④", "4829\u200b", "\u202e4829", "\xff\xfe48",
		strings.Repeat("4829", 2_500_000), strings.Repeat("٤", 5_000_000),
	} {
		if pin.Of(text, 4, 8) {
			t.Errorf("%.20q is one", text)
		}
	}
}

func TestWhatEverybodyTriesFirstIsWeak(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"4444": true, "1234": true, "4321": true, "8901": true, "2109": true, "00000000": true, "12345678": true, "98765432": true, "": true, "7": true,
		"4829": false, "1243": false, "1112": false, "2468": false, "12344321": false, "0101": false,
	} {
		if pin.Weak(text) != want {
			t.Errorf("%q is weak: %t", text, !want)
		}
	}
}

// cheap is the hash of 482913 at other costs.
const cheap = "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$9dwUK8HUbLOsviUt8Tsl4XJZWU2W1WjBHxkqKDBJoNQ"

// TestAHashIsSlowAndSalted: its form says what it costs, and no cheaper.
func TestAHashIsSlowAndSalted(t *testing.T) {
	t.Parallel()
	const code = "482913"
	first, second := pin.Make(code), pin.Make(code)
	const head = "$argon2id$v=19$m=19456,t=2,p=1$" // what OWASP asks for at least
	if !strings.HasPrefix(first, head) || len(first) != len(head)+22+1+43 || first == second || strings.Contains(first, code) {
		t.Errorf("the hashes are\n%s\n%s", first, second)
	}
	h, err := pin.Read(first)
	if err != nil || !h.Is(code) {
		t.Fatalf("its own PIN is wrong, %v", err)
	}
	if shown := fmt.Sprintf("%v, %+v, %#v, %s", h, h, h, h); shown != strings.Repeat("hash of a PIN, ", 3)+"hash of a PIN" {
		t.Errorf("it is printed as %s", shown)
	}
}

// TestAHashOfOtherCostsIsReadSoThatTheCostsCanGrow: but none that would take the machine.
func TestAHashOfOtherCostsIsReadSoThatTheCostsCanGrow(t *testing.T) {
	t.Parallel()
	h, err := pin.Read(cheap)
	if err != nil || !h.Is("482913") {
		t.Fatalf("a hash of other costs: %v", err)
	}
	for _, other := range []string{"", "482914", "48291", "4829130", " 482913", "482913\x00", "４８２９１３", strings.Repeat("482913", 10_000)} {
		if h.Is(other) {
			t.Errorf("%.20q is right", other)
		}
	}
	for name, text := range map[string]string{
		"nothing": "", "the PIN": "482913", "another kind": strings.Replace(cheap, "argon2id", "argon2i", 1), "another version": strings.Replace(cheap, "v=19", "v=16", 1),
		"no memory": strings.Replace(cheap, "m=64", "m=0", 1), "all memory": strings.Replace(cheap, "m=64", "m=262145", 1), "no time": strings.Replace(cheap, "t=1", "t=0", 1),
		"all time": strings.Replace(cheap, "t=1", "t=17", 1), "below zero": strings.Replace(cheap, "t=1", "t=-1", 1), "lanes": strings.Replace(cheap, "p=1", "p=2", 1),
		"more lanes": strings.Replace(cheap, "p=1", "p=11", 1), "a leading zero": strings.Replace(cheap, "m=64", "m=064", 1), "too large": strings.Replace(cheap, "m=64", "m=99999999999", 1),
		"a short salt": strings.Replace(cheap, "c2FsdHNhbHRzYWx0c2FsdA", "c2FsdA", 1), "no base64": strings.Replace(cheap, "c2Fs", "c2F!", 1), "a short sum": cheap[:len(cheap)-4],
		"more": cheap + "$", "before": "x" + cheap, "10 MB": strings.Repeat("$", 10_000_000),
	} {
		if _, err := pin.Read(text); !errors.Is(err, pin.ErrHash) || err.Error() != pin.ErrHash.Error() {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzRead: nothing that is stored brings it down, and what it takes costs no more than is
// bounded.
func FuzzRead(f *testing.F) {
	f.Add(cheap)
	f.Add("$argon2id$v=19$m=19456,t=2,p=1$$")
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := pin.Read(text); err != nil && !errors.Is(err, pin.ErrHash) {
			t.Error(err)
		}
	})
}
