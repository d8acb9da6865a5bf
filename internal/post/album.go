package post

import (
	"context"
	"io"
	"maps"
	"slices"

	"countersign/internal/telegram"
)

// Most letters with files that go as one, and the least for which that is worth it.
const (
	LeastInAlbum = telegram.LeastInAlbum
	MostInAlbum  = telegram.MostInAlbum
)

// Album sends letters with files as one, at least 2 and at most 10. Chat, topic, reply,
// sound and protection are those of the first; keyboards there are none. The errors are
// those of Send. Where the content of one may be at fault, by Apart, nothing was sent and
// each is to be sent by itself: that gives up of each only what it must.
func (p *Post) Album(ctx context.Context, ls []Letter) ([]Sent, error) {
	general := false
	sent, err := p.together(ctx, ls)
	for range 2 {
		switch kind := telegram.KindOf(err); {
		case kind == telegram.Gone && ls[0].ReplyTo != 0:
			ls = changed(ls, func(l *Letter) { l.ReplyTo = 0 })
		case kind == telegram.TopicGone && ls[0].ThreadID != 0:
			ls, general = changed(ls, func(l *Letter) { l.ThreadID = 0 }), true
		default:
			return all(sent, general), err
		}
		sent, err = p.together(ctx, ls)
	}
	return all(sent, general), err
}

// Apart reports whether letters that were refused as one are to be sent each by itself.
func Apart(err error) bool {
	switch telegram.KindOf(err) {
	case telegram.BadEntities, telegram.Bug, telegram.BadFile, telegram.TooLarge:
		return true
	default:
		return false
	}
}

func changed(ls []Letter, change func(*Letter)) []Letter {
	out := slices.Clone(ls)
	for i := range out {
		change(&out[i])
	}
	return out
}

func all(sent []telegram.Sent, general bool) []Sent {
	var out []Sent
	for _, s := range sent {
		out = append(out, Sent{s, general})
	}
	return out
}

// together sends an album; files that the messenger has not yet are uploaded in it, once,
// by nobody else at the same time.
func (p *Post) together(ctx context.Context, ls []Letter) ([]telegram.Sent, error) {
	missing := map[string]File{}
	for _, l := range ls {
		id, err := p.Store.fileID(ctx, p.Bot, *l.File)
		if err != nil {
			return nil, err
		}
		if id == "" {
			missing[l.File.key()] = *l.File
		}
	}
	for _, key := range slices.Sorted(maps.Keys(missing)) { // in one order, so that no two wait for each other
		defer p.alone(missing[key])()
	}
	docs := make([]telegram.Document, len(ls))
	for i, l := range ls {
		docs[i] = telegram.Document{Outgoing: l.Outgoing, Name: l.File.Name, Size: l.File.Size}
		var err error
		if docs[i].FileID, err = p.Store.fileID(ctx, p.Bot, *l.File); err != nil {
			return nil, err
		}
		if docs[i].FileID == "" {
			docs[i].Open = func() (io.ReadCloser, error) {
				_, content, err := p.Files.Open(ctx, l.File.SHA256)
				return content, err
			}
		}
	}
	sent, err := p.Telegram.SendAlbum(ctx, docs)
	if err != nil {
		return nil, err
	}
	for i, l := range ls {
		if docs[i].FileID != "" || sent[i].FileID == "" {
			continue
		}
		if err := p.Store.keepFile(ctx, p.Bot, *l.File, sent[i].FileID); err != nil {
			p.warn(ctx, "file not remembered", l.About, err) // it is sent all the same
		}
	}
	return sent, nil
}
