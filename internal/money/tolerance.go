package money

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
)

// Tolerance says how far an amount may drift before the votes given on it are
// void. Either limit is enough; the zero value tolerates no change.
type Tolerance struct {
	// BasisPoints is the share of the old amount, in hundredths of a percent.
	BasisPoints int64 `json:"basis_points,omitempty"`
	// Minor is the absolute limit in minor units of the currency.
	Minor int64 `json:"minor,omitempty"`
}

// wholeInBasisPoints is 100 % in basis points.
const wholeInBasisPoints = 10_000

// ParsePercent reads a percentage with at most two decimals, from 0 to 100,
// into basis points: 2.5 becomes 250. Route files write tolerances this way.
func ParsePercent(text string) (int64, error) {
	whole, fraction, hasPoint := strings.Cut(text, ".")
	switch {
	case !isDigits(whole), hasPoint && !isDigits(fraction), len(whole) > 1 && whole[0] == '0':
		return 0, fmt.Errorf("percentage %.16q: %w", text, ErrSyntax)
	case len(fraction) > 2:
		return 0, fmt.Errorf("percentage %.16q: %w", text, ErrTooPrecise)
	case len(whole) > 3:
		return 0, fmt.Errorf("percentage %.16q: %w", text, ErrRange)
	}
	points, err := strconv.ParseInt(whole+fraction+strings.Repeat("0", 2-len(fraction)), 10, 64)
	if err != nil || points > wholeInBasisPoints {
		return 0, fmt.Errorf("percentage %.16q: %w", text, ErrRange)
	}
	return points, nil
}

// Within reports whether the drift from the old amount (the one voted on) to
// the new one is tolerated: at most the given share of the old amount, or at
// most the given minor units. The answer is exact; amounts of different
// currencies are ErrCurrency, never within tolerance.
func Within(old, current Amount, tolerance Tolerance) (bool, error) {
	if err := sameCurrency(old, current); err != nil {
		return false, err
	}
	drift := distance(old.Minor, current.Minor)
	if drift == 0 {
		return true, nil
	}
	if tolerance.Minor > 0 && drift <= uint64(tolerance.Minor) {
		return true, nil
	}
	if tolerance.BasisPoints <= 0 {
		return false, nil
	}
	driftHigh, driftLow := bits.Mul64(drift, wholeInBasisPoints)
	limitHigh, limitLow := bits.Mul64(magnitude(old.Minor), uint64(tolerance.BasisPoints))
	if driftHigh != limitHigh {
		return driftHigh < limitHigh, nil
	}
	return driftLow <= limitLow, nil
}
