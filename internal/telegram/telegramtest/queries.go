package telegramtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// ErrUnanswered means that Telegram gave up on what a person did: the bot never took it.
var ErrUnanswered = errors.New("never taken by the bot")

// Answered is what a person was told about a tap.
type Answered struct {
	Text  string
	Alert bool
	At    time.Time
}

// InlineAnswered is what a person was shown for an inline query.
type InlineAnswered struct {
	Results    []InlineResult
	Cache      time.Duration
	Personal   bool
	NextOffset string
	// Prompt and Parameter are the button above the results.
	Prompt    string
	Parameter string
}

// InlineResult is a row of it.
type InlineResult struct {
	ID          string
	Title       string
	Description string
	Text        string
	Keyboard    [][]Button

	content content
	markup  markup
}

// query is a tap or an inline query that awaits its answer.
type query struct {
	id       string
	userID   int64
	life     time.Duration
	begun    time.Time
	answered bool
	over     bool
	done     chan struct{} // closed when answered or given up
	told     Answered
	shown    InlineAnswered
	update   *update
}

func (q *query) end() {
	if !q.over {
		q.over = true
		close(q.done)
	}
}

func (s *Server) newQuery(userID int64, life time.Duration) *query {
	s.last.query++
	q := &query{id: itoa(userID*1_000_003 + s.last.query), userID: userID, life: life, begun: s.clock.Now(), done: make(chan struct{})}
	s.queries[q.id] = q
	return q
}

// open finds a query that can be answered: a query can be answered once, and not for long.
func (s *Server) open(id string, life time.Duration) (*query, *refusal) {
	q := s.queries[id]
	if q == nil || q.life != life || q.answered || s.clock.Now().Sub(q.begun) > life {
		return nil, bad("query is too old and response timeout expired or query ID is invalid")
	}
	return q, nil
}

func (s *Server) answerCallback(c *call) (any, *refusal) {
	q, refused := s.open(c.params["callback_query_id"], TapLife)
	switch {
	case refused != nil:
		return nil, refused
	case len16(c.params["text"]) > 200:
		return nil, bad("MESSAGE_TOO_LONG")
	case c.params["url"] != "":
		return nil, bad("URL_INVALID")
	}
	q.answered = true
	q.told = Answered{Text: c.params["text"], Alert: c.bool("show_alert"), At: s.clock.Now()}
	s.record(Event{Kind: EventTold, UserID: q.userID, QueryID: q.id, Text: q.told.Text, Alert: q.told.Alert})
	q.end()
	return true, nil
}

func (s *Server) answerInline(c *call) (any, *refusal) {
	q, refused := s.open(c.params["inline_query_id"], InlineLife)
	if refused != nil {
		return nil, refused
	}
	shown := InlineAnswered{Cache: 300 * time.Second, Personal: c.bool("is_personal"), NextOffset: c.params["next_offset"]}
	if c.params["cache_time"] != "" {
		shown.Cache = time.Duration(c.int("cache_time")) * time.Second
	}
	if len(shown.NextOffset) > 64 {
		return nil, bad("NEXT_OFFSET_INVALID")
	}
	if shown.Results, refused = readResults(c); refused != nil {
		return nil, refused
	}
	var button struct {
		Text  string `json:"text"`
		Start string `json:"start_parameter"`
	}
	there, refused := c.object("button", &button)
	if refused != nil {
		return nil, refused
	}
	if there && (button.Text == "" || len(button.Start) < 1 || len(button.Start) > 64) {
		return nil, bad("START_PARAM_INVALID")
	}
	shown.Prompt, shown.Parameter = button.Text, button.Start
	q.answered, q.shown = true, shown
	s.record(Event{Kind: EventTold, UserID: q.userID, QueryID: q.id, Text: itoa(int64(len(shown.Results))) + " results"})
	q.end()
	return true, nil
}

func readResults(c *call) ([]InlineResult, *refusal) {
	var raw []struct {
		Type        string          `json:"type"`
		ID          string          `json:"id"`
		Title       string          `json:"title"`
		Description string          `json:"description"`
		Markup      json.RawMessage `json:"reply_markup"`
		Content     struct {
			Text string `json:"message_text"`
			Mode string `json:"parse_mode"`
		} `json:"input_message_content"`
	}
	there, refused := c.object("results", &raw)
	if refused != nil || !there {
		return nil, bad("can't parse inline query results JSON object")
	}
	if len(raw) > 50 {
		return nil, bad("RESULTS_TOO_MUCH")
	}
	results, seen := make([]InlineResult, 0, len(raw)), map[string]bool{}
	for _, r := range raw {
		if r.Type != "article" || r.Title == "" {
			return nil, bad("can't parse inline query result: article with a title expected")
		}
		if len(r.ID) < 1 || len(r.ID) > 64 {
			return nil, bad("RESULT_ID_INVALID")
		}
		if seen[r.ID] {
			return nil, bad("RESULT_ID_DUPLICATE")
		}
		seen[r.ID] = true
		text, refused := readContent(map[string]string{"message_text": r.Content.Text, "parse_mode": r.Content.Mode}, "message_text", maxText)
		if refused != nil {
			return nil, refused
		}
		k, refused := readEditMarkup(string(r.Markup), 0)
		if refused != nil {
			return nil, refused
		}
		results = append(results, InlineResult{
			ID: r.ID, Title: r.Title, Description: r.Description, Text: text.text, Keyboard: k.rows, content: text, markup: k,
		})
	}
	return results, nil
}

// Tapped is a tap on its way.
type Tapped struct {
	// UpdateID is zero if the bot does not want taps.
	UpdateID int64
	QueryID  string

	server *Server
	press  press
	query  *query
}

// Wait waits for the answer. ErrUnanswered says that there will be none.
func (t *Tapped) Wait(ctx context.Context) (Answered, error) {
	select {
	case <-t.query.done:
	case <-t.server.ctx.Done():
		return Answered{}, fmt.Errorf("tap of %d: %w", t.press.userID, ErrUnanswered)
	case <-ctx.Done():
		return Answered{}, fmt.Errorf("tap of %d: %w", t.press.userID, ctx.Err())
	}
	t.server.mu.Lock()
	defer t.server.mu.Unlock()
	if !t.query.answered {
		return Answered{}, fmt.Errorf("tap of %d: %w", t.press.userID, ErrUnanswered)
	}
	return t.query.told, nil
}

// Again sends the same tap as a new query with a new update id, as an app does that lost its connection.
func (t *Tapped) Again() *Tapped {
	t.server.mu.Lock()
	defer t.server.mu.Unlock()
	return t.server.tap(t.press)
}
