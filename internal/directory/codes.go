package directory

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/ident"
	"countersign/internal/secret"
)

// The refusals of codes.
var (
	// ErrCode comes back for every code that does not bind, whatever the reason.
	ErrCode = errors.New("code not accepted")
	// ErrTries comes back after too many wrong codes in one chat or from one account.
	ErrTries = errors.New("too many wrong codes")
)

const (
	codeLength = 10 // of 32 letters each: nobody tries them all in a quarter of an hour
	codeLife   = 15 * time.Minute
	// Wrong codes in that time, after which none is looked at.
	mostTriesPlace   = 10
	mostTriesAccount = 5
)

// Place is a chat or a topic as the messenger describes it, and who acts there.
type Place struct {
	TelegramID int64
	Thread     int64
	Title      string
	Kind       ChatKind
	Account    int64
	Update     int64 // of the messenger: the same one again is the same act
}

func (p Place) actor() string { return fmt.Sprintf("telegram account %d", p.Account) }

// MakeChatCode makes a code by which a chat is bound to the external id from within the
// messenger, once. An older one ends. Without notices those of the chat stay.
func (s *Store) MakeChatCode(ctx context.Context, actor, externalID string, notices []string) (code secret.Text, until time.Time, err error) {
	text := rand.Text()[:codeLength]
	err = s.write(ctx, actor, func(w *writer) error {
		wanted := Chat{ExternalID: externalID, Notices: notices, Title: "x", TelegramID: -1, Kind: Group}
		if err := wanted.normal(Chat{}).check(); err != nil {
			return err
		}
		id, err := ident.New("chc")
		if err != nil {
			return err
		}
		if _, err := w.tx.Exec(ctx, `update chat_code set ended_at = now() where external_id = $1 and ended_at is null`, externalID); err != nil {
			return err
		}
		err = w.tx.QueryRow(ctx, `insert into chat_code (id, hash, external_id, notices, made_by, made_at, expires_at)
			values ($1, $2, $3, $4, $5, now(), now() + $6::interval) returning expires_at`, id, hashCode(text), externalID, notices, actor, codeLife).Scan(&until)
		w.note("chat.coded", externalID, nil, map[string]any{"expires_at": until, "notices": notices})
		return err
	})
	if err != nil {
		return "", time.Time{}, fmt.Errorf("code for chat %s: %w", shown(externalID), err)
	}
	return secret.Text(text[:codeLength/2] + "-" + text[codeLength/2:]), until.UTC(), nil
}

func hashCode(text string) []byte {
	text = strings.ToUpper(strings.NewReplacer("-", "", " ", "").Replace(text))
	sum := sha256.Sum256([]byte("code of a chat\x00" + text))
	return sum[:]
}

// chatCode is a code as it is stored.
type chatCode struct {
	id         string
	externalID string
	notices    []string
	live       bool
	update     int64
	place      int64
}

// BindChat binds a place to the external id that a code was made for, with the notices
// given with the code. The same update again finds the chat that it has bound.
func (s *Store) BindChat(ctx context.Context, p Place, text string) (bound Chat, err error) {
	var refusal error // a wrong code is noted, so it must not end the transaction
	err = s.write(ctx, p.actor(), func(w *writer) (err error) {
		bound, refusal, err = w.bindPlace(ctx, p, text)
		return err
	})
	if err = errors.Join(err, refusal); err != nil {
		return Chat{}, fmt.Errorf("bind chat %d: %w", p.TelegramID, err)
	}
	return bound, nil
}

func (w *writer) bindPlace(ctx context.Context, p Place, text string) (bound Chat, refusal, err error) {
	code, err := w.codeOf(ctx, text)
	if err != nil {
		return Chat{}, nil, err
	}
	if code.id != "" && code.update == p.Update && code.place == p.TelegramID {
		bound, err = oneChat(ctx, w.tx, "external_id = $1", code.externalID)
		return bound, nil, err
	}
	if tried, err := w.tried(ctx, p); err != nil || tried {
		return Chat{}, ErrTries, err
	}
	if !code.live {
		return Chat{}, ErrCode, w.wrong(ctx, p)
	}
	old, err := oneChat(ctx, w.tx, "external_id = $1", code.externalID)
	if err != nil && !errors.Is(err, ErrUnknown) {
		return Chat{}, nil, err
	}
	c := old
	c.ExternalID, c.TelegramID, c.Thread, c.Title, c.Kind, c.Disabled = code.externalID, p.TelegramID, p.Thread, printable(p.Title), p.Kind, false
	if code.notices != nil {
		c.Notices, c.Rules = code.notices, nil
	}
	bound, _, err = w.putChat(ctx, c, nil)
	if errors.Is(err, ErrTaken) || errors.Is(err, ErrInvalid) { // nothing was written, and the code is good for another place
		return Chat{}, err, nil
	}
	if err != nil {
		return Chat{}, nil, err
	}
	w.note("chat.bound", bound.ExternalID, nil, bound.note())
	_, err = w.tx.Exec(ctx, `update chat_code set ended_at = now(), account = $2, place = $3, thread = $4, update_id = $5 where id = $1`,
		code.id, p.Account, p.TelegramID, p.Thread, p.Update)
	return bound, nil, err
}

// codeOf finds a code; the zero value for none.
func (w *writer) codeOf(ctx context.Context, text string) (c chatCode, err error) {
	err = w.tx.QueryRow(ctx, `select id, external_id, notices, ended_at is null and expires_at > now(), coalesce(update_id, 0), coalesce(place, 0)
		from chat_code where hash = $1`, hashCode(text)).Scan(&c.id, &c.externalID, &c.notices, &c.live, &c.update, &c.place)
	if errors.Is(err, pgx.ErrNoRows) {
		return chatCode{}, nil
	}
	return c, err
}

func (w *writer) tried(ctx context.Context, p Place) (tooOften bool, err error) {
	err = w.tx.QueryRow(ctx, `select (select count(*) from chat_code_try where place = $1 and at > now() - $3::interval) >= $4
		or (select count(*) from chat_code_try where account = $2 and at > now() - $3::interval) >= $5`,
		p.TelegramID, p.Account, codeLife, mostTriesPlace, mostTriesAccount).Scan(&tooOften)
	return tooOften, err
}

func (w *writer) wrong(ctx context.Context, p Place) error {
	_, err := w.tx.Exec(ctx, `insert into chat_code_try (place, account, at) values ($1, $2, now())`, p.TelegramID, p.Account)
	w.note("chat.refused", fmt.Sprint(p.TelegramID), nil, map[string]any{"why": "wrong code", "account": p.Account, "thread_id": p.Thread, "title": printable(p.Title)})
	return err
}

// ChatRefused notes that somebody asked for something in a chat that he may not. Anybody may
// put the bot into a group of his and ask as often as he likes: the same is noted once in a
// quarter of an hour, and of one chat no more than of wrong codes. What is noted stays for
// ever, and makes every replica read the directory anew.
func (s *Store) ChatRefused(ctx context.Context, p Place, why string) error {
	return s.write(ctx, p.actor(), func(w *writer) error {
		known := false
		err := w.tx.QueryRow(ctx, `select count(*) >= $5 or coalesce(bool_or(actor = $2 and after ->> 'why' = $3), false)
			from directory_journal where subject = $1 and what = 'chat.refused' and at > $4`,
			fmt.Sprint(p.TelegramID), w.actor, why, w.at.Add(-codeLife), mostTriesPlace).Scan(&known)
		if err == nil && !known {
			w.note("chat.refused", fmt.Sprint(p.TelegramID), nil, map[string]any{"why": why, "account": p.Account, "thread_id": p.Thread, "title": printable(p.Title)})
		}
		return err
	})
}

// UnbindChat ends what is told in a place. It reports false where nothing is bound.
func (s *Store) UnbindChat(ctx context.Context, p Place) (unbound bool, err error) {
	err = s.write(ctx, p.actor(), func(w *writer) error {
		bound, err := someChats(ctx, w.tx, "active and telegram_chat_id = $1 and coalesce(thread_id, 0) = $2", p.TelegramID, p.Thread)
		for _, c := range bound {
			before := c.note()
			c.Disabled, unbound = true, true
			w.note("chat.unbound", c.ExternalID, before, c.note())
			if err := w.updateChat(ctx, c); err != nil {
				return err
			}
		}
		return err
	})
	if err != nil {
		return false, fmt.Errorf("unbind chat %d: %w", p.TelegramID, err)
	}
	return unbound, nil
}

// PurgeCodes removes codes and wrong tries from before the time given.
func (s *Store) PurgeCodes(ctx context.Context, before time.Time) error {
	for _, sql := range []string{`delete from chat_code where made_at < $1`, `delete from chat_code_try where at < $1`} {
		if _, err := s.Pool.Exec(ctx, sql, before); err != nil {
			return fmt.Errorf("old codes: %w", err)
		}
	}
	return nil
}

// printable makes the title of a chat, which anybody may set, fit to be kept.
func printable(title string) string {
	out := strings.TrimSpace(strings.Map(func(r rune) rune {
		if unprintable(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(title, "")))
	runes := []rune(out)
	if out = strings.TrimSpace(string(runes[:min(len(runes), 255)])); out == "" {
		return "?"
	}
	return out
}
