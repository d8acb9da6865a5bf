package notice

import (
	"context"
	"errors"

	"countersign/internal/post"
	"countersign/internal/telegram"
)

// files brings the files of one notice to one reader: as one where that is possible, each by
// itself where it is not, or where they may have been sent already.
func (b *lane) files(ctx context.Context, of []piece) error {
	var found []error
	for len(of) > 0 {
		n, err := b.album(ctx, of)
		if n == 0 && err == nil {
			n, err = 1, b.one(ctx, of[:1])
		}
		found = append(found, err)
		of = of[max(n, 1):]
	}
	return errors.Join(found...)
}

// album sends the first of the files as one, and gives how many of them it is through with.
func (b *lane) album(ctx context.Context, of []piece) (int, error) {
	together := b.together(of)
	if len(together) < post.LeastInAlbum {
		return 0, nil
	}
	r, why, err := b.reader(ctx, together[0])
	if err != nil || why != "" {
		return 0, nil //nolint:nilerr // whoever sends the first by itself finds the same
	}
	letters := make([]post.Letter, len(together))
	for i, p := range together {
		l, _, why, err := b.letter(ctx, []piece{p}, r)
		if err != nil || why != "" || l.File == nil {
			return 0, nil //nolint:nilerr // likewise
		}
		letters[i] = l
	}
	ctx = telegram.Concerning(ctx, telegram.About{Notice: together[0].Notice})
	wait, err := b.turn(ctx, together[0])
	switch {
	case err != nil:
		return len(together), errors.Join(err, b.again(ctx, together))
	case wait > 0:
		return len(together), b.each(together, func(p piece) error { return b.Store.postpone(ctx, p, wait) })
	}
	sent, err := b.Post.Album(ctx, letters)
	switch {
	case post.Apart(err):
		return len(together), b.each(together, func(p piece) error { return b.alone(ctx, p) })
	case err != nil:
		b.barred(ctx, r.group, letters[0], err)
		return len(together), b.refused(ctx, together, err)
	}
	var found []error
	for i, p := range together {
		found = append(found, b.noted(ctx, sent[i].MessageID, p))
	}
	b.took(ctx, r.group, letters[0], sent[0])
	return len(together), errors.Join(found...)
}

// together are the files, from the first on, that may go as one: none that was tried before,
// and none when the lane is to end.
func (b *lane) together(of []piece) []piece {
	if b.shift.Err() != nil {
		return nil
	}
	room := b.MaxFile
	for i, p := range of {
		size := p.Body.Files[p.Part-1].Size
		if room -= size; i == post.MostInAlbum || p.Attempts > 1 || p.Message != 0 || b.MaxFile > 0 && room < 0 {
			return of[:i]
		}
	}
	return of
}

// heap are pieces that belong together, in the order in which they came.
type heap struct {
	of    map[string][]piece
	order []string
}

func (h *heap) put(key string, p piece) {
	if h.of == nil {
		h.of = map[string][]piece{}
	}
	if h.of[key] == nil {
		h.order = append(h.order, key)
	}
	h.of[key] = append(h.of[key], p)
}

func (h *heap) each(do func([]piece) error) error {
	var found []error
	for _, key := range h.order {
		found = append(found, do(h.of[key]))
	}
	return errors.Join(found...)
}
