package telegram

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-telegram/bot"
	"github.com/go-telegram/bot/models"
)

// Outgoing is a message to send: HTML, or Text without any marks. Previews of links are off always.
type Outgoing struct {
	ChatID   int64
	ThreadID int64 // topic of a forum, zero for none and for General
	ReplyTo  int64 // id of a message in the same chat; sent without a reply if that is gone
	HTML     string
	Text     string
	Keyboard Keyboard
	// Ask, when not empty, opens the reply field of the person asked with this placeholder (1 to 64 characters)
	// instead of a keyboard.
	Ask string
	// Contact, when not empty, stands on a button in place of the person's keyboard that shares his own
	// telephone number; private chats only. Bare takes such a button away.
	Contact string
	Bare    bool
	Silent  bool // no sound
	Protect bool // no forwarding, no saving
}

// Document is a file to send; the texts of Outgoing are its caption.
type Document struct {
	Outgoing
	// FileID sends a file that Telegram has already.
	FileID string
	// Open opens the file, otherwise; it is called once.
	Open func() (io.ReadCloser, error)
	// Name is the file's name as people see it.
	Name string
	// Size is its length if known, to refuse it before sending.
	Size int64
}

// Sent is what became of a message: its id, and the id of its file for sending it again.
type Sent struct {
	MessageID int64
	FileID    string
}

// Edit is the new state of a message: of a chat, or of inline mode by its InlineID. Without a keyboard the
// message loses its own.
type Edit struct {
	ChatID    int64
	MessageID int64
	InlineID  string
	HTML      string
	Text      string
	Keyboard  Keyboard
}

// Send sends a message and returns its id. An error of kind Unknown may have sent it.
func (c *Client) Send(ctx context.Context, m Outgoing) (int64, error) {
	t := &exchange{method: messageCall, facts: m.facts()}
	err := c.perform(ctx, t, func(ctx context.Context) error {
		text, mode := body(m.HTML, m.Text)
		_, err := c.bot.SendMessage(ctx, &bot.SendMessageParams{
			ChatID: m.ChatID, MessageThreadID: int(m.ThreadID), Text: text, ParseMode: mode,
			LinkPreviewOptions: noPreview(), DisableNotification: m.Silent, ProtectContent: m.Protect,
			ReplyParameters: replyTo(m.ReplyTo), ReplyMarkup: m.markup(),
		})
		return err
	})
	if err != nil {
		return 0, err
	}
	sent, err := c.sent(t)
	return sent.MessageID, err
}

// SendDocument sends a file, streaming it, or by its id. An error of kind Unknown may have sent it.
func (c *Client) SendDocument(ctx context.Context, d Document) (Sent, error) {
	t := &exchange{method: documentCall, facts: d.facts()}
	var err error
	if t.upload, err = c.open(t, d); err != nil {
		return Sent{}, err
	}
	var file models.InputFile = &models.InputFileString{Data: d.FileID}
	if t.upload != nil {
		defer t.upload.close()
		file = &models.InputFileUpload{Filename: fileName(d.Name), Data: t.upload}
	}
	err = c.perform(ctx, t, func(ctx context.Context) error {
		text, mode := body(d.HTML, d.Text)
		_, err := c.bot.SendDocument(ctx, &bot.SendDocumentParams{
			ChatID: d.ChatID, MessageThreadID: int(d.ThreadID), Document: file, Caption: text, ParseMode: mode,
			DisableNotification: d.Silent, ProtectContent: d.Protect,
			ReplyParameters: replyTo(d.ReplyTo), ReplyMarkup: d.markup(),
		})
		return err
	})
	if err != nil {
		return Sent{}, err
	}
	return c.sent(t)
}

// EditText changes the text and the keyboard of a message. That it was so already is no error.
func (c *Client) EditText(ctx context.Context, e Edit) error {
	t := &exchange{method: editTextCall, facts: e.facts()}
	if e.InlineID != "" {
		return c.editInline(ctx, t, e)
	}
	return c.perform(ctx, t, func(ctx context.Context) error {
		text, mode := body(e.HTML, e.Text)
		_, err := c.bot.EditMessageText(ctx, &bot.EditMessageTextParams{
			ChatID: e.ChatID, MessageID: int(e.MessageID), Text: text, ParseMode: mode,
			LinkPreviewOptions: noPreview(), ReplyMarkup: e.Keyboard.markup(),
		})
		return err
	})
}

// EditCaption changes the caption and the keyboard of a message with a file.
func (c *Client) EditCaption(ctx context.Context, e Edit) error {
	t := &exchange{method: editCaptionCall, facts: e.facts()}
	if e.InlineID != "" {
		return c.editInline(ctx, t, e)
	}
	return c.perform(ctx, t, func(ctx context.Context) error {
		text, mode := body(e.HTML, e.Text)
		_, err := c.bot.EditMessageCaption(ctx, &bot.EditMessageCaptionParams{
			ChatID: e.ChatID, MessageID: int(e.MessageID), Caption: text, ParseMode: mode, ReplyMarkup: e.Keyboard.markup(),
		})
		return err
	})
}

// editInline edits a message of inline mode. The answer is true instead of a message, which the library
// takes for a failure.
func (c *Client) editInline(ctx context.Context, t *exchange, e Edit) error {
	text, mode := body(e.HTML, e.Text)
	params := map[string]any{"inline_message_id": e.InlineID, "parse_mode": string(mode)}
	if t.method == editTextCall {
		params["text"], params["link_preview_options"] = text, noPreview()
	} else {
		params["caption"] = text
	}
	if !e.Keyboard.IsZero() {
		params["reply_markup"] = e.Keyboard
	}
	return c.raw(ctx, t, params, nil)
}

// DeleteMessage takes a message away, which Telegram allows for 48 hours.
func (c *Client) DeleteMessage(ctx context.Context, chatID, messageID int64) error {
	return c.perform(ctx, &exchange{method: "deleteMessage", facts: Facts{Chat: chatID, Message: messageID}}, func(ctx context.Context) error {
		_, err := c.bot.DeleteMessage(ctx, &bot.DeleteMessageParams{ChatID: chatID, MessageID: int(messageID)})
		return err
	})
}

func (m Outgoing) markup() any {
	switch {
	case m.Ask != "":
		return &models.ForceReply{ForceReply: true, InputFieldPlaceholder: m.Ask, Selective: m.ReplyTo != 0}
	case m.Contact != "":
		return &models.ReplyKeyboardMarkup{
			Keyboard: [][]models.KeyboardButton{{{Text: m.Contact, RequestContact: true}}}, ResizeKeyboard: true, OneTimeKeyboard: true,
		}
	case m.Bare:
		return &models.ReplyKeyboardRemove{RemoveKeyboard: true}
	default:
		return m.Keyboard.markup()
	}
}

// open prepares the file of a document, unless Telegram has it.
func (c *Client) open(t *exchange, d Document) (*upload, error) {
	switch {
	case d.FileID != "":
		return nil, nil
	case d.Open == nil:
		return nil, c.failed(t, Bug, errors.New("document has neither a file id nor a file"))
	case d.Size > c.maxFile:
		return nil, c.failed(t, TooLarge, errTooLarge)
	}
	from, err := d.Open()
	if err != nil {
		return nil, c.failed(t, BadFile, fmt.Errorf("open file: %w", err))
	}
	t.limit = uploadTimeout
	return &upload{from: from, left: c.maxFile}, nil
}

// sent reads the few fields of a sent message that are needed, so that nothing new in it can turn a
// message that was sent into an error.
func (c *Client) sent(t *exchange) (Sent, error) {
	var m struct {
		ID       int64 `json:"message_id"`
		Document struct {
			FileID string `json:"file_id"`
		} `json:"document"`
	}
	if err := c.decode(t, &m); err != nil {
		return Sent{}, err
	}
	return Sent{MessageID: m.ID, FileID: m.Document.FileID}, nil
}

func body(html, text string) (string, models.ParseMode) {
	if html != "" {
		return html, models.ParseModeHTML
	}
	return text, ""
}

func noPreview() *models.LinkPreviewOptions {
	return &models.LinkPreviewOptions{IsDisabled: bot.True()}
}

func replyTo(id int64) *models.ReplyParameters {
	if id == 0 {
		return nil
	}
	return &models.ReplyParameters{MessageID: int(id), AllowSendingWithoutReply: true}
}

// fileName keeps a name from being read as a path or as a header.
func fileName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '/' || r == '\\' || r == '"' {
			return '_'
		}
		return r
	}, name)
	if name == "" {
		return "document"
	}
	return name
}
