package discreet_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"countersign/internal/discreet"
	"countersign/internal/secret"
	"countersign/internal/telegram"
	"countersign/internal/telegram/telegramtest"
)

// private is what no log may carry.
func private() []string {
	return []string{"Ivanova", "ivanova@example.org", "900123456", "125000", "+7 495 123-45-67", "79161234567", "48151623", "Rent for June"}
}

func refusal(t *testing.T, text string) error {
	t.Helper()
	tg, err := telegramtest.Open(telegramtest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tg.Close() }()
	c, err := telegram.New(telegram.Options{Token: secret.Text(tg.Token()), APIURL: tg.URL()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	tg.FailNext("sendMessage", telegramtest.Refuse(400, text))
	_, err = c.Send(t.Context(), telegram.Outgoing{ChatID: 900123456, Text: "x"})
	if err == nil {
		t.Fatal("not refused")
	}
	return err
}

func TestAnErrorInALogSaysWhatWentWrongAndNothingOfPeople(t *testing.T) {
	t.Parallel()
	pg := &pgconn.PgError{
		Severity: "ERROR", Code: "23505", Message: `duplicate key value violates unique constraint of Ivanova`, Detail: `Key (email)=(ivanova@example.org) already exists.`,
		TableName: "person", ConstraintName: "person_email",
	}
	for name, c := range map[string]struct {
		err   error
		keeps []string
	}{
		"an echo":         {refusal(t, "Bad Request: can't parse entities: Rent for June of Ivanova"), []string{"sendMessage", "bad_entities", "400", "can't parse entities"}},
		"new words":       {refusal(t, "Bad Request: Ivanova pays 125000 for Rent for June"), []string{"sendMessage", "400", "in the journal"}},
		"wrapped":         {fmt.Errorf("approver per_06f1z2k3: not known whether it was sent: %w", refusal(t, "Forbidden: user is deactivated: Ivanova")), []string{"per_06f1z2k3", "unreachable", "user is deactivated"}},
		"joined":          {errors.Join(errors.New("case cas_06f1"), fmt.Errorf("b: %w", pg)), []string{"cas_06f1", "23505", "person_email"}},
		"the database":    {fmt.Errorf("vote: %w", pg), []string{"vote", "23505", "person", "person_email"}},
		"a quotation":     {fmt.Errorf("amount %q of %q: not a sum", "125000", `Rent "for" June`), []string{"amount", "not a sum"}},
		"an address":      {errors.New("no person ivanova@example.org"), []string{"no person"}},
		"an account":      {errors.New("chat 900123456 must wait for 3s"), []string{"chat", "must wait for 3s"}},
		"a telephone":     {errors.New("call +7 495 123-45-67 or 79161234567"), []string{"call"}},
		"a code":          {errors.New("code 48151623 refused"), []string{"code", "refused"}},
		"our own address": {errors.New("dial tcp 10.1.2.3:5432: connect: connection refused"), []string{"10.1.2.3:5432", "connection refused"}},
		"nothing":         {nil, nil},
	} {
		got := discreet.Error(c.err)
		for _, p := range private() {
			if strings.Contains(got, p) {
				t.Errorf("%s: %q tells %q", name, got, p)
			}
		}
		for _, k := range c.keeps {
			if !strings.Contains(got, k) {
				t.Errorf("%s: %q does not say %q", name, got, k)
			}
		}
	}
}

type bag struct{ err error }

func (b bag) LogValue() slog.Value { return slog.GroupValue(slog.Any("inner", b.err)) }

func TestTheLogIsDiscreetWhereverAnErrorStands(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("about %q: %w", "Ivanova", refusal(t, "Bad Request: Ivanova"))
	for name, handler := range map[string]func(*bytes.Buffer) slog.Handler{
		"json": func(to *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(to, nil) },
		"text": func(to *bytes.Buffer) slog.Handler { return slog.NewTextHandler(to, nil) },
	} {
		var to bytes.Buffer
		log := slog.New(discreet.Handler(handler(&to)))
		log.With(slog.Any("error", err)).WithGroup("g").Info("kept", slog.String("case", "cas_1"), slog.Duration("took", time.Second))
		log.Info("of a call", slog.Any("error", refusal(t, "Bad Request: Ivanova")))
		log.Info("in a group", slog.Group("g", slog.Any("error", err)))
		log.Info("in a value", slog.Any("it", bag{err}))
		log.Info("a panic", slog.Any("panic", `index of "Ivanova"`))
		log.Info("a panic", slog.Any("panic", struct{ Name string }{`"Ivanova"`}))
		log.Info("as a text", slog.String("error", err.Error()[:15]))
		out := to.String()
		if strings.Contains(out, "Ivanova") || strings.Count(out, "\n") != 7 || !strings.Contains(out, "cas_1") || !strings.Contains(out, "sendMessage") {
			t.Errorf("%s:\n%s", name, out)
		}
	}
}
