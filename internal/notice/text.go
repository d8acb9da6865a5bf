package notice

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"countersign/internal/handout"
	"countersign/internal/locale"
	"countersign/internal/markup"
	"countersign/internal/post"
	"countersign/internal/telegram"
)

const (
	mostMessage = 4096
	mostName    = 200
	percent     = 100 // a progress of so many parts is told in percent
)

func number(n int64) string { return strconv.FormatInt(n, 10) }

// letter is the message of some notices to one reader, of the first of them at least. It
// gives those that found no room, or the reason why this one does not get it.
func (b *Board) letter(ctx context.Context, of []piece, r reader) (l post.Letter, rest []piece, why Why, err error) {
	p := of[0]
	lang := b.Texts.For(p.Language)
	l = post.Letter{
		Outgoing: telegram.Outgoing{ChatID: p.Chat, ThreadID: p.Thread, ReplyTo: p.Under, Silent: b.silent(p, r)},
		About:    p.Notice + " " + p.To,
	}
	if p.Part > 0 {
		why, err = b.attach(ctx, p, r, lang, &l)
	} else {
		l.HTML, rest, err = b.texts(ctx, of, r, lang, &l)
	}
	l.Plain = markup.Plain(l.HTML)
	return l, rest, why, err
}

// texts is one notice as it is, or several that had to wait, as many as fit whole.
func (b *Board) texts(ctx context.Context, of []piece, r reader, lang locale.Lang, l *post.Letter) (html string, rest []piece, err error) {
	var told []string
	length := markup.Len16(lang.N("notice.several", len(of), nil))
	for i, p := range of {
		s, err := b.sight(ctx, p, r, lang)
		if err != nil {
			return "", nil, err
		}
		one := b.html(p.Body, s, lang)
		if length += len("\n• ") + markup.Len16(markup.Plain(one)); i > 0 && length > mostMessage {
			rest = of[i:]
			break
		}
		told = append(told, one)
		l.Protect = l.Protect || s.protect
	}
	if len(told) == 1 {
		if k, err := keyboard(of[0].Body.Buttons, func(key string) string { return lang.T(key, nil) }); err == nil { // it was found fit
			l.Keyboard = k
		}
		return told[0], rest, nil
	}
	lines := []string{"<b>" + markup.Escape(lang.N("notice.several", len(told), nil)) + "</b>"}
	for _, one := range told {
		lines = append(lines, "• "+one)
	}
	return strings.Join(lines, "\n"), rest, nil
}

// attach makes a letter of a file, or of the link to one that the messenger does not take.
func (b *Board) attach(ctx context.Context, p piece, r reader, lang locale.Lang, l *post.Letter) (Why, error) {
	s, err := b.sight(ctx, p, r, lang)
	if err != nil {
		return "", err
	}
	if !s.files {
		return Withheld, nil
	}
	l.Protect = s.protect
	f := p.Body.Files[p.Part-1]
	f.Name = s.Cover(markup.Clean(f.Name))
	name := markup.Truncate(f.Name, mostName)
	if b.MaxFile == 0 || f.Size <= b.MaxFile {
		l.File, l.HTML = &post.File{SHA256: f.SHA256, Name: f.Name, Size: f.Size}, markup.Escape(name)
		return "", nil
	}
	if !b.Links.Open() {
		return TooLarge, nil
	}
	o := handout.Offer{SHA256: f.SHA256, Name: f.Name, Case: p.Notice, Chat: p.Chat}
	if r.group != nil {
		o.Group = r.group.ExternalID
	}
	url, err := b.Links.Link(ctx, o)
	if err != nil {
		return "", err
	}
	l.HTML = markup.Escape("📎 " + name + "\n" + lang.T("card.file_by_link", map[string]any{
		"Size": lang.T("card.size.mb", map[string]any{"N": f.Size >> 20}), "Days": int(handout.Life.Hours() / 24),
	}))
	l.Keyboard, err = telegram.NewKeyboard([]telegram.Button{{Text: lang.T("button.download", nil), URL: url}})
	return "", err
}

// html is a notice in a language, as somebody may see it.
func (b *Board) html(body Body, s sight, lang locale.Lang) string {
	text := body.Text
	if body.Key != "" {
		text = lang.T(body.Key, b.data(body, lang))
	}
	lines := []string{markup.Escape(markup.Truncate(s.Cover(text), MaxText))}
	if body.Title != "" {
		lines = append([]string{"<b>" + markup.Escape(markup.Truncate(s.Cover(body.Title), MaxTitle)) + "</b>"}, lines...)
	}
	if s.Line != "" {
		lines = append(lines, "<i>"+markup.Escape(s.Line)+"</i>")
	}
	if body.State != "" {
		lines = append(lines, markup.Escape(progress(body, lang)))
	}
	return strings.Join(lines, "\n")
}

// data is what fills the text of a notice.
func (b *Board) data(body Body, lang locale.Lang) map[string]any {
	data := map[string]any{}
	for name, value := range body.Data {
		data[name] = value
	}
	for name, at := range body.Times {
		data[name] = lang.DateTime(at, b.Office.Location)
	}
	for name, span := range body.Spans {
		data[name] = lang.Duration(span)
	}
	words := make(map[string]any, len(body.Words))
	for name, key := range body.Words {
		words[name] = lang.T(key, data)
	}
	maps.Copy(data, words)
	return data
}

// progress is the line that says how far something is.
func progress(body Body, lang locale.Lang) string {
	const cells = 10
	switch {
	case body.State == Finished:
		return lang.T("notice.finished", nil)
	case body.State == Failed:
		return lang.T("notice.failed", nil)
	case body.Total == 0:
		return lang.T("notice.running", nil)
	}
	full := cells * body.Done / body.Total
	bar := strings.Repeat("▓", full) + strings.Repeat("░", cells-full) + " "
	if body.Total == percent {
		return bar + lang.T("notice.percent", map[string]any{"Percent": body.Done})
	}
	return bar + lang.T("notice.progress", map[string]any{"Done": body.Done, "Total": body.Total})
}

// With is the data of a text as it is kept.
func With(data map[string]any) map[string]string {
	out := make(map[string]string, len(data))
	for key, value := range data {
		out[key] = fmt.Sprint(value)
	}
	return out
}
