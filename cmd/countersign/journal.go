package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"countersign/internal/console"
	"countersign/internal/directory"
	"countersign/internal/document"
	"countersign/internal/journal"
)

func journalCommand(p process) *cobra.Command {
	var a journal.Ask
	var limit int
	var inJSON bool
	c := &cobra.Command{
		Use: "journal", Short: "What was received from Telegram and sent to it, the newest first", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 1 || limit > journal.MostFound {
				return fmt.Errorf("%w: --limit is from 1 to %d", errUsage, journal.MostFound)
			}
			return p.onRecords(cmd, func(r *records) error {
				found, next, err := look(cmd.Context(), r, a, limit)
				if err != nil {
					return err
				}
				if inJSON {
					return journalJSON(p.Out, found, next)
				}
				return journalTable(p.Out, found, next)
			})
		},
	}
	c.AddCommand(journalVideoCommand(p))
	f := c.Flags()
	f.StringVar(&a.Since, "since", "24h", "how long ago (2h, 3d), a date or a moment; empty: everything")
	f.StringVar(&a.Until, "until", "", "the same")
	f.StringVar(&a.Chat, "chat", "", "the number of a chat at Telegram")
	f.StringVar(&a.Person, "person", "", "external id of a person: by the accounts that he has and had")
	f.StringVar(&a.Document, "document", "", "SOURCE/EXTERNAL_ID")
	f.StringVar(&a.Method, "method", "", "such as sendMessage; of what came: message, callback_query, inline_query …, webhook")
	f.StringVar(&a.Outcome, "outcome", "", "such as ok, unknown, rate_limited; of what came: handled, parked, repeated …")
	f.StringVar(&a.Error, "error", "", "part of the text of an error")
	f.StringVar(&a.Update, "update", "", "the number of an update: it, and every call made for it")
	f.StringVar(&a.Request, "request", "", "the request_id of the log")
	f.BoolVar(&a.Failed, "failed", false, "only what failed")
	f.StringVar(&a.After, "after", "", "go on where the last page ended")
	f.IntVar(&limit, "limit", 100, "at most so many entries")
	f.BoolVar(&inJSON, "json", false, "one entry in JSON a line; the last line may be {\"next\":…}")
	return c
}

// look finds entries for somebody who gives commands, and writes down that he looked.
func look(ctx context.Context, r *records, a journal.Ask, limit int) ([]journal.Entry, string, error) {
	q, err := a.Query(ctx, time.Now(), r.lookup())
	switch {
	case errors.Is(err, journal.ErrAsk):
		return nil, "", fmt.Errorf("%w: %w", errUsage, err)
	case errors.Is(err, directory.ErrUnknown):
		return nil, "", fmt.Errorf("--person %q: %w", a.Person, err)
	case err != nil:
		return nil, "", err
	}
	if err := (&console.Store{Pool: r.pool}).Looked(ctx, actor(), a); err != nil {
		return nil, "", err
	}
	q.Limit = limit
	found, next, err := (&journal.Store{Pool: r.pool}).Find(ctx, q)
	if errors.Is(err, journal.ErrCursor) {
		return nil, "", fmt.Errorf("%w: --after %q: %w", errUsage, a.After, err)
	}
	return found, next, err
}

// lookup finds people and documents for whoever looks into the journal.
func (r *records) lookup() journal.Lookup {
	return journal.Lookup{
		Accounts: func(ctx context.Context, person string) ([]int64, error) {
			e, err := r.directory.User(ctx, person)
			if err != nil {
				return nil, err
			}
			links, err := r.directory.Links(ctx, e.ID)
			var out []int64
			for _, l := range links {
				out = append(out, l.Account)
			}
			return out, err
		},
		Cases: func(ctx context.Context, source, externalID string) ([]string, error) {
			return r.ledger.CasesOf(ctx, document.Key{Source: source, ExternalID: externalID})
		},
	}
}

func journalTable(out io.Writer, found []journal.Entry, next string) error {
	err := table(out, "AT\tMETHOD\tWHAT\tCHAT\tMESSAGE\tABOUT\tTOOK\tOUTCOME\tSAID", func(w io.Writer) {
		for _, e := range found {
			what := e.What
			if e.Times > 1 {
				what = strings.TrimSpace(fmt.Sprintf("%s ×%d", what, e.Times))
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", e.At.Format("2006-01-02T15:04:05.000Z"), e.Method, dash(quoted(what)), one(e.Chat), one(e.Message),
				dash(about(e)), e.Took.Round(time.Millisecond), outcome(e), dash(quoted(e.Said)))
		}
	})
	if err == nil && next != "" {
		_, err = fmt.Fprintln(out, "more: --after "+next)
	}
	return err
}

func outcome(e journal.Entry) string {
	if e.Code != 0 {
		return fmt.Sprintf("%s %d", e.Outcome, e.Code)
	}
	return e.Outcome
}

func about(e journal.Entry) string {
	var parts []string
	for _, id := range []string{e.Case, e.Notice} {
		if id != "" {
			parts = append(parts, id)
		}
	}
	if e.Update != 0 {
		parts = append(parts, "update "+strconv.FormatInt(e.Update, 10))
	}
	return strings.Join(parts, ", ")
}

func one(n int64) string {
	if n == 0 {
		return "-"
	}
	return strconv.FormatInt(n, 10)
}

// quoted keeps what others wrote from moving about on a terminal.
func quoted(text string) string {
	return strings.Trim(strconv.QuoteToGraphic(text), `"`)
}

// journalLine is an entry for programs.
type journalLine struct {
	ID       string          `json:"id"`
	At       time.Time       `json:"at"`
	Way      journal.Way     `json:"way"`
	Method   string          `json:"method"`
	What     string          `json:"what,omitempty"`
	Outcome  string          `json:"outcome"`
	Failed   bool            `json:"failed"`
	Code     int             `json:"code,omitempty"`
	Said     string          `json:"said,omitempty"`
	Chat     int64           `json:"chat_id,omitempty"`
	Message  int64           `json:"message_id,omitempty"`
	Account  int64           `json:"account,omitempty"`
	Case     string          `json:"case_id,omitempty"`
	Notice   string          `json:"notice_id,omitempty"`
	Update   int64           `json:"update_id,omitempty"`
	Request  string          `json:"request_id,omitempty"`
	Bytes    int64           `json:"bytes,omitempty"`
	Took     float64         `json:"took_ms"`
	Attempts int             `json:"attempts,omitempty"`
	Times    int             `json:"times"`
	Digest   string          `json:"text_sha256,omitempty"`
	Text     string          `json:"text,omitempty"`
	Params   json.RawMessage `json:"params,omitempty"`
}

func journalJSON(out io.Writer, found []journal.Entry, next string) error {
	to := json.NewEncoder(out)
	for _, e := range found {
		l := journalLine{
			ID: e.ID, At: e.At, Way: e.Way, Method: e.Method, What: e.What, Outcome: e.Outcome, Failed: e.Failed, Code: e.Code, Said: e.Said, Chat: e.Chat,
			Message: e.Message, Account: e.Account, Case: e.Case, Notice: e.Notice, Update: e.Update, Request: e.Request, Bytes: e.Bytes,
			Took: float64(e.Took.Microseconds()) / 1000, Attempts: e.Attempts, Times: e.Times, Digest: e.Digest, Text: e.Text,
		}
		if json.Valid([]byte(e.Params)) { // one that was too long is cut
			l.Params = json.RawMessage(e.Params)
		} else if e.Params != "" {
			text, err := json.Marshal(e.Params)
			if err != nil {
				return err
			}
			l.Params = text
		}
		if err := to.Encode(l); err != nil {
			return err
		}
	}
	if next == "" {
		return nil
	}
	return to.Encode(map[string]string{"next": next})
}
