package fakeerp

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// problem is a refusal of the gateway.
type problem struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Errors  []struct {
		Field   string `json:"field"`
		Message string `json:"message"`
	} `json:"errors"`
}

// call is a request to the gateway.
type call struct {
	method  string
	path    string // with its query
	media   string
	body    []byte
	lang    string
	ifMatch string
}

const mostAnswer = 4 << 20

// do makes a call and reads the answer into out, if that is not nil. A status of 0 means
// that none came.
func (e *ERP) do(ctx context.Context, c call, out any) (int, problem) {
	req, err := http.NewRequestWithContext(ctx, c.method, e.Gateway+c.path, bytes.NewReader(c.body))
	if err != nil {
		return 0, problem{Code: "no_answer", Message: err.Error()}
	}
	req.Header.Set("Authorization", "Bearer "+e.Key)
	if c.lang != "" {
		req.Header.Set("Accept-Language", c.lang)
	}
	if c.media != "" {
		req.Header.Set("Content-Type", c.media)
	}
	if c.method == http.MethodPost {
		req.Header.Set("Idempotency-Key", rand.Text())
	}
	if c.ifMatch != "" {
		req.Header.Set("If-Match", c.ifMatch)
	}
	resp, err := e.Client.Do(req)
	if err != nil {
		return 0, problem{Code: "no_answer", Message: err.Error()}
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(resp.Body, mostAnswer))
	if err != nil {
		return 0, problem{Code: "no_answer", Message: err.Error()}
	}
	return read(resp.StatusCode, text, out)
}

func read(status int, text []byte, out any) (int, problem) {
	if status >= http.StatusMultipleChoices {
		var p problem
		if err := json.Unmarshal(text, &p); err != nil || p.Code == "" {
			return status, problem{Code: "unreadable", Message: http.StatusText(status)}
		}
		for _, f := range p.Errors {
			p.Message += " " + f.Field + ": " + f.Message
		}
		return status, p
	}
	if out == nil {
		return status, problem{}
	}
	if err := json.Unmarshal(text, out); err != nil {
		return 0, problem{Code: "unreadable", Message: err.Error()}
	}
	return status, problem{}
}

func (e *ERP) of(document string) string {
	return "/v1/sources/" + url.PathEscape(e.Source) + "/documents/" + document
}

func (e *ERP) admin(ctx context.Context, method, path string, body any, out any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	status, p := e.do(ctx, call{method: method, path: path, media: "application/json", body: text}, out)
	if status < http.StatusOK || status >= http.StatusMultipleChoices {
		return fmt.Errorf("%s %s: %d %s: %s", method, path, status, p.Code, p.Message)
	}
	return nil
}

func (e *ERP) post(ctx context.Context, path string, body any, lang string, out any) (int, problem) {
	text, err := json.Marshal(body)
	if err != nil {
		return 0, problem{Code: "unreadable", Message: err.Error()}
	}
	return e.do(ctx, call{method: http.MethodPost, path: e.of(path), media: "application/json", body: text, lang: lang}, out)
}

// answer is what the gateway says of a document that was put.
type answer struct {
	Hash     string `json:"content_hash"`
	Revision int    `json:"revision"`
	Change   string `json:"change"`
}

// put sends the document with its file inside, or announced.
func (e *ERP) put(ctx context.Context, d Document, what, lang string) (answer, Attempt) {
	file := map[string]any{"name": d.File.Name, "sha256": d.File.SHA256}
	switch {
	case d.Revision > 0: // the gateway has it
	case d.File.Way == Inline:
		file["content_base64"] = base64.StdEncoding.EncodeToString(d.File.content)
	default:
		file["upload"] = "pending"
	}
	body, err := json.Marshal(map[string]any{
		"type": "payment_request", "number": d.Number, "title": d.Title, "company": company, "requester": requester,
		"last_editor": requester, "amount": d.Amount, "currency": d.Currency, "due_date": d.DueDate, "cost_center": costCenter,
		"payee": map[string]any{"name": d.Payee, "tax_id": "7701234567", "account": "40702810900000012345", "bank_id": "044525225"},
		"files": []any{file},
	})
	if err != nil {
		return answer{}, Attempt{What: what, Code: "unreadable", Message: err.Error()}
	}
	c := call{method: http.MethodPut, path: e.of(url.PathEscape(d.ExternalID)), media: "application/json", body: body, lang: lang}
	if d.Revision > 0 {
		c.ifMatch = strconv.Quote(strconv.Itoa(d.Revision))
	}
	var got answer
	status, p := e.do(ctx, c, &got)
	a := refusal(status, p)
	a.Done = status == http.StatusOK || status == http.StatusCreated
	return got, a
}

// upload sends the file of a document by itself, as it is.
func (e *ERP) upload(ctx context.Context, d Document, lang string) (int, problem) {
	return e.do(ctx, call{
		method: http.MethodPut, path: e.of(url.PathEscape(d.ExternalID)) + "/files/" + d.File.SHA256 + "?name=" + url.QueryEscape(d.File.Name),
		media: "application/octet-stream", body: d.File.content, lang: lang,
	}, nil)
}

func (e *ERP) decision(ctx context.Context, d Document, lang string, out any) (int, problem) {
	path := e.of(url.PathEscape(d.ExternalID)) + "/decision?hash=" + url.QueryEscape(d.Hash)
	return e.do(ctx, call{method: http.MethodGet, path: path, lang: lang}, out)
}

// Chat is a group that is to be told of documents.
type Chat struct {
	TelegramID int64
	Title      string
}

// Register tells the gateway of a group chat, as an administrator of the ERP would.
func (e *ERP) Register(ctx context.Context, name string, c Chat) error {
	return e.admin(ctx, http.MethodPut, "/v1/chats/"+url.PathEscape(name), map[string]any{
		"telegram_chat_id": c.TelegramID, "title": c.Title, "notices": []string{"payment_request"},
	}, nil)
}

// Subscribe asks for all events at an address, and keeps the secret that is shown once.
func (e *ERP) Subscribe(ctx context.Context, address string) error {
	var made struct {
		ID     string `json:"id"`
		Secret string `json:"secret"`
	}
	if err := e.admin(ctx, http.MethodPost, "/v1/webhooks", map[string]any{"url": address, "types": []string{}}, &made); err != nil {
		return err
	}
	secret, err := parseSecret(made.Secret)
	if err != nil {
		return err
	}
	e.update(func() { e.secret = secret })
	return nil
}

// Follow reads the feed until ctx ends, and compares it with what came by webhook.
func (e *ERP) Follow(ctx context.Context) error {
	const pause = time.Second
	for ctx.Err() == nil {
		err := e.Reconcile(ctx, 20*time.Second)
		if err == nil || ctx.Err() != nil {
			continue
		}
		e.Log.WarnContext(ctx, "feed of events not read", "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
	return nil
}

// Reconcile reads a page of the feed, waiting so long for something new.
func (e *ERP) Reconcile(ctx context.Context, wait time.Duration) error {
	e.mu.Lock()
	after := e.cursor
	e.mu.Unlock()
	query := url.Values{"limit": {"100"}, "wait": {strconv.Itoa(int(wait.Seconds()))}}
	if after != "" {
		query.Set("after", after)
	}
	var page struct {
		Events []json.RawMessage `json:"events"`
		Next   *string           `json:"next"`
	}
	status, p := e.do(ctx, call{method: http.MethodGet, path: "/v1/events?" + query.Encode()}, &page)
	if status != http.StatusOK {
		return fmt.Errorf("feed: %d %s: %s", status, p.Code, p.Message)
	}
	if len(page.Events) == 0 {
		return nil
	}
	e.update(func() {
		for _, body := range page.Events {
			e.feed(body)
		}
		if page.Next != nil {
			e.cursor = *page.Next
		}
	})
	return nil
}

// feed books one event of the feed. The caller holds the lock.
func (e *ERP) feed(body []byte) {
	var t told
	if err := json.Unmarshal(body, &t); err != nil {
		e.problem("the feed has an event that cannot be read: %v", err)
		return
	}
	h := e.known(t)
	if h == nil {
		return
	}
	ev := e.note(t, h, slices.Clone(body))
	if ev.Fed || t.Seq != h.fed+1 {
		e.problem("feed: event %d of %s came after event %d", t.Seq, t.ExternalID, h.fed)
	}
	ev.Fed = true
	h.fed = max(h.fed, t.Seq)
	h.apply(t)
}
