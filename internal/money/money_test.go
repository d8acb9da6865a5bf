package money_test

import (
	"errors"
	"math"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"countersign/internal/money"
)

func TestPlainDecimalsAreReadExactly(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text, currency string
		minor          int64
		written        string
	}{
		{"125000.00", "RUB", 12_500_000, "125000.00"},
		{"125000.5", "RUB", 12_500_050, "125000.50"},
		{"125000", "RUB", 12_500_000, "125000.00"},
		{"0.01", "EUR", 1, "0.01"},
		{"0.1", "EUR", 10, "0.10"},
		{"10", "USD", 1000, "10.00"},
		{"1500", "JPY", 1500, "1500"},
		{"1.5", "KWD", 1500, "1.500"},
		{"0.001", "KWD", 1, "0.001"},
		{"0.0001", "CLF", 1, "0.0001"},
		{"123.4567", "UYW", 1_234_567, "123.4567"},
		{"90071992547409.93", "RUB", 9_007_199_254_740_993, "90071992547409.93"}, // no float64 holds it
		{"999999999999999.99", "RUB", 99_999_999_999_999_999, "999999999999999.99"},
		{"999999999999999.999", "BHD", 999_999_999_999_999_999, "999999999999999.999"},
		{"922337203685477.5807", "CLF", math.MaxInt64, "922337203685477.5807"},
	}
	for _, test := range tests {
		t.Run(test.text+test.currency, func(t *testing.T) {
			t.Parallel()
			got, err := money.Parse(test.text, test.currency)
			if err != nil {
				t.Fatal(err)
			}
			if want := (money.Amount{Minor: test.minor, Currency: test.currency}); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
			if got.String() != test.written {
				t.Errorf("written as %q, want %q", got, test.written)
			}
			if err := got.Valid(); err != nil {
				t.Errorf("a parsed amount must be valid: %v", err)
			}
		})
	}
}

// The rows of the catalogue of bad amounts, each with its cause.
func TestBadAmountsAreRefusedByCause(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text, currency string
		want           error
	}{
		{"NaN", "RUB", money.ErrSyntax},
		{"Infinity", "RUB", money.ErrSyntax},
		{"-Infinity", "RUB", money.ErrSyntax},
		{"inf", "RUB", money.ErrSyntax},
		{"-1", "RUB", money.ErrSyntax},
		{"+1", "RUB", money.ErrSyntax},
		{"0", "RUB", money.ErrRange},
		{"0.00", "RUB", money.ErrRange},
		{"1e309", "RUB", money.ErrSyntax},
		{"1e2", "RUB", money.ErrSyntax},
		{"1E2", "RUB", money.ErrSyntax},
		{"٣٤٥", "RUB", money.ErrSyntax},
		{"\uff11\uff12", "RUB", money.ErrSyntax},
		{"1,000.00", "RUB", money.ErrSyntax},
		{"1 000.00", "RUB", money.ErrSyntax},
		{"1\u00a0000.00", "RUB", money.ErrSyntax},
		{"1'000.00", "CHF", money.ErrSyntax},
		{"1_000", "RUB", money.ErrSyntax},
		{"1000,00", "RUB", money.ErrSyntax},
		{"1.00000", "RUB", money.ErrTooPrecise},
		{"1.00000", "CLF", money.ErrTooPrecise},
		{"1.000", "RUB", money.ErrTooPrecise},
		{"1.0", "JPY", money.ErrTooPrecise},
		{"10000000000000000", "RUB", money.ErrRange},
		{"1000000000000000", "RUB", money.ErrRange},
		{"922337203685477.5808", "CLF", money.ErrRange},
		{"999999999999999", "CLF", money.ErrRange},
		{strings.Repeat("9", 5000), "RUB", money.ErrRange},
		{"007", "RUB", money.ErrSyntax},
		{"00.5", "RUB", money.ErrSyntax},
		{"00", "RUB", money.ErrSyntax},
		{"", "RUB", money.ErrSyntax},
		{".", "RUB", money.ErrSyntax},
		{".5", "RUB", money.ErrSyntax},
		{"5.", "RUB", money.ErrSyntax},
		{"1.2.3", "RUB", money.ErrSyntax},
		{" 1", "RUB", money.ErrSyntax},
		{"1\n", "RUB", money.ErrSyntax},
		{"1\x00", "RUB", money.ErrSyntax},
		{"0x10", "RUB", money.ErrSyntax},
		{"\xff", "RUB", money.ErrSyntax},
		{"1", "rub", money.ErrCurrency},
		{"1", "", money.ErrCurrency},
		{"1", "RU", money.ErrCurrency},
		{"1", "RUBL", money.ErrCurrency},
		{"1", "D A", money.ErrCurrency},
		{"1", "XXX", money.ErrCurrency},
		{"1", "XTS", money.ErrCurrency},
		{"1", "XAU", money.ErrCurrency},
		{"1", "DEM", money.ErrCurrency},
		{"1", "РУБ", money.ErrCurrency},
	}
	for _, test := range tests {
		name := test.text
		if len(name) > 30 {
			name = name[:30]
		}
		t.Run(name+" "+test.currency, func(t *testing.T) {
			t.Parallel()
			got, err := money.Parse(test.text, test.currency)
			for _, sentinel := range []error{money.ErrSyntax, money.ErrTooPrecise, money.ErrRange, money.ErrCurrency} {
				if is := errors.Is(err, sentinel); is != errors.Is(test.want, sentinel) {
					t.Errorf("errors.Is(%v, %v) is %t", err, sentinel, is)
				}
			}
			if got != (money.Amount{}) {
				t.Errorf("a refused text still gave %+v", got)
			}
			if err != nil && len(err.Error()) > 200 {
				t.Errorf("the error repeats %d bytes of the input", len(err.Error()))
			}
		})
	}
}

func TestEveryCurrencyHasItsDigits(t *testing.T) {
	t.Parallel()
	exceptions := map[string]int{
		"BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "ISK": 0, "JPY": 0, "KMF": 0, "KRW": 0, "PYG": 0, "RWF": 0,
		"UGX": 0, "UYI": 0, "VND": 0, "VUV": 0, "XAF": 0, "XOF": 0, "XPF": 0,
		"BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3,
		"CLF": 4, "UYW": 4,
	}
	seen := map[string]bool{}
	for _, code := range money.Currencies() {
		want, special := exceptions[code]
		if !special {
			want = 2
		}
		delete(exceptions, code)
		got, ok := money.Digits(code)
		if !ok || got != want || seen[code] || len(code) != 3 {
			t.Errorf("%s: %d digits, known %t, seen before %t; want %d", code, got, ok, seen[code], want)
		}
		seen[code] = true
	}
	if len(exceptions) > 0 {
		t.Errorf("missing: %v", exceptions)
	}
	for _, code := range []string{"RUB", "EUR", "USD", "GBP", "CNY", "KZT", "BYN", "AMD", "GEL", "UZS", "TRY", "AED", "INR", "BRL", "ZWG", "XCG", "SLE"} {
		if !seen[code] {
			t.Errorf("%s is missing", code)
		}
	}
}

func TestLimitsOfADocumentAreTheSameFromMinorUnits(t *testing.T) {
	t.Parallel()
	tests := []struct {
		minor    int64
		currency string
		want     error
	}{
		{1, "RUB", nil},
		{99_999_999_999_999_999, "RUB", nil},
		{100_000_000_000_000_000, "RUB", money.ErrRange},
		{0, "RUB", money.ErrRange},
		{-1, "RUB", money.ErrRange},
		{math.MinInt64, "RUB", money.ErrRange},
		{999_999_999_999_999, "JPY", nil},
		{1_000_000_000_000_000, "JPY", money.ErrRange},
		{math.MaxInt64, "CLF", nil},
	}
	for _, test := range tests {
		amount, err := money.FromMinor(test.minor, test.currency)
		if err != nil {
			t.Fatal(err)
		}
		if got := amount.Valid(); !errors.Is(got, test.want) {
			t.Errorf("%d %s: %v, want %v", test.minor, test.currency, got, test.want)
		}
	}
	if _, err := money.FromMinor(1, "ABC"); !errors.Is(err, money.ErrCurrency) {
		t.Errorf("unknown currency: %v", err)
	}
	if err := (money.Amount{Minor: 1}).Valid(); !errors.Is(err, money.ErrCurrency) {
		t.Errorf("no currency: %v", err)
	}
	if !(money.Amount{}).IsZero() || (money.Amount{Minor: 1}).IsZero() {
		t.Error("IsZero looks at the minor units")
	}
}

func TestSumsNeverWrapAround(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		x, y := rapid.Int64().Draw(t, "x"), rapid.Int64().Draw(t, "y")
		a, b := money.Amount{Minor: x, Currency: "EUR"}, money.Amount{Minor: y, Currency: "EUR"}
		check := func(name string, exact *big.Int, got money.Amount, err error) {
			if exact.IsInt64() {
				if err != nil || got.Minor != exact.Int64() || got.Currency != "EUR" {
					t.Fatalf("%s %s %s = %+v, %v; want %s", a, name, b, got, err, exact)
				}
			} else if !errors.Is(err, money.ErrRange) {
				t.Fatalf("%s %s %s: %v, want ErrRange", a, name, b, err)
			}
		}
		sum, err := a.Add(b)
		check("+", new(big.Int).Add(big.NewInt(x), big.NewInt(y)), sum, err)
		difference, err := a.Sub(b)
		check("-", new(big.Int).Sub(big.NewInt(x), big.NewInt(y)), difference, err)
		order, err := a.Compare(b)
		if want := big.NewInt(x).Cmp(big.NewInt(y)); err != nil || order != want {
			t.Fatalf("compare %s with %s: %d, %v; want %d", a, b, order, err, want)
		}
	})
}

func TestTwoCurrenciesAreNeverMixed(t *testing.T) {
	t.Parallel()
	rub, eur := money.Amount{Minor: 100, Currency: "RUB"}, money.Amount{Minor: 100, Currency: "EUR"}
	for _, pair := range [][2]money.Amount{{rub, eur}, {rub, {}}, {{}, {}}, {{Currency: "XXX"}, {Currency: "XXX"}}} {
		_, compare := pair[0].Compare(pair[1])
		_, add := pair[0].Add(pair[1])
		_, sub := pair[0].Sub(pair[1])
		within, drift := money.Within(pair[0], pair[1], money.Tolerance{BasisPoints: 10_000, Minor: 1000})
		for name, err := range map[string]error{"compare": compare, "add": add, "sub": sub, "within": drift} {
			if !errors.Is(err, money.ErrCurrency) {
				t.Errorf("%s of %+v: %v", name, pair, err)
			}
		}
		if within {
			t.Errorf("%+v within tolerance", pair)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"125000.00", "0.01", "0", "NaN", "-1", "1e2", "007", "1,000.00", "٣", "999999999999999.99", "1.", ".5"} {
		f.Add(text, "RUB")
		f.Add(text, "JPY")
		f.Add(text, "CLF")
	}
	f.Fuzz(func(t *testing.T, text, currency string) {
		amount, err := money.Parse(text, currency)
		if err != nil {
			return
		}
		if err := amount.Valid(); err != nil {
			t.Fatalf("%q %s gave an invalid amount: %v", text, currency, err)
		}
		again, err := money.Parse(amount.String(), amount.Currency)
		if err != nil || again != amount {
			t.Fatalf("%q became %s, which reads as %+v, %v", text, amount, again, err)
		}
		exact, ok := new(big.Rat).SetString(text)
		if !ok {
			t.Fatalf("%q is no number at all", text)
		}
		if written, _ := new(big.Rat).SetString(amount.String()); written.Cmp(exact) != 0 {
			t.Fatalf("%q changed its value to %s", text, amount)
		}
		if strings.Trim(text, "0123456789.") != "" {
			t.Fatalf("%q was accepted", text)
		}
	})
}

func TestEveryValidAmountSurvivesTheRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		amount, err := money.FromMinor(
			rapid.Int64Min(1).Draw(t, "minor"),
			rapid.SampledFrom(money.Currencies()).Draw(t, "currency"),
		)
		if err != nil {
			t.Fatal(err)
		}
		again, err := money.Parse(amount.String(), amount.Currency)
		if valid := amount.Valid() == nil; valid != (err == nil) {
			t.Fatalf("%s %s: valid %t, but Parse says %v", amount, amount.Currency, valid, err)
		}
		if err == nil && again != amount {
			t.Fatalf("%+v came back as %+v", amount, again)
		}
	})
}
