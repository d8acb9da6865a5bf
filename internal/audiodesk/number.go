package audiodesk

import (
	"context"
	"strings"
	"unicode"

	"countersign/internal/people"
	"countersign/internal/seal"
	"countersign/internal/secret"
)

// E164 gives a telephone number in the form in which numbers are kept: a plus and 8 to 15
// digits, none of them a leading zero. False: it is none.
func E164(text string) (secret.Text, bool) {
	const shortest, longest = 8, 15
	if country, rest, trunk := strings.Cut(text, "(0)"); trunk { // as in +49 (0) 30: dialed within the country only
		if plus := strings.TrimSpace(country); len(plus) < 2 || plus[0] != '+' {
			return "", false
		}
		text = country + rest
	}
	plain := strings.NewReplacer(" ", "", "\u00a0", "", "-", "", "(", "", ")", "", ".", "", "/", "").Replace(strings.TrimSpace(text))
	plain = strings.TrimPrefix(plain, "+")
	if len(plain) < shortest || len(plain) > longest || digits(plain) != plain || plain[0] == '0' {
		return "", false
	}
	return secret.Text("+" + plain), true
}

// called reports whether numbers like this one are called from here. As exchanges have it,
// the longest of the prefixes that it begins with decides.
func (r Rules) called(number secret.Text) bool {
	longest, called := 0, false
	for _, p := range r.Prefixes {
		begins, never := strings.CutPrefix(p, "!")
		if strings.HasPrefix(number.Reveal(), begins) && (len(begins) > longest || len(begins) == longest && never) {
			longest, called = len(begins), !never
		}
	}
	return called
}

// shows is the number that phones show where another system asks for one. A caller without a
// letter is a number, and only those that are set are shown: nobody is called in the name of
// the police, a bank, or a colleague. Empty: it is a name, or nothing.
func (r Rules) shows(caller string) (number string, fine bool) {
	if caller == "" || strings.ContainsFunc(caller, unicode.IsLetter) {
		return "", true
	}
	for _, n := range append([]string{r.CallerID}, r.Callers...) {
		if n != "" && digits(n) == digits(caller) {
			return n, true
		}
	}
	return "", false
}

func digits(text string) string {
	return strings.Map(func(c rune) rune {
		if c < '0' || c > '9' {
			return -1
		}
		return c
	}, text)
}

func numberOf(p people.ID) seal.Place {
	return seal.Place{Table: "audio_number", Column: "sealed", Row: string(p)}
}

func numberFor(call string) seal.Place {
	return seal.Place{Table: "audio_call", Column: "sealed", Row: call}
}

func pinOf(room string) seal.Place {
	return seal.Place{Table: "audio_room", Column: "pin", Row: room}
}

// number is that of a person, as he gave it by the account that he has now; false: he has
// none, or that account may not act for him yet.
func (d *Desk) number(ctx context.Context, p people.Person) (number secret.Text, there bool, err error) {
	k, there, err := d.Store.number(ctx, p.ID)
	if err != nil || !there || k.account != p.Telegram || !p.Active || !p.Linked() || !d.trusts(p) {
		return "", false, err
	}
	number, err = d.Seal.Open(k.sealed, numberOf(p.ID))
	return number, err == nil, err
}
