package fakeerp

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

// Entry is a payment request as a person fills it in.
type Entry struct {
	Title    string
	Payee    string
	Amount   string
	FileName string // empty: the ERP prints an invoice of its own
	File     []byte
	Lang     string // in which the gateway is to explain a refusal
}

const (
	company    = "LLC-A"
	costCenter = "CC-12"
	currency   = "RUB"
	requester  = "ivanova"

	// inlineMost is the largest file that goes inside its document.
	inlineMost = 256 << 10
)

func (n Entry) check() error {
	switch {
	case strings.TrimSpace(n.Title) == "" || utf8.RuneCountInString(n.Title) > 200:
		return fmt.Errorf("title: %w", ErrInvalid)
	case strings.TrimSpace(n.Payee) == "" || utf8.RuneCountInString(n.Payee) > 200:
		return fmt.Errorf("payee: %w", ErrInvalid)
	case !isAmount(n.Amount):
		return fmt.Errorf("amount: %w", ErrInvalid)
	case n.FileName != "" && len(n.File) == 0:
		return fmt.Errorf("file: %w", ErrInvalid)
	}
	return nil
}

func isAmount(text string) bool {
	return regexp.MustCompile(`^(0|[1-9]\d{0,11})(\.\d{1,2})?$`).MatchString(text) && strings.Trim(text, "0.") != ""
}

// Post books a payment request and sends it for approval.
func (e *ERP) Post(ctx context.Context, n Entry) (Document, error) {
	if err := n.check(); err != nil {
		return Document{}, err
	}
	h := &held{Document: Document{
		Title: strings.TrimSpace(n.Title), Payee: strings.TrimSpace(n.Payee), Amount: n.Amount,
		Currency: currency, DueDate: e.Now().AddDate(0, 0, 5).Format(time.DateOnly), Status: "sent",
	}}
	e.update(func() {
		h.Number = number(e.next)
		h.ExternalID = "REQ-" + h.Number
		e.next++
		h.File = attach(n, h.Document)
		e.documents = append(e.documents, h)
	})
	d, err := e.Document(h.ExternalID)
	if err != nil {
		return d, err
	}
	return e.send(ctx, d, "post", n.Lang)
}

func attach(n Entry, d Document) *File {
	name, content := n.FileName, n.File
	if name == "" {
		name, content = "invoice-"+d.Number+".pdf", Invoice(d)
	}
	sum := sha256.Sum256(content)
	f := &File{Name: name, Size: len(content), SHA256: hex.EncodeToString(sum[:]), Way: Inline, content: content}
	if len(content) > inlineMost {
		f.Way = Upload
	}
	return f
}

// Change sends the document with another amount.
func (e *ERP) Change(ctx context.Context, externalID, amount, lang string) (Document, error) {
	if !isAmount(amount) {
		return Document{}, fmt.Errorf("amount: %w", ErrInvalid)
	}
	d, err := e.Document(externalID)
	if err != nil {
		return d, err
	}
	d.Amount = amount
	return e.send(ctx, d, "change", lang)
}

// send puts the document, and its file where that goes by itself. The books follow only
// what the gateway has taken.
func (e *ERP) send(ctx context.Context, d Document, what, lang string) (Document, error) {
	got, a := e.put(ctx, d, what, lang)
	if a.Done && d.File.Way == Upload && d.Revision == 0 {
		if status, p := e.upload(ctx, d, lang); status >= http.StatusMultipleChoices {
			a.Done, a.Status, a.Code, a.Message = false, status, p.Code, p.Message
		}
	}
	a.What = what
	return e.settle(d.ExternalID, a, func(h *held) {
		if got.Hash != "" {
			h.Amount, h.Hash, h.Revision = d.Amount, got.Hash, got.Revision
		}
		if !a.Done && h.Hash == "" {
			h.Status = "failed"
		}
	})
}

// settle notes what became of a call.
func (e *ERP) settle(externalID string, a Attempt, change func(*held)) (Document, error) {
	var out Document
	err := fmt.Errorf("%s: %w", externalID, ErrUnknown)
	e.update(func() {
		if h := e.find(externalID); h != nil {
			change(h)
			a.At = e.Now()
			h.Attempts = append(h.Attempts, a)
			out, err = h.copied(), nil
		}
	})
	return out, err
}

// Pay asks for the decision on exactly what is to be paid, takes it with a new payment
// reference, and says so. Whoever has paid already and tries again is refused by the
// gateway: it is another payment.
func (e *ERP) Pay(ctx context.Context, externalID, lang string) (Document, error) {
	d, err := e.Document(externalID)
	if err != nil {
		return d, err
	}
	var ref string
	e.update(func() {
		e.payments++
		ref = fmt.Sprintf("PAY-%04d", e.payments)
	})
	a := e.pay(ctx, d, ref, lang)
	a.What, a.Ref = "pay", ref
	if a.Done {
		_, _ = e.post(ctx, d.ExternalID+"/status", map[string]any{"status": "paid", "note": ref}, lang, nil) // a courtesy: people like to know
	}
	return e.settle(externalID, a, func(*held) {})
}

func (e *ERP) pay(ctx context.Context, d Document, ref, lang string) Attempt {
	var decision struct {
		Hash     string `json:"hash"`
		Outcome  string `json:"outcome"`
		Consumed bool   `json:"consumed"`
	}
	status, p := e.decision(ctx, d, lang, &decision)
	switch {
	case status != http.StatusOK:
		return refusal(status, p)
	case decision.Hash != d.Hash:
		return Attempt{Status: status, Code: "wrong_decision"}
	case decision.Outcome != "approved":
		return Attempt{Status: status, Code: "not_approved"}
	}
	var taken struct {
		Hash string `json:"content_hash"`
		Case struct {
			Consumed bool `json:"consumed"`
		} `json:"case"`
	}
	status, p = e.post(ctx, d.ExternalID+"/consume", map[string]any{"hash": d.Hash, "consumer_ref": ref}, lang, &taken)
	if status != http.StatusOK {
		return refusal(status, p)
	}
	return Attempt{Done: true, Status: status}
}

// Withdraw takes the document back.
func (e *ERP) Withdraw(ctx context.Context, externalID, reason, lang string) (Document, error) {
	d, err := e.Document(externalID)
	if err != nil {
		return d, err
	}
	body := map[string]any{}
	if reason != "" {
		body["reason"] = reason
	}
	status, p := e.post(ctx, d.ExternalID+"/withdraw", body, lang, nil)
	a := refusal(status, p)
	a.Done, a.What = status == http.StatusOK, "withdraw"
	return e.settle(externalID, a, func(*held) {})
}

func refusal(status int, p problem) Attempt {
	return Attempt{Status: status, Code: p.Code, Message: p.Message}
}
