package telegram

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// fetchCall is how the fetching of a file is called here; it is no method of the Bot API.
const fetchCall = "fetchFile"

// MaxFetch is the greatest file that the Bot API lets a bot fetch, in bytes.
const MaxFetch = 20 << 20

// React puts an emoji under a message in place of the one that the bot put there before. Only
// some emojis are allowed.
func (c *Client) React(ctx context.Context, chatID, messageID int64, emoji string) error {
	return c.raw(ctx, &exchange{method: "setMessageReaction", facts: Facts{Chat: chatID, Message: messageID}}, map[string]any{
		"chat_id": chatID, "message_id": messageID, "reaction": []map[string]string{{"type": "emoji", "emoji": emoji}},
	}, nil)
}

// Fetch reads a file that somebody sent, of at most so many bytes: TooLarge beyond that.
func (c *Client) Fetch(ctx context.Context, fileID string, most int64) ([]byte, error) {
	t := &exchange{method: "getFile"}
	if err := c.raw(ctx, t, map[string]any{"file_id": fileID}, nil); err != nil {
		return nil, err
	}
	var f struct {
		Path string `json:"file_path"`
		Size int64  `json:"file_size"`
	}
	if err := c.decode(t, &f); err != nil {
		return nil, err
	}
	switch {
	case f.Size > most:
		return nil, c.failed(t, TooLarge, errTooLarge)
	case f.Path == "":
		return nil, c.failed(t, BadFile, errors.New("the server gives no address of the file"))
	case strings.HasPrefix(f.Path, "/"): // a server of one's own in local mode keeps it on its own disk
		return c.pick(t, f.Path, most)
	}
	var started time.Time
	if c.noted != nil {
		started = c.now()
	}
	t = &exchange{method: fetchCall}
	content, err := c.fetch(ctx, t, f.Path, most)
	t.bytes = int64(len(content))
	c.note(ctx, t, started, err)
	return content, err
}

// pick reads a file from the folder that is shared with the server, and from nowhere else,
// whatever links there are.
func (c *Client) pick(t *exchange, path string, most int64) ([]byte, error) {
	if c.files == "" {
		return nil, c.failed(t, BadFile, errors.New("the server keeps files on its own disk: set telegram.files_dir to the folder that both see, or run the server without --local"))
	}
	name, err := filepath.Rel(c.files, path)
	if err != nil || !filepath.IsLocal(name) {
		return nil, c.failed(t, BadFile, errors.New("the server keeps its files outside of telegram.files_dir"))
	}
	root, err := os.OpenRoot(c.files)
	if err != nil {
		return nil, c.failed(t, Transient, err)
	}
	defer func() { _ = root.Close() }()
	at, err := root.Stat(name)
	switch {
	case err != nil:
		return nil, c.failed(t, BadFile, err)
	case !at.Mode().IsRegular():
		return nil, c.failed(t, BadFile, errors.New("no file"))
	}
	file, err := root.Open(name)
	if err != nil {
		return nil, c.failed(t, BadFile, err)
	}
	defer func() { _ = file.Close() }()
	return c.within(t, file, most)
}

// within reads to the end, or refuses what is longer.
func (c *Client) within(t *exchange, from io.Reader, most int64) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(from, most+1))
	switch {
	case err != nil:
		return nil, c.failed(t, Transient, err)
	case int64(len(content)) > most:
		return nil, c.failed(t, TooLarge, errTooLarge)
	}
	return content, nil
}

// fetch reads a file by its path on the server. The address holds the token and is told to
// nobody.
func (c *Client) fetch(ctx context.Context, t *exchange, path string, most int64) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, uploadTimeout)
	defer cancel()
	address := c.base + "/file/bot" + c.token + "/" + (&url.URL{Path: path}).EscapedPath()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, c.failed(t, BadFile, err)
	}
	resp, err := c.wire.RoundTrip(req.WithContext(t.traced(ctx)))
	if err != nil {
		return nil, c.failed(t, Transient, err)
	}
	defer func() { _ = resp.Body.Close() }()
	switch code := resp.StatusCode; {
	case code == http.StatusOK:
	case code >= http.StatusInternalServerError, code == http.StatusTooManyRequests:
		return nil, c.failed(t, Transient, fmt.Errorf("file: status %d", code))
	default:
		return nil, c.failed(t, BadFile, fmt.Errorf("file: status %d", code))
	}
	return c.within(t, resp.Body, most)
}
