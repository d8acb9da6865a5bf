//go:build linux

package seal_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"countersign/internal/seal"
	"countersign/internal/secret"
)

func TestWhatIsSealedOpensInItsPlaceOnly(t *testing.T) {
	t.Parallel()
	s := newSeal(t)
	at := seal.Place{Table: "webhook_secret", Column: "sealed", Row: "whk_1/current"}
	box := sealed(t, s, "whsec_correct horse", at)
	if plain, err := s.Open(box, at); err != nil || plain.Reveal() != "whsec_correct horse" {
		t.Fatalf("opened as %q, %v", plain.Reveal(), err)
	}
	if bytes.Contains(box, []byte("horse")) || len(box) != len("whsec_correct horse")+seal.Overhead {
		t.Errorf("sealed as %q", box)
	}
	for name, other := range map[string]seal.Place{
		"another row":          {Table: "webhook_secret", Column: "sealed", Row: "whk_2/current"},
		"another role":         {Table: "webhook_secret", Column: "sealed", Row: "whk_1/authorization"},
		"another column":       {Table: "webhook_secret", Column: "public", Row: "whk_1/current"},
		"another table":        {Table: "telegram_secret", Column: "sealed", Row: "whk_1/current"},
		"the same letters":     {Table: "webhook_secrets", Column: "ealed", Row: "whk_1/current"},
		"letters of the row":   {Table: "webhook_secret", Column: "sealedw", Row: "hk_1/current"},
		"a row that goes on":   {Table: "webhook_secret", Column: "sealed", Row: "whk_1/current "},
		"a row in big letters": {Table: "webhook_secret", Column: "sealed", Row: "WHK_1/current"},
	} {
		if plain, err := s.Open(box, other); !errors.Is(err, seal.ErrRefused) || plain != "" {
			t.Errorf("%s: %q, %v", name, plain.Reveal(), err)
		}
	}
	for _, nowhere := range []seal.Place{{Column: "c", Row: "r"}, {Table: "t", Row: "r"}, {Table: "t", Column: "c"}} {
		if _, err := s.Seal("x", nowhere); !errors.Is(err, seal.ErrPlace) {
			t.Errorf("%+v: %v", nowhere, err)
		}
		if _, err := s.Open(box, nowhere); !errors.Is(err, seal.ErrPlace) {
			t.Errorf("%+v: %v", nowhere, err)
		}
	}
}

func TestTheSameSecretIsNeverSealedAlike(t *testing.T) {
	t.Parallel()
	s := newSeal(t)
	if bytes.Equal(sealed(t, s, "twice", place("1")), sealed(t, s, "twice", place("1"))) {
		t.Error("equal secrets can be told from what is stored")
	}
}

func TestAnotherKeyDoesNotOpen(t *testing.T) {
	t.Parallel()
	mine, other := newSeal(t), newSeal(t)
	box := sealed(t, mine, "secret", place("1"))
	if _, err := other.Open(box, place("1")); !errors.Is(err, seal.ErrUnknownKey) {
		t.Errorf("a key that is not there: %v", err)
	} else if !strings.Contains(err.Error(), fmt.Sprint(keyOf(t, box))) || !strings.Contains(err.Error(), "every replica") {
		t.Errorf("the error does not help: %v", err)
	}
	foreign := sealed(t, other, "secret", place("1"))
	copy(foreign[1:5], box[1:5]) // as if it had the same id
	if _, err := mine.Open(foreign, place("1")); !errors.Is(err, seal.ErrRefused) {
		t.Errorf("another key of the same id: %v", err)
	}
}

func TestWhatIsCutOrNotSealedAtAllIsRefused(t *testing.T) {
	t.Parallel()
	s := newSeal(t)
	box := sealed(t, s, "secret", place("1"))
	for n := range box {
		want := seal.ErrRefused
		if n < seal.Overhead {
			want = seal.ErrNotSealed
		}
		if _, err := s.Open(box[:n], place("1")); !errors.Is(err, want) {
			t.Errorf("the first %d bytes: %v", n, err)
		}
	}
	if _, err := s.Open(append(bytes.Clone(box), 0), place("1")); !errors.Is(err, seal.ErrRefused) {
		t.Errorf("one byte more: %v", err)
	}
	for _, text := range []string{"", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"} {
		if _, err := seal.KeyID([]byte(text)); !errors.Is(err, seal.ErrNotSealed) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestRoundTripAndNoBitMayFlip(t *testing.T) {
	t.Parallel()
	s := newSeal(t)
	rapid.Check(t, func(r *rapid.T) {
		plain := rapid.String().Draw(r, "plain")
		word := rapid.StringN(1, 40, -1)
		at := seal.Place{Table: word.Draw(r, "table"), Column: word.Draw(r, "column"), Row: word.Draw(r, "row")}
		box, err := s.Seal(secret.Text(plain), at)
		if err != nil {
			r.Fatal(err)
		}
		if got, err := s.Open(box, at); err != nil || got.Reveal() != plain {
			r.Fatalf("%q became %q, %v", plain, got.Reveal(), err)
		}
		bit := rapid.IntRange(0, 8*len(box)-1).Draw(r, "bit")
		box[bit/8] ^= 1 << (bit % 8)
		if got, err := s.Open(box, at); err == nil || got != "" {
			r.Fatalf("bit %d flipped, and it opens", bit)
		}
	})
}

func TestPlacesAreToldApart(t *testing.T) {
	t.Parallel()
	s := newSeal(t)
	rapid.Check(t, func(r *rapid.T) {
		word := rapid.StringOfN(rapid.RuneFrom([]rune("a\x00\x01\x02/")), 1, 4, -1)
		draw := func(name string) seal.Place {
			return seal.Place{Table: word.Draw(r, name), Column: word.Draw(r, name), Row: word.Draw(r, name)}
		}
		from, to := draw("from"), draw("to")
		box, err := s.Seal("secret", from)
		if err != nil {
			r.Fatal(err)
		}
		if _, err := s.Open(box, to); (err == nil) != (from == to) {
			r.Fatalf("from %q to %q: %v", from, to, err)
		}
	})
}

func TestWithoutASealSecretsStayInTheClear(t *testing.T) {
	t.Parallel()
	var none *seal.Seal
	k, err := none.Keep("clear", place("1"))
	if err != nil || k.Clear == nil || *k.Clear != "clear" || k.Sealed != nil {
		t.Fatalf("%+v, %v", k, err)
	}
	s := newSeal(t)
	for name, by := range map[string]*seal.Seal{"nobody": none, "a seal": s} {
		if plain, err := by.Reveal(k, place("1")); err != nil || plain.Reveal() != "clear" {
			t.Errorf("%s reads %q, %v", name, plain.Reveal(), err)
		}
	}
	k, err = s.Keep("sealed", place("1"))
	if err != nil || k.Clear != nil {
		t.Fatalf("%+v, %v", k, err)
	}
	if plain, err := s.Reveal(k, place("1")); err != nil || plain.Reveal() != "sealed" {
		t.Errorf("%q, %v", plain.Reveal(), err)
	}
	if _, err := none.Reveal(k, place("1")); !errors.Is(err, seal.ErrNoSeal) {
		t.Errorf("opened without a seal: %v", err)
	}
	if _, err := s.Reveal(seal.Kept{}, place("1")); !errors.Is(err, seal.ErrNotSealed) {
		t.Errorf("nothing was opened: %v", err)
	}
}

func FuzzOpen(f *testing.F) {
	s := newSeal(f)
	box := sealed(f, s, "secret", place("1"))
	f.Add(box, "1")
	f.Add(box[:seal.Overhead], "1")
	f.Add([]byte{}, "")
	f.Add([]byte("\x01\x00\x00\x00\x00 an unknown key, long enough"), "2")
	f.Fuzz(func(t *testing.T, raw []byte, row string) {
		plain, err := s.Open(raw, place(row))
		switch {
		case bytes.Equal(raw, box) && row == "1":
			if err != nil || plain.Reveal() != "secret" {
				t.Errorf("%q, %v", plain.Reveal(), err)
			}
		case err == nil:
			t.Errorf("%x opens in row %q", raw, row)
		case plain != "":
			t.Errorf("%x gives a value and %v", raw, err)
		case !errors.Is(err, seal.ErrNotSealed) && !errors.Is(err, seal.ErrUnknownKey) && !errors.Is(err, seal.ErrRefused) && !errors.Is(err, seal.ErrPlace):
			t.Errorf("an error of no kind: %v", err)
		}
	})
}
