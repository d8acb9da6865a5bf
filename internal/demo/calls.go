package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"time"

	"countersign/internal/demo/fakeerp"
	"countersign/internal/telegram/telegramtest"
)

const (
	mostCall    = 12 << 20 // bytes of a call, with a file in it
	mostFile    = 8 << 20
	tapPatience = 30 * time.Second
)

var errCall = errors.New("the call cannot be read")

// mountCalls adds what the page does. Everything is JSON.
func (s *stage) mountCalls(mux *http.ServeMux) {
	mux.HandleFunc("GET /api/state", func(w http.ResponseWriter, r *http.Request) {
		after, err := strconv.ParseInt(r.URL.Query().Get("after"), 10, 64)
		if err != nil {
			after = -1
		}
		answer(w, http.StatusOK, s.next(r.Context(), after))
	})
	mux.HandleFunc("GET /api/file", s.file)
	mux.HandleFunc("POST /api/tap", handle(s.tap))
	mux.HandleFunc("POST /api/say", handle(s.say))
	mux.HandleFunc("POST /api/share", handle(s.share))
	mux.HandleFunc("POST /api/start", handle(s.start))
	mux.HandleFunc("POST /api/documents", handle(s.postDocument))
	mux.HandleFunc("POST /api/change", handle(s.change))
	mux.HandleFunc("POST /api/pay", handle(s.pay))
	mux.HandleFunc("POST /api/withdraw", handle(s.withdraw))
}

// handle reads a call strictly, makes it and writes what came of it.
func handle[In, Out any](act func(context.Context, In) (Out, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in In
		err := readCall(w, r, &in)
		if err == nil {
			var out Out
			if out, err = act(r.Context(), in); err == nil {
				answer(w, http.StatusOK, out)
				return
			}
		}
		status, code := statusOf(err)
		answer(w, status, map[string]string{"code": code, "error": err.Error()})
	}
}

func readCall(w http.ResponseWriter, r *http.Request, in any) error {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" {
		return errCall
	}
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, mostCall))
	d.DisallowUnknownFields()
	if err := d.Decode(in); err != nil {
		return errors.Join(errCall, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errCall
	}
	return nil
}

// statusOf says what an error is, and the code under which the page has words for it.
func statusOf(err error) (status int, code string) {
	switch {
	case errors.Is(err, errCall):
		return http.StatusBadRequest, "call"
	case errors.Is(err, fakeerp.ErrInvalid):
		return http.StatusBadRequest, "invalid"
	case errors.Is(err, fakeerp.ErrUnknown):
		return http.StatusNotFound, "unknown"
	case errors.Is(err, telegramtest.ErrNotPossible):
		return http.StatusConflict, "not_possible"
	case errors.Is(err, telegramtest.ErrUnanswered):
		return http.StatusConflict, "unanswered"
	default:
		return http.StatusInternalServerError, "internal"
	}
}

func answer(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(text) // fails only when the browser is gone
}

// Tap is a press of a button.
type Tap struct {
	User    int64  `json:"user"`
	Chat    int64  `json:"chat"`
	Message int64  `json:"message"`
	Data    string `json:"data"`
}

// Told is what the person was told about a press.
type Told struct {
	Text  string `json:"text"`
	Alert bool   `json:"alert"`
}

func (s *stage) tap(ctx context.Context, t Tap) (Told, error) {
	ctx, cancel := context.WithTimeout(ctx, tapPatience)
	defer cancel()
	a, err := s.telegram.Tap(ctx, t.User, t.Chat, t.Message, t.Data)
	return Told{Text: a.Text, Alert: a.Alert}, err
}

// Said is a message that a person writes.
type Said struct {
	User    int64  `json:"user"`
	Chat    int64  `json:"chat"`
	Text    string `json:"text"`
	ReplyTo int64  `json:"reply_to"`
}

// Posted names a message that was written.
type Posted struct {
	Message int64 `json:"message"`
}

func (s *stage) say(_ context.Context, m Said) (Posted, error) {
	if m.Text == "" || len(m.Text) > 16<<10 {
		return Posted{}, errCall
	}
	id, err := s.telegram.Say(m.User, m.Chat, m.Text, m.ReplyTo) //nolint:contextcheck // a delivery outlives the call
	return Posted{Message: id}, err
}

// Share gives the bot somebody's own number.
type Share struct {
	User int64 `json:"user"`
}

func (s *stage) share(_ context.Context, c Share) (Posted, error) {
	i := slices.IndexFunc(s.cast, func(a Actor) bool { return a.Account == c.User })
	if i < 0 {
		return Posted{}, telegramtest.ErrNotPossible
	}
	id, err := s.giveNumber(s.cast[i]) //nolint:contextcheck // a delivery outlives the call
	return Posted{Message: id}, err
}

// Start opens the private chat with the bot by a link.
type Start struct {
	User    int64  `json:"user"`
	Payload string `json:"payload"`
}

func (s *stage) start(_ context.Context, c Start) (Posted, error) {
	if len(c.Payload) > 64 {
		return Posted{}, errCall
	}
	id, err := s.telegram.StartBot(c.User, c.Payload) //nolint:contextcheck // a delivery outlives the call
	return Posted{Message: id}, err
}

// Entry is the form of the ERP.
type Entry struct {
	Title    string `json:"title"`
	Payee    string `json:"payee"`
	Amount   string `json:"amount"`
	FileName string `json:"file_name"`
	File     []byte `json:"file"` // base64
	Lang     string `json:"lang"`
}

func (s *stage) postDocument(ctx context.Context, n Entry) (fakeerp.Document, error) {
	if len(n.File) > mostFile {
		return fakeerp.Document{}, errCall
	}
	return s.erp.Post(ctx, fakeerp.Entry{Title: n.Title, Payee: n.Payee, Amount: n.Amount, FileName: n.FileName, File: n.File, Lang: n.Lang})
}

// Act is something done to a document of the ERP.
type Act struct {
	Document string `json:"document"` // its external id
	Amount   string `json:"amount"`   // of a change
	Reason   string `json:"reason"`   // of a withdrawal
	Lang     string `json:"lang"`
}

func (s *stage) change(ctx context.Context, a Act) (fakeerp.Document, error) {
	return s.erp.Change(ctx, a.Document, a.Amount, a.Lang)
}

func (s *stage) pay(ctx context.Context, a Act) (fakeerp.Document, error) {
	return s.erp.Pay(ctx, a.Document, a.Lang)
}

func (s *stage) withdraw(ctx context.Context, a Act) (fakeerp.Document, error) {
	return s.erp.Withdraw(ctx, a.Document, a.Reason, a.Lang)
}

// file gives a document of a message.
func (s *stage) file(w http.ResponseWriter, r *http.Request) {
	content, ok := s.telegram.FileBytes(r.URL.Query().Get("id"))
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", attachment(r.URL.Query().Get("name")))
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}
