package audiodesk

import (
	"testing"

	"countersign/internal/secret"
)

func TestTheLongestPrefixDecidesWhoIsCalled(t *testing.T) {
	t.Parallel()
	for number, want := range map[secret.Text]bool{
		"+4930123456": true, "+49900123456": false, "+4990012399": true, "+499011234567": true, "+74951234567": true, "+79991234567": false, "+18005550100": false,
		"+3301234567": false, "+3311234567": false,
	} {
		r := Rules{Prefixes: []string{"+49", "!+49900", "+490", "+49900123", "!+49900123456", "+7495", "+33", "!+33", "!+331"}}
		if got := r.called(number); got != want {
			t.Errorf("%s: %t", number.Reveal(), got)
		}
	}
	for _, r := range []Rules{{}, {Prefixes: []string{""}}, {Prefixes: []string{"!"}}, {Prefixes: []string{"!+49900"}}} {
		if r.called("+4930123456") {
			t.Errorf("%v: called", r.Prefixes)
		}
	}
}
