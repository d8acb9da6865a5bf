package audiodesk

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"countersign/internal/people"
	"countersign/internal/seal"
	"countersign/internal/secret"
)

// E164 gives a telephone number in the form in which numbers are kept: a plus and 8 to 15
// digits, none of them a leading zero. False: it is none.
func E164(text string) (secret.Text, bool) {
	const shortest, longest = 8, 15
	digits := strings.NewReplacer(" ", "", "\u00a0", "", "-", "", "(", "", ")", "", ".", "", "/", "").Replace(strings.TrimSpace(text))
	digits = strings.TrimPrefix(digits, "+")
	if len(digits) < shortest || len(digits) > longest || strings.Trim(digits, "0123456789") != "" || digits[0] == '0' {
		return "", false
	}
	return secret.Text("+" + digits), true
}

// called reports whether numbers like this one are called from here.
func (r Rules) called(number secret.Text) bool {
	return slices.ContainsFunc(r.Prefixes, func(p string) bool { return p != "" && strings.HasPrefix(number.Reveal(), p) })
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

func keyPlace() seal.Place { return seal.Place{Table: "audio_key", Column: "sealed", Row: "1"} }

// key is that of the marks. It is made by whoever needs it first.
func (d *Desk) key(ctx context.Context) ([]byte, error) {
	sealed, err := d.Store.key(ctx)
	if err == nil && sealed == nil {
		var fresh []byte
		if fresh, err = d.Seal.Seal(secret.Text(rand.Text()), keyPlace()); err != nil {
			return nil, err
		}
		sealed, err = d.Store.setKey(ctx, fresh)
	}
	if err != nil {
		return nil, fail("key of the marks", err)
	}
	text, err := d.Seal.Open(sealed, keyPlace())
	return []byte(text.Reveal()), err
}

// mark tells two numbers apart, and two channels, and tells nothing else of them to whoever
// has no key.
func (d *Desk) mark(ctx context.Context, text secret.Text) ([]byte, error) {
	key, err := d.key(ctx)
	if err != nil {
		return nil, err
	}
	return markWith(key, text), nil
}

func markWith(key []byte, text secret.Text) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text.Reveal()))
	return h.Sum(nil)
}

// unnamed is how a participant is known who is in none of our calls.
func unnamed(key []byte, channel string) string {
	return "x" + hex.EncodeToString(markWith(key, secret.Text("channel "+channel)))
}

// number is that of a person, as he gave it by the account that he has now; false: he has none.
func (d *Desk) number(ctx context.Context, p people.Person) (number secret.Text, mark []byte, there bool, err error) {
	k, there, err := d.Store.number(ctx, p.ID)
	if err != nil || !there || k.account != p.Telegram || !p.Active || !p.Linked() {
		return "", nil, false, err
	}
	number, err = d.Seal.Open(k.sealed, numberOf(p.ID))
	return number, k.mark, err == nil, err
}
