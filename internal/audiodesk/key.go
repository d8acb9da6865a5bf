package audiodesk

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"

	"countersign/internal/seal"
	"countersign/internal/secret"
)

func keyPlace() seal.Place { return seal.Place{Table: "audio_key", Column: "sealed", Row: "1"} }

func beforePlace() seal.Place { return seal.Place{Table: "audio_key", Column: "before", Row: "1"} }

// keys are those of the marks: that of now, and for a day the one before it. A number that was
// marked by either is known.
type keys struct{ now, before []byte }

// key gives them. The first is made by whoever needs it first.
func (d *Desk) key(ctx context.Context) (keys, error) {
	k, err := d.Store.key(ctx, d.Store.Pool, "")
	if err == nil && k.sealed == nil {
		var fresh []byte
		if fresh, err = d.Seal.Seal(newKey(), keyPlace()); err != nil {
			return keys{}, err
		}
		k, err = d.Store.setKey(ctx, fresh)
	}
	if err != nil {
		return keys{}, fail("key of the marks", err)
	}
	return d.opened(k)
}

// keyIfAny makes none: where there is no key there is no number that it could tell.
func (d *Desk) keyIfAny(ctx context.Context) (keys, error) {
	k, err := d.Store.key(ctx, d.Store.Pool, "")
	if err != nil || k.sealed == nil {
		return keys{}, fail("key of the marks", err)
	}
	return d.opened(k)
}

func newKey() secret.Text { return secret.Text(rand.Text()) }

func (d *Desk) opened(k keptKeys) (out keys, err error) {
	text, err := d.Seal.Open(k.sealed, keyPlace())
	out.now = []byte(text.Reveal())
	if err == nil && k.before != nil {
		text, err = d.Seal.Open(k.before, beforePlace())
		out.before = []byte(text.Reveal())
	}
	return out, err
}

// mark tells two numbers apart, and two channels, and tells nothing else of them to whoever
// has no key.
func (d *Desk) mark(ctx context.Context, text secret.Text) ([]byte, error) {
	k, err := d.key(ctx)
	if err != nil {
		return nil, err
	}
	return markWith(k.now, text), nil
}

func markWith(key []byte, text secret.Text) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text.Reveal()))
	return h.Sum(nil)
}

// marks are all by which a number may be known, the one that it gets now first.
func (k keys) marks(number secret.Text) [][]byte {
	out := [][]byte{markWith(k.now, number)}
	if before := k.earlier(number); before != nil {
		out = append(out, before)
	}
	return out
}

// earlier is the mark that a number had before the key was made anew; none where nothing
// counts that has it.
func (k keys) earlier(number secret.Text) []byte {
	if k.before == nil {
		return nil
	}
	return markWith(k.before, number)
}

// Hide makes a digest tell nothing to whoever has no key: there are so few numbers that all
// could be tried. The first is the one to keep; by any of them it is known again.
func (d *Desk) Hide(ctx context.Context, digest []byte) ([][]byte, error) {
	if !d.On() {
		return nil, ErrOff
	}
	k, err := d.key(ctx)
	return k.marks(secret.Text("digest " + string(digest))), err
}

// want writes a call to a number down, with the marks that hold when it is counted.
func (d *Desk) want(ctx context.Context, c *call, number secret.Text) error {
	if _, err := d.key(ctx); err != nil { // there must be one to mark with
		return err
	}
	return d.Store.want(ctx, c, d.Rules, func(kept keptKeys) ([][]byte, error) {
		k, err := d.opened(kept)
		if err != nil {
			return nil, err
		}
		return k.marks(number), nil
	})
}

// unnamed is how a participant is known who is in none of our calls.
func unnamed(key []byte, channel string) string {
	return "x" + hex.EncodeToString(markWith(key, secret.Text("channel "+channel)))
}

// renew makes the key of the marks anew where it is not sealed under the key given: whoever
// had the old one could tell numbers by it for ever. The one before it stays sealed beside it
// as long as calls count that it marked, and until then there is no third.
func (d *Desk) renew(ctx context.Context, primary uint32) (bool, error) {
	return d.Store.renew(ctx, func(k keptKeys, over bool) (keptKeys, error) {
		if under(k.sealed, primary) && (k.before == nil || under(k.before, primary)) {
			return keptKeys{}, nil
		}
		now, err := d.opened(k)
		if err != nil {
			return keptKeys{}, err
		}
		if over {
			now = keys{now: []byte(newKey().Reveal()), before: now.now}
		}
		return d.sealed(now)
	})
}

func (d *Desk) sealed(k keys) (out keptKeys, err error) {
	if out.sealed, err = d.Seal.Seal(secret.Text(k.now), keyPlace()); err == nil && k.before != nil {
		out.before, err = d.Seal.Seal(secret.Text(k.before), beforePlace())
	}
	return out, err
}

func under(sealed []byte, key uint32) bool {
	id, err := seal.KeyID(sealed)
	return err == nil && id == key
}
