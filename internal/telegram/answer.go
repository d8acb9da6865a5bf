package telegram

import (
	"context"
	"time"

	"github.com/go-telegram/bot"

	"countersign/internal/markup"
)

const maxAnswerUnits = 200

// Answer is what a person who tapped a button is told.
type Answer struct {
	QueryID string
	Text    string // cut to 200 characters; none stops the waiting mark only
	Alert   bool   // a window instead of a line
}

// InlineAnswer is what a person who typed an inline query is shown.
type InlineAnswer struct {
	QueryID string
	Results []InlineResult // at most 50
	// Cache is how long the server may give the same answer to the same person; zero is really zero.
	Cache      time.Duration
	NextOffset string
	// Prompt, when its text is not empty, is a button above the results that opens the chat with the bot.
	Prompt Prompt
}

// Prompt is a button that sends "/start Parameter" in the private chat.
type Prompt struct {
	Text      string
	Parameter string // 1 to 64 of A-Z, a-z, 0-9, _ and -
}

// InlineResult is one row of an inline answer; choosing it posts HTML (or Text) with the keyboard.
type InlineResult struct {
	ID          string // 1 to 64 bytes, different in each row
	Title       string
	Description string
	HTML        string
	Text        string
	Keyboard    Keyboard
}

// AnswerCallback tells the person who tapped. A query can be answered once: QueryTooOld otherwise.
func (c *Client) AnswerCallback(ctx context.Context, a Answer) error {
	return c.perform(ctx, &exchange{method: "answerCallbackQuery", facts: Facts{Query: a.QueryID, Text: a.Text}}, func(ctx context.Context) error {
		_, err := c.bot.AnswerCallbackQuery(ctx, &bot.AnswerCallbackQueryParams{
			CallbackQueryID: a.QueryID, Text: markup.Truncate(a.Text, maxAnswerUnits), ShowAlert: a.Alert,
		})
		return err
	})
}

// AnswerInline answers an inline query, for that person alone. The library cannot say "do not cache".
func (c *Client) AnswerInline(ctx context.Context, a InlineAnswer) error {
	results := make([]map[string]any, len(a.Results))
	for i, r := range a.Results {
		results[i] = r.wire()
	}
	params := map[string]any{
		"inline_query_id": a.QueryID, "results": results, "is_personal": true,
		"cache_time": int(a.Cache / time.Second), "next_offset": a.NextOffset,
	}
	if a.Prompt.Text != "" {
		params["button"] = map[string]string{"text": a.Prompt.Text, "start_parameter": a.Prompt.Parameter}
	}
	return c.raw(ctx, &exchange{method: "answerInlineQuery", facts: Facts{Query: a.QueryID, Count: len(a.Results)}}, params, nil)
}

func (r InlineResult) wire() map[string]any {
	text, mode := body(r.HTML, r.Text)
	content := map[string]any{"message_text": text, "link_preview_options": noPreview()}
	if mode != "" {
		content["parse_mode"] = string(mode)
	}
	w := map[string]any{"type": "article", "id": r.ID, "title": r.Title, "input_message_content": content}
	if r.Description != "" {
		w["description"] = r.Description
	}
	if !r.Keyboard.IsZero() {
		w["reply_markup"] = r.Keyboard
	}
	return w
}
