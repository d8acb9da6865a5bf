package courier

import (
	"context"
	"errors"

	"countersign/internal/card"
	"countersign/internal/crash"
	"countersign/internal/post"
)

// page is one message of an album: what it should be, and its letter.
type page struct {
	spotAt

	want   card.Card
	letter post.Letter
}

// album sends the first of the spots as one, where they are files that are not there yet
// under one card, and gives how many of them it is through with: none, where each is to be
// sent by itself. What may have been sent already is not sent as one again.
func (l *lane) album(ctx context.Context, spots []spotAt) (through int, err error) {
	pages, err := l.pages(spots)
	if err != nil || len(pages) < post.LeastInAlbum {
		return 0, err
	}
	if ok, err := l.turn(ctx, l.class(pages[0].Spot, 0)); err != nil || !ok {
		return len(pages), err
	}
	mine, err := l.claimAll(ctx, pages)
	if err != nil || len(mine) < post.LeastInAlbum {
		return 0, errors.Join(err, l.releaseAll(ctx, mine))
	}
	letters := make([]post.Letter, len(mine))
	for i, p := range mine {
		letters[i] = p.letter
	}
	if ok, err := l.still(ctx, l.class(pages[0].Spot, 0)); err != nil || !ok {
		return len(pages), errors.Join(err, l.releaseAll(ctx, mine))
	}
	l.begin()
	sent, err := l.Post.Album(ctx, letters)
	l.begun()
	switch {
	case post.Apart(err):
		l.single = true
		return 0, l.releaseAll(ctx, mine)
	case err != nil:
		return len(pages), errors.Join(l.refusedAll(ctx, mine, err), l.releaseAll(ctx, mine))
	}
	l.Crash.Pass(crash.CardSent)
	l.arrived(ctx, mine[0].spotAt, sent[0].General)
	for i, p := range mine {
		m := Message{Bot: l.Bot, ChatID: l.chat, ID: sent[i].MessageID, Digest: p.want.Digest()}
		l.shown[p.Key()] = append(l.shown[p.Key()], m)
		err = errors.Join(err, l.note(ctx, func() error { return l.Store.Sent(ctx, l.of(p.spotAt), m) }))
	}
	return len(pages), err
}

// refusedAll decides what the refusal of an album means: what is a fault of one message is
// one of all.
func (l *lane) refusedAll(ctx context.Context, pages []page, refusal error) error {
	err := l.refused(ctx, pages[0].spotAt, 0, refusal)
	if !l.faults[l.of(pages[0].spotAt)] {
		return err
	}
	for _, p := range pages[1:] {
		err = errors.Join(err, l.fault(ctx, p.spotAt, 0, refusal))
	}
	return err
}

// pages are the spots, from the first on, that may go as one.
func (l *lane) pages(spots []spotAt) ([]page, error) {
	var out []page
	room := l.MaxFile
	for _, s := range spots {
		if l.single || len(out) == post.MostInAlbum || s.Kind != card.KindFile || s.astray || s.Past || s.ReplyTo != spots[0].ReplyTo ||
			len(l.shown[s.Key()]) > 0 || l.faults[l.of(s)] {
			break
		}
		p := page{spotAt: s, want: l.card(s)}
		if p.want.File == nil || len(p.want.Buttons) > 0 {
			break
		}
		if room -= p.want.File.Size; l.MaxFile > 0 && room < 0 { // uploaded as one, they are no more than one file may be
			break
		}
		var err error
		if p.letter, err = l.letter(s, p.want); err != nil {
			return nil, err
		}
		if p.letter.ReplyTo = l.replyTo(s); s.ReplyTo != "" && p.letter.ReplyTo == 0 {
			break
		}
		out = append(out, p)
	}
	return out, nil
}

// claimAll gives those pages that nobody else is sending.
func (l *lane) claimAll(ctx context.Context, pages []page) ([]page, error) {
	var mine []page
	for _, p := range pages {
		claimed, err := l.claim(ctx, l.of(p.spotAt))
		if err != nil {
			return mine, err
		}
		if claimed {
			mine = append(mine, p)
		} else {
			l.later(occupied)
		}
	}
	return mine, nil
}

func (l *lane) releaseAll(ctx context.Context, pages []page) error {
	var found []error
	for _, p := range pages {
		found = append(found, l.release(ctx, l.of(p.spotAt)))
	}
	return errors.Join(found...)
}
