// Package assure owns proofs that go beyond a tap in the chat, before a decision that
// needs one: a PIN, a fresh login, a one-time code, a passkey; and what persons have for that as it
// is stored. All of it happens on pages in the browser, nothing of it in the chat.
//
// What a stranger may try, and what stops him:
//
//   - somebody's unlocked telephone: the page asks for what he does not know
//   - guessing: tries are counted before they are looked at, per person and in the
//     database, and too many lock for longer and longer
//   - a proof for something else: it is bound to person, slot, revision and verdict, to one
//     browser, to 3 minutes, and is used once
//   - his own login, or a login that somebody was lured into: the account must be that of
//     the person, come back to the browser that left, and be fresh
//   - a page that looks like ours: a passkey answers to this site alone, and a copy of one
//     is found by its counter
//   - a copy of the database: it holds hashes, and what is sealed; and whoever writes into it
//     gives nobody a passkey
//
// It leaves who may decide, and what becomes of a decision, to those who call it; tokens of
// login services to package google; who is whose account to package directory. A further
// way is one more Method, with its rank in assure_rank.
package assure

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"countersign/internal/directory"
	"countersign/internal/google"
	"countersign/internal/ident"
	"countersign/internal/locale"
	"countersign/internal/pages"
	"countersign/internal/people"
)

// The refusals to begin.
var (
	// ErrTooMany comes back to a person who began too many attempts.
	ErrTooMany = errors.New("too many attempts")
	// ErrInvalid comes back for what nobody can confirm.
	ErrInvalid = errors.New("not acceptable")
	// ErrNotLinked comes back when the account is not that of the person.
	ErrNotLinked = errors.New("the account is not linked to the person")
)

// Method is a way to prove more than a tap does.
type Method string

// The ways, the weakest first.
const (
	PIN     Method = "pin"
	Login   Method = "login" // a fresh one
	TOTP    Method = "totp"
	Passkey Method = "passkey" // a key of the device, unlocked by its owner
)

// rank is the place of a way among those there are; below 0: there is no such way.
func (m Method) rank() int { return slices.Index([]Method{PIN, Login, TOTP, Passkey}, m) }

// Known reports whether it is one of the ways.
func (m Method) Known() bool { return m.rank() >= 0 }

// Ask is what is to be confirmed: one person's one decision about one revision.
type Ask struct {
	Person   people.ID
	Account  int64 // the Telegram account in whose chat it was asked for
	Case     string
	Round    int
	Step     int
	No       int
	Revision int
	Verdict  string
	Reason   string // goes with the vote; not shown here
	Least    Method
	Language string
}

// Desk is where decisions are confirmed. Set the fields before use.
type Desk struct {
	Store     *Store
	Directory *directory.Store
	Services  []*google.Provider // in the order of their buttons
	// Undated names services that do not say when somebody logged in. Their logins confirm
	// no decision; to change what a person has, any login is taken, and a PIN that there is.
	Undated   map[string]bool
	PublicURL string // where the pages are
	Texts     *locale.Texts
	Language  string // of administrators
	Zone      *time.Location
	Username  func() string // of the bot, for the way back; empty: there is none
	// Describe says what will be confirmed, a line each, whole and for people.
	Describe func(ctx context.Context, a Ask, lang locale.Lang) ([]string, error)
	// Cast casts the vote and says what came of it, be it that it counts no more. An error
	// means that nothing is known to have happened and that the same may work a moment
	// later: the proof is given back. It may be called again for the same vote.
	Cast func(ctx context.Context, a Ask, method string) (text string, err error)
	// Tell writes into somebody's private chat, and TellAdministrators to them, as far as
	// that is possible; neither waits for it to arrive.
	Tell               func(ctx context.Context, account int64, text string)
	TellAdministrators func(ctx context.Context, text string)
	// Seal and Open keep secrets from whoever reads the database. The row is a name that no
	// two secrets share, all of them of assure_secret.sealed.
	Seal func(plain string, row string) ([]byte, error)
	Open func(sealed []byte, row string) (string, error)
	Now  func() time.Time // for one-time codes only: everything else goes by the database's clock
	Log  *slog.Logger

	slow     sync.Mutex    // one PIN at a time: each takes its memory
	castLife time.Duration // of a vote; 0: castTime
}

// Begin gives the address of a page on which a decision can be confirmed for 3 minutes. It
// takes the place of the one that the same decision had before.
func (d *Desk) Begin(ctx context.Context, a Ask) (string, error) {
	if !a.Least.Known() || a.Round < 1 || a.Step < 0 || a.No < 0 || a.Revision < 1 || !slices.Contains([]string{"accept", "reject", "return"}, a.Verdict) ||
		!ident.Valid("cas", a.Case) || !isReason(a.Reason) {
		return "", fmt.Errorf("confirm a decision on %.64q: %w", a.Case, ErrInvalid)
	}
	return d.begin(ctx, attempt{Kind: confirm, Ask: a}, "asr")
}

// isReason takes what the database can keep.
func isReason(text string) bool {
	const most = 4096
	return utf8.ValidString(text) && !strings.Contains(text, "\x00") && utf8.RuneCountInString(text) <= most
}

// Enroll gives the address of a page on which a person, after a fresh login, sets, changes
// and removes what he confirms with.
func (d *Desk) Enroll(ctx context.Context, person people.ID, account int64, language string) (string, error) {
	return d.begin(ctx, attempt{Kind: enroll, Ask: Ask{Person: person, Account: account, Language: language}}, "enr")
}

func (d *Desk) begin(ctx context.Context, a attempt, prefix string) (string, error) {
	if _, ok, err := d.owner(ctx, a.Ask); err != nil || !ok {
		if err == nil {
			err = ErrNotLinked
		}
		return "", fmt.Errorf("begin to %s: %w", a.Kind, err)
	}
	id, err := ident.New(prefix)
	if err != nil {
		return "", err
	}
	a.ID = id
	a.Ask.Language = d.Texts.For(a.Ask.Language).Tag()
	token := string(pages.NewSeed())
	if err := d.Store.begin(ctx, a, token); err != nil {
		return "", fmt.Errorf("begin to %s: %w", a.Kind, err)
	}
	return d.PublicURL + "/confirm?t=" + token, nil
}

// owner is the person of an attempt, if the account is still his and he may do anything.
func (d *Desk) owner(ctx context.Context, a Ask) (people.Person, bool, error) {
	dir, err := d.Directory.Snapshot(ctx)
	if err != nil {
		return people.Person{}, false, err
	}
	p, ok := dir.ByTelegram(a.Account)
	return p, ok && p.ID == a.Person, nil
}

// Reset takes from a person what he confirms with, by an administrator's word: his
// telephone is gone, or he forgot. He is told.
func (d *Desk) Reset(ctx context.Context, actor string, person people.ID) error {
	gone, err := d.Store.reset(ctx, actor, person)
	if err != nil {
		return fmt.Errorf("reset %s: %w", person, err)
	}
	dir, err := d.Directory.Snapshot(ctx)
	if err != nil {
		return fmt.Errorf("reset %s: %w", person, err)
	}
	p, _ := dir.Person(person)
	if gone > 0 && p.Telegram != 0 {
		d.Tell(ctx, p.Telegram, d.Texts.For(p.Locale).T("assure.told.reset", nil))
	}
	d.Log.WarnContext(ctx, "secrets of a person removed", slog.String("person", string(person)), slog.String("actor", actor), slog.Int64("secrets", gone))
	return nil
}

func (d *Desk) service(name string) *google.Provider {
	for _, s := range d.Services {
		if s.Name == name {
			return s
		}
	}
	return nil
}
