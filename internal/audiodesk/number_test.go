package audiodesk_test

import (
	"testing"

	"countersign/internal/audiodesk"
	"countersign/internal/secret"
)

func TestTheLongestPrefixDecidesWhoIsCalled(t *testing.T) {
	t.Parallel()
	for number, want := range map[secret.Text]bool{
		"+4930123456": true, "+49900123456": false, "+4990012399": true, "+499011234567": true, "+74951234567": true, "+79991234567": false, "+18005550100": false,
		"+3301234567": false, "+3311234567": false,
	} {
		r := audiodesk.Rules{Prefixes: []string{"+49", "!+49900", "+490", "+49900123", "!+49900123456", "+7495", "+33", "!+33", "!+331"}}
		if got := audiodesk.Calls(r, number); got != want {
			t.Errorf("%s: %t", number.Reveal(), got)
		}
	}
	for _, r := range []audiodesk.Rules{{}, {Prefixes: []string{""}}, {Prefixes: []string{"!"}}, {Prefixes: []string{"!+49900"}}} {
		if audiodesk.Calls(r, "+4930123456") {
			t.Errorf("%v: called", r.Prefixes)
		}
	}
}
