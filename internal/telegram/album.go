package telegram

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"
)

// Limits of an album.
const (
	LeastInAlbum = 2
	MostInAlbum  = 10
)

// media is a document of an album on the wire.
type media struct {
	Type      string `json:"type"`
	Media     string `json:"media"`
	Caption   string `json:"caption,omitempty"`
	ParseMode string `json:"parse_mode,omitempty"`
}

// SendAlbum sends 2 to 10 documents as one, each with its caption. Chat, topic, reply, sound
// and protection are those of the first; there are no keyboards. What is uploaded must
// together be no more than one file may be. The form is written here: that of the library
// gives files no names of their own.
func (c *Client) SendAlbum(ctx context.Context, docs []Document) ([]Sent, error) {
	t := &exchange{method: albumCall, facts: albumFacts(docs)}
	if len(docs) < LeastInAlbum || len(docs) > MostInAlbum {
		return nil, c.failed(t, Bug, fmt.Errorf("an album of %d", len(docs)))
	}
	list := make([]media, len(docs))
	var files []Document
	total := int64(0)
	for i, d := range docs {
		text, mode := body(d.HTML, d.Text)
		list[i] = media{Type: "document", Media: d.FileID, Caption: text, ParseMode: string(mode)}
		if d.FileID != "" {
			continue
		}
		if d.Open == nil {
			return nil, c.failed(t, Bug, errors.New("document has neither a file id nor a file"))
		}
		if total += d.Size; total > c.maxFile {
			return nil, c.failed(t, TooLarge, errTooLarge)
		}
		list[i].Media = "attach://" + attachment(len(files))
		files = append(files, d)
	}
	err := c.sendForm(ctx, t, albumParams(docs[0].Outgoing, list), files)
	if err != nil {
		return nil, err
	}
	return c.sentAlbum(t, len(docs))
}

func attachment(i int) string { return "file" + strconv.Itoa(i) }

func albumParams(first Outgoing, list []media) map[string]any {
	params := map[string]any{"chat_id": first.ChatID, "media": list}
	if first.ThreadID != 0 {
		params["message_thread_id"] = first.ThreadID
	}
	if first.ReplyTo != 0 {
		params["reply_parameters"] = map[string]any{"message_id": first.ReplyTo, "allow_sending_without_reply": true}
	}
	if first.Silent {
		params["disable_notification"] = true
	}
	if first.Protect {
		params["protect_content"] = true
	}
	return params
}

// sendForm performs a call with files, or without any.
func (c *Client) sendForm(ctx context.Context, t *exchange, params map[string]any, files []Document) error {
	if len(files) == 0 {
		return c.raw(ctx, t, params, nil)
	}
	form, kind, err := newForm(params, files)
	if err != nil {
		return c.failed(t, Bug, err)
	}
	t.limit, t.upload = uploadTimeout, &upload{from: form, left: c.maxFile + maxBuffered}
	defer t.upload.close()
	return c.perform(ctx, t, func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+"/bot"+c.token+"/"+t.method, t.upload)
		if err != nil {
			return fmt.Errorf("request: %w", err)
		}
		req.Header.Set("Content-Type", kind)
		resp, err := c.Do(req)
		if err != nil {
			return err
		}
		return resp.Body.Close()
	})
}

func (c *Client) sentAlbum(t *exchange, want int) ([]Sent, error) {
	var list []struct {
		ID       int64 `json:"message_id"`
		Document struct {
			FileID string `json:"file_id"`
		} `json:"document"`
	}
	if err := c.decode(t, &list); err != nil {
		return nil, err
	}
	if len(list) != want {
		return nil, c.failed(t, lost(t.method), fmt.Errorf("%d messages for %d documents", len(list), want))
	}
	out := make([]Sent, want)
	for i, m := range list {
		out[i] = Sent{MessageID: m.ID, FileID: m.Document.FileID}
	}
	return out, nil
}

// form is a body of several parts. Each file is opened when its turn comes.
type form struct {
	io.Reader

	files []*later
}

// Close closes the files.
func (f *form) Close() error {
	var found []error
	for _, one := range f.files {
		found = append(found, one.close())
	}
	return errors.Join(found...)
}

// newForm makes the body of a call, and gives its media type.
func newForm(params map[string]any, files []Document) (*form, string, error) {
	var head bytes.Buffer
	w := multipart.NewWriter(&head)
	for name, value := range params {
		text, err := json.Marshal(value)
		if err == nil {
			err = w.WriteField(name, string(text))
		}
		if err != nil {
			return nil, "", fmt.Errorf("encode %s: %w", name, err)
		}
	}
	f := &form{}
	var parts []io.Reader
	for i, d := range files {
		if _, err := w.CreateFormFile(attachment(i), fileName(d.Name)); err != nil {
			return nil, "", fmt.Errorf("encode: %w", err)
		}
		one := &later{open: d.Open}
		f.files = append(f.files, one)
		parts = append(parts, bytes.NewReader(bytes.Clone(head.Bytes())), one)
		head.Reset()
	}
	if err := w.Close(); err != nil {
		return nil, "", fmt.Errorf("encode: %w", err)
	}
	f.Reader = io.MultiReader(append(parts, &head)...)
	return f, w.FormDataContentType(), nil
}

// later is a file that is opened when it is read first.
type later struct {
	open func() (io.ReadCloser, error)
	from io.ReadCloser
}

func (l *later) Read(p []byte) (int, error) {
	if l.from == nil {
		from, err := l.open()
		if err != nil {
			return 0, fmt.Errorf("open file: %w", err)
		}
		l.from = from
	}
	return l.from.Read(p)
}

func (l *later) close() error {
	if l.from == nil {
		return nil
	}
	return l.from.Close()
}
