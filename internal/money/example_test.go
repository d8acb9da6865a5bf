package money_test

import (
	"errors"
	"fmt"

	"countersign/internal/money"
)

func ExampleParse() {
	rent, _ := money.Parse("125000.5", "RUB")
	fmt.Println(rent, rent.Currency, rent.Minor)

	_, err := money.Parse("1500.50", "JPY")
	fmt.Println(err, errors.Is(err, money.ErrTooPrecise))
	// Output:
	// 125000.50 RUB 12500050
	// amount "1500.50" JPY: more decimals than the currency has true
}

func ExampleWithin() {
	voted, _ := money.Parse("100000.00", "RUB")
	now, _ := money.Parse("102500.00", "RUB")
	points, _ := money.ParsePercent("2.5")
	fmt.Println(money.Within(voted, now, money.Tolerance{BasisPoints: points}))
	fmt.Println(money.Within(voted, now, money.Tolerance{Minor: 100_00}))
	// Output:
	// true <nil>
	// false <nil>
}

func ExampleAmount_Sub() {
	limit, _ := money.FromMinor(1_000, "KWD")
	asked, _ := money.FromMinor(1_250, "KWD")
	left, err := limit.Sub(asked)
	fmt.Println(left, err)
	// Output: -0.250 <nil>
}
