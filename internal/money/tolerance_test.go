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

func TestToleranceIsExactAtItsEdge(t *testing.T) {
	t.Parallel()
	tests := []struct {
		old, current int64
		tolerance    money.Tolerance
		want         bool
	}{
		{10_000, 10_000, money.Tolerance{}, true},
		{10_000, 10_001, money.Tolerance{}, false},
		{10_000, 10_250, money.Tolerance{BasisPoints: 250}, true},
		{10_000, 10_251, money.Tolerance{BasisPoints: 250}, false},
		{10_000, 9_750, money.Tolerance{BasisPoints: 250}, true},
		{10_000, 9_749, money.Tolerance{BasisPoints: 250}, false},
		{333, 336, money.Tolerance{BasisPoints: 100}, true},  // 3 <= 3.33
		{333, 337, money.Tolerance{BasisPoints: 100}, false}, // 4 > 3.33
		{99, 100, money.Tolerance{BasisPoints: 100}, false},  // 1 > 0.99: of the old amount
		{100, 101, money.Tolerance{BasisPoints: 100}, true},
		{10_000, 10_500, money.Tolerance{Minor: 500}, true},
		{10_000, 10_501, money.Tolerance{Minor: 500}, false},
		{10_000, 10_501, money.Tolerance{Minor: 500, BasisPoints: 600}, true},
		{10_000, 10_001, money.Tolerance{Minor: -1, BasisPoints: -1}, false},
		{math.MinInt64, math.MaxInt64, money.Tolerance{BasisPoints: 10_000}, false},
		{math.MinInt64, math.MaxInt64, money.Tolerance{BasisPoints: 20_000}, true},
		{math.MaxInt64, 0, money.Tolerance{BasisPoints: 10_000}, true},
		{math.MaxInt64, 0, money.Tolerance{BasisPoints: 9_999}, false},
	}
	for _, test := range tests {
		old, current := money.Amount{Minor: test.old, Currency: "RUB"}, money.Amount{Minor: test.current, Currency: "RUB"}
		got, err := money.Within(old, current, test.tolerance)
		if err != nil || got != test.want {
			t.Errorf("%s to %s within %+v: %t, %v; want %t", old, current, test.tolerance, got, err, test.want)
		}
	}
}

func TestToleranceAgreesWithBigIntegers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		old := money.Amount{Minor: rapid.Int64().Draw(t, "old"), Currency: "KWD"}
		current := money.Amount{Minor: old.Minor + rapid.Int64Range(-1000, 1000).Draw(t, "near"), Currency: "KWD"}
		if rapid.Bool().Draw(t, "far") {
			current.Minor = rapid.Int64().Draw(t, "current")
		}
		tolerance := money.Tolerance{
			BasisPoints: rapid.Int64Range(0, 10_000).Draw(t, "points"),
			Minor:       rapid.Int64Range(0, 2000).Draw(t, "minor"),
		}
		drift := new(big.Int).Sub(big.NewInt(current.Minor), big.NewInt(old.Minor))
		drift.Abs(drift)
		share := new(big.Int).Mul(new(big.Int).Abs(big.NewInt(old.Minor)), big.NewInt(tolerance.BasisPoints))
		want := drift.Cmp(big.NewInt(tolerance.Minor)) <= 0 || new(big.Int).Mul(drift, big.NewInt(10_000)).Cmp(share) <= 0
		got, err := money.Within(old, current, tolerance)
		if err != nil || got != want {
			t.Fatalf("%s to %s within %+v: %t, %v; want %t", old, current, tolerance, got, err, want)
		}
	})
}

func TestPercentagesAreReadAsBasisPoints(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{"0": 0, "2": 200, "2.5": 250, "0.05": 5, "100": 10_000, "99.99": 9_999} {
		if got, err := money.ParsePercent(text); err != nil || got != want {
			t.Errorf("%q: %d, %v; want %d", text, got, err, want)
		}
	}
	refused := map[string]error{
		"": money.ErrSyntax, "-1": money.ErrSyntax, "1%": money.ErrSyntax, "1,5": money.ErrSyntax, "01": money.ErrSyntax,
		"1.": money.ErrSyntax, ".5": money.ErrSyntax, "1e1": money.ErrSyntax, "NaN": money.ErrSyntax, "1.005": money.ErrTooPrecise,
		"100.01": money.ErrRange, "101": money.ErrRange, "10000": money.ErrRange, strings.Repeat("9", 100): money.ErrRange,
	}
	for text, want := range refused {
		if got, err := money.ParsePercent(text); !errors.Is(err, want) || got != 0 {
			t.Errorf("%q: %d, %v; want %v", text, got, err, want)
		}
	}
}
