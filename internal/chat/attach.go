package chat

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"log/slog"
	"path"
	"strings"
	"time"

	"countersign/internal/document"
	"countersign/internal/file"
	"countersign/internal/inbox"
	"countersign/internal/ledger"
	"countersign/internal/markup"
	"countersign/internal/people"
	"countersign/internal/telegram"
)

const (
	fetchTime = 2 * time.Minute  // of a file on its way here
	handTime  = 30 * time.Second // for the rest of what is done with it
)

// attach takes a file that replies to a card. It is stored first, by its content, and then
// said to be the document's, once for each message: what dies between the two is done
// again, and leaves nothing that anybody sees.
func (d *Door) attach(ctx context.Context, it *inbox.Item, l letter, p people.Person) (string, error) {
	most := min(telegram.MaxFetch, d.Files.Max)
	refuse := func(key string) (string, error) {
		d.tellWriter(ctx, l, l.lang.T(key, map[string]any{"Limit": most >> 20}))
		return "refused: " + key, nil
	}
	switch a := l.Attached; {
	case a.Kind != "document" && a.Kind != "photo":
		return refuse("talk.file_kind")
	case a.Size > most:
		return refuse("talk.file_large")
	}
	if _, err := d.Ledger.Heard(ctx, d.origin(l.Chat.ID, l.ID)); err == nil {
		d.confirm(ctx, l)
		return "file noted before", nil
	} else if !errors.Is(err, ledger.ErrNotFound) {
		return "", d.talkFault(ctx, it, l, err)
	}
	sees, err := d.Ledger.Sees(ctx, l.of, p)
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		return "", d.talkFault(ctx, it, l, err)
	}
	if !sees && (l.Chat.Private() || l.spot.Chat == "") { // before anything is fetched
		return refuse("talk.unseen")
	}
	ctx, cancel := it.Longer(ctx, fetchTime+handTime)
	defer cancel()
	f, err := d.store(ctx, l, most)
	if key := fileRefusal(err); key != "" {
		return refuse(key)
	}
	if err != nil {
		return "", d.talkFault(ctx, it, l, err)
	}
	return d.hand(ctx, it, l, "file", func(t ledger.Talk, ends ledger.Also) (ledger.Said, error) {
		return d.Ledger.Attach(ctx, t, f, ends)
	})
}

// store fetches the file of a letter and keeps it among those of the document's source.
func (d *Door) store(ctx context.Context, l letter, most int64) (document.File, error) {
	st, err := d.Ledger.Case(ctx, l.of)
	if err != nil {
		return document.File{}, err
	}
	content, err := d.fetch(ctx, l, most)
	if err != nil {
		return document.File{}, err
	}
	meta, err := d.Files.Put(ctx, st.Key.Source, "", bytes.NewReader(content))
	return document.File{Name: fileName(l.Attached), SHA256: meta.SHA256, Size: meta.Size, MediaType: meta.MediaType}, err
}

// fetch reads the file of a letter. Where that takes longer than it may, the update is to
// blame, and not the way there: it would take as long each time.
func (d *Door) fetch(ctx context.Context, l letter, most int64) ([]byte, error) {
	within, cancel := context.WithTimeout(ctx, cmp.Or(d.fetchLife, fetchTime))
	defer cancel()
	content, err := d.Telegram.Fetch(within, l.Attached.FileID, most)
	switch telegram.KindOf(err) {
	case telegram.OK:
		return content, nil
	case telegram.Transient, telegram.RateLimited, telegram.Unknown:
		if within.Err() != nil && ctx.Err() == nil {
			d.Log.WarnContext(ctx, "file not fetched in time", slog.Any("error", err))
			return nil, errSlow
		}
		d.hold(ctx, l.Chat.ID, err)
		return nil, later(err)
	default:
		return nil, err
	}
}

// fileRefusal is what the sender is told of a file that is not taken; empty: it is no
// matter of the file.
func fileRefusal(err error) string {
	switch {
	case errors.Is(err, file.ErrTooLarge), telegram.KindOf(err) == telegram.TooLarge:
		return "talk.file_large"
	case errors.Is(err, file.ErrForbidden), errors.Is(err, file.ErrPicture):
		return "talk.file_forbidden"
	case errors.Is(err, file.ErrEmpty), telegram.KindOf(err) == telegram.BadFile:
		return "talk.file_gone"
	case errors.Is(err, file.ErrFull):
		return "talk.file_full"
	default:
		return ""
	}
}

// fileName is the name that a file is shown by: nothing of it is a path, or invisible. A
// picture has none.
func fileName(a *telegram.Attached) string {
	const most = 200
	name := strings.ReplaceAll(markup.Clean(a.Name), "\n", " ")
	name = strings.TrimSpace(path.Base(strings.ReplaceAll(name, "\\", "/")))
	switch {
	case a.Kind == "photo":
		return "photo.jpg"
	case strings.Trim(name, "./ ") == "":
		return "file"
	}
	ext := path.Ext(name)
	if markup.Len16(ext) > 10 {
		ext = ""
	}
	return markup.Truncate(strings.TrimSuffix(name, ext), most) + ext
}
