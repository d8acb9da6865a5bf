package inbox_test

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"countersign/internal/inbox"
	"countersign/internal/seal"
)

func (p *post) seal(t *testing.T) *seal.Seal {
	t.Helper()
	s, err := seal.Start(t.Context(), p.pool, seal.Options{File: filepath.Join(t.TempDir(), "seal.key"), Create: true})
	must(t, err)
	return s
}

// box is an inbox that only keeps secrets.
func (p *post) box(of int64, s *seal.Seal) *inbox.Inbox {
	return &inbox.Inbox{Pool: p.pool, Bot: of, Seal: s}
}

// dump is everything in the table of secrets, as a copy of the database would hold it.
func (p *post) dump(t *testing.T) string {
	t.Helper()
	rows, err := p.pool.Query(t.Context(), `select * from telegram_secret`)
	must(t, err)
	defer rows.Close()
	var out bytes.Buffer
	for rows.Next() {
		values, err := rows.Values()
		must(t, err)
		for _, v := range values {
			if raw, ok := v.([]byte); ok {
				out.Write(raw)
				continue
			}
			fmt.Fprintln(&out, v)
		}
	}
	must(t, rows.Err())
	return out.String()
}

func TestSecretOfTheWebhookIsStoredSealed(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	s := p.seal(t)
	first := strings.Repeat("first", 10)
	for _, proposal := range []string{first, strings.Repeat("other", 10)} {
		if got, err := p.box(bot, s).Secret(t.Context(), proposal); err != nil || got != first {
			t.Errorf("%q, %v", got, err)
		}
	}
	if dump := p.dump(t); dump == "" || strings.Contains(dump, "first") || strings.Contains(dump, "other") {
		t.Errorf("the table holds %q", dump)
	}
	if _, err := p.box(bot, nil).Secret(t.Context(), first); !errors.Is(err, seal.ErrNoSeal) {
		t.Errorf("read without a seal: %v", err)
	}
}

func TestSecretsOfAllBotsAreSealedAndStayWhatTheyWere(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	secrets := map[int64]string{}
	for i := int64(1); i <= 5; i++ {
		secrets[i] = strings.Repeat(fmt.Sprintf("bot%d", i), 10)
		got, err := p.box(i, nil).Secret(t.Context(), secrets[i])
		if must(t, err); got != secrets[i] || !strings.Contains(p.dump(t), got) {
			t.Fatal("without a seal the secret stays in the clear")
		}
	}
	s := p.seal(t)
	check := func(want int) {
		t.Helper()
		if n, err := p.box(bot, s).Reseal(t.Context(), 2); err != nil || n != want {
			t.Fatalf("%d sealed, want %d, %v", n, want, err)
		}
		for i, text := range secrets {
			if got, err := p.box(i, s).Secret(t.Context(), strings.Repeat("x", 40)); err != nil || got != text {
				t.Errorf("bot %d: %q, %v", i, got, err)
			}
			if strings.Contains(p.dump(t), text) {
				t.Errorf("the secret of bot %d stands in the table", i)
			}
		}
	}
	check(5)
	check(0)
	_, err := s.Rotate(t.Context(), p.pool)
	must(t, err)
	check(5)
	gone, err := s.Retire(t.Context(), p.pool)
	if err != nil || len(gone) != 1 {
		t.Errorf("the old key: %v, %v", gone, err)
	}
	check(0)
}

func TestSecretOfAnotherBotIsRefused(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	s := p.seal(t)
	for i := range int64(2) {
		_, err := p.box(i, s).Secret(t.Context(), strings.Repeat(fmt.Sprint(i), 40))
		must(t, err)
	}
	_, err := p.owner.Exec(t.Context(), `update telegram_secret set sealed = (select sealed from telegram_secret where bot_id = 1) where bot_id = 0`)
	must(t, err)
	if got, err := p.box(0, s).Secret(t.Context(), strings.Repeat("x", 40)); !errors.Is(err, seal.ErrRefused) {
		t.Errorf("%q, %v", got, err)
	}
	_, err = s.Rotate(t.Context(), p.pool)
	must(t, err)
	if n, err := p.box(bot, s).Reseal(t.Context(), 1); n != 1 || !errors.Is(err, seal.ErrRefused) {
		t.Errorf("%d sealed, %v", n, err)
	}
	if _, err := p.box(0, nil).Reseal(t.Context(), 1); !errors.Is(err, seal.ErrNoSeal) {
		t.Errorf("it pretends to have sealed: %v", err)
	}
}
