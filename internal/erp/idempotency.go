package erp

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"slices"
	"time"

	"countersign/internal/ledger"
)

// maxKept is the longest answer that is kept for a key; a longer one is done again, and
// what does that is harmless to repeat.
const maxKept = 1 << 20

// handleOnce does what an Idempotency-Key stands for once. The answer is kept with the
// effect (see claim.settled) or right after it; a request that failed gives the key back.
func (d *Door) handleOnce(c *call, e endpoint, work func(*call) (answer, error)) (answer, error) {
	key, err := idempotencyKey(c.r.Header, e.repeat)
	if err != nil || key == "" {
		if err != nil {
			return answer{}, err
		}
		return work(c)
	}
	if e.hidden && !d.Audio.On() {
		return work(c) // which does nothing, and nothing is kept of it
	}
	c.once = newClaim(c.key.Source, key)
	requests := [][]byte{digestOf(c)}
	if e.hidden {
		if requests, err = d.Audio.Hide(c.ctx(), requests[0]); err != nil {
			return answer{}, err
		}
	}
	was, err := d.keys.take(c.ctx(), c.once, requests[0])
	switch {
	case err != nil:
		return answer{}, err
	case !was.mine:
		return was.again(requests)
	}
	out, err := work(c)
	if overtaken(err) {
		err = stillRunning()
	}
	return d.settle(c, out, err)
}

// again answers for a key that somebody else holds or has used, for a request that was kept
// as one of those.
func (e earlier) again(requests [][]byte) (answer, error) {
	switch {
	case !slices.ContainsFunc(requests, func(r []byte) bool { return bytes.Equal(e.request, r) }):
		return answer{}, &problemError{status: http.StatusUnprocessableEntity, code: "idempotency_mismatch"}
	case e.status == 0:
		return answer{}, stillRunning()
	default:
		return answer{status: e.status, raw: e.answer, replay: true}, nil
	}
}

func stillRunning() error {
	return &problemError{status: http.StatusConflict, code: "in_progress", retry: time.Second}
}

// settle keeps the answer, or gives the key back. What cannot be kept is only said in the
// log: the effect is there, and the caller must learn of it.
func (d *Door) settle(c *call, out answer, failed error) (answer, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx()), 5*time.Second)
	defer cancel()
	if failed != nil {
		if errors.Is(failed, ledger.ErrUnknown) {
			return out, failed // it may yet be done: the key stays taken until that is settled
		}
		if err := d.keys.drop(ctx, c.once); err != nil {
			d.Log.WarnContext(ctx, "idempotency key stays taken", "error", err)
		}
		return out, failed
	}
	if out.settled {
		return out, nil
	}
	var err error
	if out.raw == nil {
		if out.raw, err = marshal(out.body); err != nil {
			return out, err
		}
	}
	if len(out.raw) > maxKept || out.passing {
		err = d.keys.drop(ctx, c.once)
	} else {
		err = d.keys.settle(ctx, c.once, out.status, out.kept())
	}
	if err != nil {
		d.Log.WarnContext(ctx, "answer of an idempotency key is not kept", "error", err)
	}
	return out, nil
}

// kept is the answer as it is stored: without what is shown once.
func (a answer) kept() []byte {
	if a.later != nil {
		return a.later
	}
	return a.raw
}

// idempotencyKey reads the header; empty where there is none and none is needed.
func idempotencyKey(h http.Header, r repeat) (string, error) {
	keys := h.Values("Idempotency-Key")
	if len(keys) == 0 && r != repeatNeeded {
		return "", nil
	}
	bad := &problemError{status: http.StatusBadRequest, code: "idempotency_key_required"}
	if len(keys) != 1 || len(keys[0]) < 8 || len(keys[0]) > 255 {
		return "", bad
	}
	for _, b := range []byte(keys[0]) {
		if b < 0x21 || b > 0x7e {
			return "", bad
		}
	}
	return keys[0], nil
}

// digestOf names a request: the same key must always come with the same one.
func digestOf(c *call) []byte {
	sum := sha256.New()
	for _, part := range []string{c.r.Method, c.r.URL.EscapedPath(), c.r.URL.RawQuery} {
		_, _ = sum.Write(append([]byte(part), 0)) // a hash never fails
	}
	_, _ = sum.Write(c.body)
	return sum.Sum(nil)
}
