package money_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"countersign/internal/money"
)

func TestJSONCarriesADecimalTextBothWays(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		amount := money.Amount{
			Minor:    rapid.Int64().Draw(t, "minor"),
			Currency: rapid.SampledFrom(money.Currencies()).Draw(t, "currency"),
		}
		data, err := json.Marshal(amount)
		if err != nil {
			t.Fatal(err)
		}
		if want := `{"amount":"` + amount.String() + `","currency":"` + amount.Currency + `"}`; string(data) != want {
			t.Fatalf("wrote %s, want %s", data, want)
		}
		var back money.Amount
		if err := json.Unmarshal(data, &back); err != nil || back != amount {
			t.Fatalf("read %+v, %v; want %+v", back, err, amount)
		}
	})
}

func TestJSONOfNoAmountIsNull(t *testing.T) {
	t.Parallel()
	type row struct {
		Sum money.Amount `json:"sum"`
	}
	data, err := json.Marshal(row{})
	if err != nil || string(data) != `{"sum":null}` {
		t.Fatalf("%s, %v", data, err)
	}
	back := row{Sum: money.Amount{Minor: 1, Currency: "RUB"}}
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(row{}, back); diff != "" {
		t.Error(diff)
	}
	if data, err := json.Marshal(money.Amount{Minor: 1, Currency: "ABC"}); !errors.Is(err, money.ErrCurrency) {
		t.Errorf("an unknown currency was written: %s, %v", data, err)
	}
}

func TestJSONInAnyOtherShapeIsRefused(t *testing.T) {
	t.Parallel()
	refused := map[string]error{
		`1`:                                   money.ErrSyntax,
		`"1.00"`:                              money.ErrSyntax,
		`{}`:                                  money.ErrSyntax,
		`[]`:                                  money.ErrSyntax,
		`{"amount":1.00,"currency":"RUB"}`:    money.ErrSyntax,
		`{"amount":"1.00"}`:                   money.ErrSyntax,
		`{"amount":null,"currency":"RUB"}`:    money.ErrSyntax,
		`{"amount":"1","currency":"RUB"}`:     money.ErrSyntax,
		`{"amount":"+1.00","currency":"RUB"}`: money.ErrSyntax,
		`{"amount":"1.0.0","currency":"RUB"}`: money.ErrSyntax,
		`{"amount":"-0.00","currency":"RUB"}`: money.ErrSyntax,
		`{"amount":"1.00","currency":"rub"}`:  money.ErrCurrency,
		`{"amount":"1.00","currency":"RUB","minor":10}`:      money.ErrSyntax,
		`{"amount":"92233720368547758.08","currency":"RUB"}`: money.ErrSyntax,
	}
	for text, want := range refused {
		back := money.Amount{Minor: 7, Currency: "EUR"}
		if err := json.Unmarshal([]byte(text), &back); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", text, err, want)
		}
		if back != (money.Amount{Minor: 7, Currency: "EUR"}) {
			t.Errorf("%s: changed the target to %+v", text, back)
		}
	}
	if err := new(money.Amount).UnmarshalJSON([]byte(`{"amount":"1.00","currency":"RUB"} 2`)); !errors.Is(err, money.ErrSyntax) {
		t.Errorf("a second value was accepted: %v", err)
	}
}
