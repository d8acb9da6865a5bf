package money

import "strings"

// The active currencies and funds of ISO 4217, grouped by the number of
// digits of their minor unit. Codes for which the standard defines no minor
// unit (metals, bond units, testing, "no currency") are left out on purpose:
// nothing can be paid in them. An ERP that needs a code from here sends
// amounts with at most that many decimals.
const (
	noDigits = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"

	twoDigits = "AED AFN ALL AMD AOA ARS AUD AWG AZN " +
		"BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD " +
		"CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK " +
		"DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD " +
		"HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT " +
		"LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN " +
		"NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB " +
		"SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL " +
		"THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES " +
		"WST XAD XCD XCG YER ZAR ZMW ZWG"

	threeDigits = "BHD IQD JOD KWD LYD OMR TND"

	fourDigits = "CLF UYW"
)

// Digits returns how many decimals the minor unit of a currency has: 2 for
// RUB, 0 for JPY, 3 for KWD, 4 for CLF. It reports false for anything that is
// not the upper-case code of an active currency.
func Digits(currency string) (int, bool) {
	switch {
	case !isCode(currency):
		return 0, false
	case strings.Contains(twoDigits, currency):
		return 2, true
	case strings.Contains(noDigits, currency):
		return 0, true
	case strings.Contains(threeDigits, currency):
		return 3, true
	case strings.Contains(fourDigits, currency):
		return 4, true
	}
	return 0, false
}

// Currencies returns the codes of all active currencies in alphabetical order
// within each group of equal digits.
func Currencies() []string {
	return strings.Fields(strings.Join([]string{noDigits, twoDigits, threeDigits, fourDigits}, " "))
}

// isCode keeps blanks out of the lookup, so that a match in the lists above is
// always one whole code.
func isCode(s string) bool {
	if len(s) != 3 {
		return false
	}
	for i := range len(s) {
		if s[i] < 'A' || s[i] > 'Z' {
			return false
		}
	}
	return true
}
