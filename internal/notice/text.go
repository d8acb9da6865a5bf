package notice

import (
	"fmt"
	"strconv"
	"strings"

	"countersign/internal/locale"
	"countersign/internal/markup"
	"countersign/internal/post"
	"countersign/internal/telegram"
)

const (
	mostInDigest = 10
	lineInDigest = 200 // of each notice, in a message that holds several
	mostName     = 200
)

func number(n int64) string { return strconv.FormatInt(n, 10) }

// letter is the message of some notices to one chat.
func (b *Board) letter(of []piece) post.Letter {
	p := of[0]
	lang := b.Texts.For(p.Language)
	l := post.Letter{
		Outgoing: telegram.Outgoing{ChatID: p.Chat, ThreadID: p.Thread, ReplyTo: p.Under, Silent: b.silent(p)},
		About:    p.Notice + " " + p.To,
	}
	switch {
	case p.Part > 0:
		f := p.Body.Files[p.Part-1]
		l.File = &post.File{SHA256: f.SHA256, Name: f.Name, Size: f.Size}
		l.HTML = markup.Escape(markup.Truncate(markup.Clean(f.Name), mostName))
	case len(of) == 1:
		l.HTML = b.html(p.Body, lang)
		if k, err := keyboard(p.Body.Buttons); err == nil { // it was found fit
			l.Keyboard = k
		}
	default:
		l.HTML = b.digest(of, lang)
	}
	l.Plain = markup.Plain(l.HTML)
	return l
}

// silent: news can wait until somebody works.
func (b *Board) silent(p piece) bool {
	now := b.Now()
	return p.Class != Alarm && (p.Part > 0 || !b.Office.Next(now).Equal(now))
}

// html is a notice in a language.
func (b *Board) html(body Body, lang locale.Lang) string {
	text := body.Text
	if body.Key != "" {
		data := map[string]any{}
		for key, value := range body.Data {
			data[key] = value
		}
		for key, at := range body.Times {
			data[key] = lang.DateTime(at, b.Office.Location)
		}
		text = lang.T(body.Key, data)
	}
	lines := []string{markup.Escape(markup.Truncate(text, maxText))}
	if body.Title != "" {
		lines = append([]string{"<b>" + markup.Escape(body.Title) + "</b>"}, lines...)
	}
	if body.State != "" {
		lines = append(lines, markup.Escape(progress(body, lang)))
	}
	return strings.Join(lines, "\n")
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
	return strings.Repeat("▓", full) + strings.Repeat("░", cells-full) + " " +
		lang.T("notice.progress", map[string]any{"Done": body.Done, "Total": body.Total})
}

// digest is several notices that had to wait, one line each.
func (b *Board) digest(of []piece, lang locale.Lang) string {
	var out strings.Builder
	out.WriteString("<b>" + markup.Escape(lang.N("notice.several", len(of), nil)) + "</b>")
	for _, p := range of {
		body := p.Body
		body.Title = ""
		line := strings.Join(strings.Fields(markup.Plain(b.html(body, lang))), " ")
		if p.Body.Title != "" {
			line = p.Body.Title + ": " + line
		}
		out.WriteString("\n• " + markup.Escape(markup.Truncate(line, lineInDigest)))
	}
	return out.String()
}

// With is the data of a text as it is kept.
func With(data map[string]any) map[string]string {
	out := make(map[string]string, len(data))
	for key, value := range data {
		out[key] = fmt.Sprint(value)
	}
	return out
}
