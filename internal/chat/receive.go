package chat

import (
	"cmp"
	"context"
	"crypto/subtle"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"time"

	"countersign/internal/telegram"
	"countersign/internal/wake"
)

const (
	maxUpdate    = 256 << 10                         // bytes, unless the door says otherwise; Telegram's own buffer is 64 KiB
	secretHeader = "X-Telegram-Bot-Api-Secret-Token" //nolint:gosec // the name of a header
	pollWait     = 25 * time.Second
	pollerLease  = 40 * time.Second
	pollPause    = time.Second
)

// Webhook takes an update: the secret first, before anything is read; then it is stored,
// and only then answered. 503 makes Telegram send it again; a Retry-After would let it
// drop a tap instead.
func (d *Door) Webhook(w http.ResponseWriter, r *http.Request) {
	given := []byte(r.Header.Get(secretHeader))
	if d.Secret == "" || subtle.ConstantTimeCompare(given, []byte(d.Secret.Reveal())) != 1 {
		d.refuse("wrong secret")
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" || r.Header.Get("Content-Encoding") != "" {
		d.refuse("wrong media type")
		w.WriteHeader(http.StatusUnsupportedMediaType)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, cmp.Or(d.MaxUpdate, maxUpdate)))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		d.refuse("too large")
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	if err != nil {
		d.refuse("cut short")
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	d.Searches.note(body)
	if err := d.Inbox.Receive(r.Context(), body); err != nil {
		d.Log.WarnContext(r.Context(), "update not stored", slog.Any("error", err))
		d.refuse("not stored")
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusOK)
}

// Poll asks for updates where nothing can come in, until ctx ends. One replica at a
// time does so; another takes over when it falls silent or has ended.
func (d *Door) Poll(ctx context.Context, self string) error {
	defer d.letGo(ctx, self)
	for ctx.Err() == nil {
		mine, err := d.Inbox.Poller(ctx, self, pollerLease)
		switch {
		case err != nil:
			d.Log.WarnContext(ctx, "poller not known", slog.Any("error", err))
			wake.Rest(ctx, pollPause)
		case !mine:
			wake.Rest(ctx, pollPause)
		default:
			d.pollOnce(ctx, self)
		}
	}
	return nil
}

// letGo lets another replica ask for updates at once.
func (d *Door) letGo(ctx context.Context, self string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), pollPause)
	defer cancel()
	if err := d.Inbox.LetGo(ctx, self); err != nil {
		d.Log.WarnContext(ctx, "poller not given back", slog.Any("error", err))
	}
}

// pollOnce fetches what waits and stores it. Asking again with the last id confirms
// that; nothing is confirmed that is not stored. No id is remembered for longer: after
// a quiet week Telegram's numbers may begin anywhere. While there is always more, the
// right to ask is renewed each time.
func (d *Door) pollOnce(ctx context.Context, self string) {
	var offset int64
	for ctx.Err() == nil {
		before := offset
		wait := pollWait
		if offset != 0 {
			wait = 0 // confirm at once
		}
		updates, err := d.Telegram.GetUpdates(ctx, telegram.Poll{Offset: offset, Wait: wait})
		if err != nil {
			if ctx.Err() == nil {
				d.Log.WarnContext(ctx, "updates not fetched", slog.Any("error", err))
				d.pollFault(ctx, err)
			}
			return
		}
		if len(updates) == 0 {
			return
		}
		for _, u := range updates {
			d.Searches.note(u.Body)
			if err := d.Inbox.Receive(ctx, u.Body); err != nil {
				d.Log.WarnContext(ctx, "update not stored", slog.Any("error", err))
				wake.Rest(ctx, pollPause)
				return
			}
			offset = max(offset, u.ID+1)
		}
		if offset <= max(before, 1) { // without an id nothing can be confirmed: not as fast as we can
			wake.Rest(ctx, pollPause)
			return
		}
		if mine, err := d.Inbox.Poller(ctx, self, pollerLease); err != nil || !mine {
			return
		}
	}
}

func (d *Door) pollFault(ctx context.Context, err error) {
	switch telegram.KindOf(err) {
	case telegram.Conflict:
		if err := d.Inbox.Contested(ctx); err != nil {
			d.Log.WarnContext(ctx, "conflict not noted", slog.Any("error", err))
		}
		wake.Rest(ctx, 5*pollPause) // a webhook is set, or a stranger polls: Notice says so
	default:
		wake.Rest(ctx, pollPause)
	}
}
