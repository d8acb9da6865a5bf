package locale_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"countersign/internal/locale"
	"countersign/internal/locale/localetest"
	"countersign/internal/money"
)

func TestAmountsAreWrittenAsTheLanguageDoes(t *testing.T) {
	t.Parallel()
	texts := load(t, map[string]string{"fr.toml": "", "en-GB.toml": "", "ar.toml": ""})
	tests := []struct {
		tag      string
		minor    int64
		currency string
		want     string
	}{
		{"en", 12_500_050, "RUB", "RUB_125,000.50"},
		{"en-GB", 12_500_050, "RUB", "RUB_125,000.50"},
		{"ru", 12_500_050, "RUB", "125_000,50_RUB"},
		{"de", 12_500_050, "EUR", "125.000,50_EUR"},
		{"es", 12_500_050, "EUR", "125.000,50_EUR"},
		{"fr", 12_500_050, "EUR", "125_000,50_EUR"},
		{"ar", 12_500_050, "AED", "125,000.50_AED"},
		{"ru", 1500, "JPY", "1_500_JPY"},
		{"de", 1500, "KWD", "1,500_KWD"},
		{"en", 1500, "KWD", "KWD_1.500"},
		{"ru", 1, "CLF", "0,0001_CLF"},
		{"ru", 5, "RUB", "0,05_RUB"},
		{"ru", -5, "RUB", "-0,05_RUB"},
		{"en", -123_456, "USD", "USD_-1,234.56"},
		{"ru", 9_007_199_254_740_993_07, "RUB", "9_007_199_254_740_993,07_RUB"}, // a float64 would end in 92
		{"de", math.MaxInt64, "EUR", "92.233.720.368.547.758,07_EUR"},
		{"de", math.MinInt64, "JPY", "-9.223.372.036.854.775.808_JPY"},
		{"ru", 0, "RUB", "0,00_RUB"},
		{"ru", 0, "", "—"},
	}
	for _, test := range tests {
		got := texts.For(test.tag).Money(money.Amount{Minor: test.minor, Currency: test.currency})
		if want := strings.ReplaceAll(test.want, "_", "\u00a0"); got != want {
			t.Errorf("%s: %q, want %q", test.tag, got, want)
		}
	}
	if got, want := (locale.Lang{}).Money(money.Amount{Minor: 123_456, Currency: "USD"}), "USD\u00a01234.56"; got != want {
		t.Errorf("without a language: %q, want %q", got, want)
	}
}

// Whatever the language makes of it, the digits are those of the exact amount.
func TestNoDigitOfAnAmountIsLost(t *testing.T) {
	t.Parallel()
	texts := localetest.Texts(t)
	rapid.Check(t, func(t *rapid.T) {
		amount := money.Amount{
			Minor:    rapid.Int64().Draw(t, "minor"),
			Currency: rapid.SampledFrom(money.Currencies()).Draw(t, "currency"),
		}
		written := texts.For(rapid.SampledFrom(languages).Draw(t, "language")).Money(amount)
		kept := strings.Map(func(r rune) rune {
			if r == '-' || r >= '0' && r <= '9' {
				return r
			}
			return -1
		}, written)
		if want := strings.ReplaceAll(amount.String(), ".", ""); kept != want {
			t.Fatalf("%s became %q", amount, written)
		}
		if !strings.Contains(written, amount.Currency) || strings.Contains(written, " ") {
			t.Fatalf("%q lacks its currency or can be torn apart", written)
		}
	})
}

func TestDatesAreWrittenAsTheLanguageDoes(t *testing.T) {
	t.Parallel()
	texts := load(t, map[string]string{"fr.toml": ""})
	moscow := time.FixedZone("MSK", 3*60*60)
	late := time.Date(2026, time.March, 4, 22, 7, 59, 0, time.UTC)
	tests := []struct{ tag, date, dateTime string }{
		{"en", "March 4, 2026", "Mar 5, 2026, 01:07"},
		{"ru", "4 марта 2026 г.", "5 мар. 2026 г., 01:07"},
		{"de", "4. März 2026", "05.03.2026, 01:07"},
		{"es", "4 de marzo de 2026", "5 mar. 2026, 01:07"},
		{"fr", "2026-03-04", "2026-03-05, 01:07"},
	}
	for _, test := range tests {
		lang := texts.For(test.tag)
		if got := lang.Date(late); got != test.date {
			t.Errorf("%s: %q, want %q", test.tag, got, test.date)
		}
		if got := lang.DateTime(late, moscow); got != test.dateTime {
			t.Errorf("%s: %q, want %q", test.tag, got, test.dateTime)
		}
	}
	for end, want := range map[time.Time]string{
		time.Date(2026, 3, 4, 21, 0, 0, 0, time.UTC): "4 мар. 2026 г., 23:59", time.Date(2026, 2, 28, 21, 0, 0, 0, time.UTC): "28 февр. 2026 г., 23:59",
		late: "5 мар. 2026 г., 01:07", time.Date(2026, 3, 4, 21, 0, 30, 0, time.UTC): "5 мар. 2026 г., 00:00",
	} {
		if got := texts.For("ru").Until(end, moscow); got != want {
			t.Errorf("what ends at %s is until %q, want %q", end, got, want)
		}
	}
	if got, want := texts.For("ru").DateTime(late, nil), "4 мар. 2026 г., 22:07"; got != want {
		t.Errorf("in its own zone: %q, want %q", got, want)
	}
	if got, want := (locale.Lang{}).Date(late)+" "+(locale.Lang{}).DateTime(late, moscow), "2026-03-04 2026-03-05, 01:07"; got != want {
		t.Errorf("without a language: %q, want %q", got, want)
	}
}

func TestDurationsAreRough(t *testing.T) {
	t.Parallel()
	texts := localetest.Texts(t)
	tests := []struct {
		tag      string
		duration time.Duration
		want     string
	}{
		{"en", 2*time.Hour + 5*time.Minute + 59*time.Second, "2 h 5 min"},
		{"ru", 2*time.Hour + 5*time.Minute, "2 ч 5 мин"},
		{"de", 2*time.Hour + 5*time.Minute, "2 Std. 5 Min."},
		{"es", 2*time.Hour + 5*time.Minute, "2 h 5 min"},
		{"en", 15 * time.Minute, "15 min"},
		{"en", time.Hour, "1 h"},
		{"en", 76*time.Hour + 30*time.Minute, "3 d 4 h"},
		{"en", 72*time.Hour + 30*time.Minute, "3 d"},
		{"ru", 76*time.Hour + 30*time.Minute, "3 дн. 4 ч"},
		{"en", 59 * time.Second, "less than a minute"},
		{"en", 0, "less than a minute"},
		{"en", -3 * time.Hour, "3 h"},
		{"en", math.MinInt64, "106751 d 23 h"},
	}
	for _, test := range tests {
		if got := texts.For(test.tag).Duration(test.duration); got != test.want {
			t.Errorf("%s %s: %q, want %q", test.tag, test.duration, got, test.want)
		}
	}
}
