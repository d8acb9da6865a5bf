package directory

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/secret"
)

// Year is the longest life of a key, and its life when nothing else is said.
const Year = 365 * 24 * time.Hour

// NewKey asks for a key.
type NewKey struct {
	Source    string // made when it is new
	Name      string // what it is for
	Scopes    []Scope
	ExpiresAt time.Time // zero: a year from now
}

// Key is an API key without its secret. It opens its own source and no other.
type Key struct {
	ID         string
	Source     string
	Name       string
	Scopes     []Scope
	CreatedAt  time.Time
	ExpiresAt  time.Time
	RevokedAt  time.Time // zero: not revoked
	LastUsedOn time.Time // midnight UTC of the day; zero: never used
}

// Allows reports whether the key has the scope.
func (k Key) Allows(s Scope) bool { return slices.Contains(k.Scopes, s) }

// keyNote is a key in the journal: never its secret.
type keyNote struct {
	Source    string    `json:"source"`
	Name      string    `json:"name"`
	Scopes    []Scope   `json:"scopes"`
	ExpiresAt time.Time `json:"expires_at"`
}

type sourceNote struct {
	Name string `json:"name"`
}

// CreateKey makes a key. Its secret is returned here and nowhere else: the database has
// only its digest. A source may have several keys, so that one can take over from another.
func (s *Store) CreateKey(ctx context.Context, actor string, n NewKey) (Key, secret.Text, error) {
	now := s.now()
	if n.ExpiresAt.IsZero() {
		n.ExpiresAt = now.Add(Year)
	}
	n.ExpiresAt = n.ExpiresAt.UTC().Truncate(time.Microsecond)
	if err := n.check(now); err != nil {
		return Key{}, "", fmt.Errorf("key for source %s: %w", shown(n.Source), err)
	}
	id, text := newSecret()
	k := Key{ID: id, Source: n.Source, Name: n.Name, Scopes: sortScopes(n.Scopes), CreatedAt: now, ExpiresAt: n.ExpiresAt}
	err := s.write(ctx, actor, func(w *writer) error {
		made, err := w.tx.Exec(ctx, "insert into source (name, created_at) values ($1, $2) on conflict do nothing", k.Source, now)
		if err != nil {
			return err
		}
		if made.RowsAffected() > 0 {
			w.note("source.added", k.Source, nil, sourceNote{k.Source})
		}
		digest := sha256.Sum256([]byte(text.Reveal()))
		_, err = w.tx.Exec(ctx, `
			insert into api_key (id, source, name, secret_hash, scopes, created_at, expires_at)
			values ($1, $2, $3, $4, $5, $6, $7)`,
			k.ID, k.Source, k.Name, digest[:], k.Scopes, k.CreatedAt, k.ExpiresAt)
		w.note("key.created", k.ID, nil, keyNote{k.Source, k.Name, k.Scopes, k.ExpiresAt})
		return err
	})
	if err != nil {
		return Key{}, "", fmt.Errorf("key for source %s: %w", shown(n.Source), err)
	}
	return k, text, nil
}

func (n NewKey) check(now time.Time) error {
	var faults []error
	if !word(n.Source, 64, "0123456789", "0123456789_.-") {
		faults = append(faults, fmt.Errorf("source %s is not a name such as erp1c: small Latin letters, digits, _ . and -, at most 64: %w", shown(n.Source), ErrInvalid))
	}
	if fault := plain("name", n.Name, 1, 100); fault != "" {
		faults = append(faults, fmt.Errorf("%s: %w", fault, ErrInvalid))
	}
	if err := checkScopes(n.Scopes); err != nil {
		faults = append(faults, err)
	}
	switch {
	case !n.ExpiresAt.After(now):
		faults = append(faults, fmt.Errorf("expiry %s has passed: %w", n.ExpiresAt.Format(time.RFC3339), ErrInvalid))
	case n.ExpiresAt.Sub(now) > Year+24*time.Hour: // a calendar year may have a day more
		faults = append(faults, fmt.Errorf("expiry %s is more than a year away: %w", n.ExpiresAt.Format(time.RFC3339), ErrInvalid))
	}
	return errors.Join(faults...)
}

const keyColumns = `id, source, name, scopes, created_at, expires_at, revoked_at, last_used_on`

// Authenticate finds the key that the secret opens. The id is that of Basic
// authentication; with Bearer it is empty, for the secret contains it. Every refusal is
// the same ErrUnauthorized. That the key was used today is stored once a day.
func (s *Store) Authenticate(ctx context.Context, id, presented string) (Key, error) {
	inside, ok := parseSecret(presented)
	if !ok || id != "" && subtle.ConstantTimeCompare([]byte(id), []byte(inside)) != 1 {
		return Key{}, ErrUnauthorized
	}
	now := s.now()
	digest := sha256.Sum256([]byte(presented))
	var stored []byte
	rows, err := s.Pool.Query(ctx, `
		with used as (
			update api_key set last_used_on = $4::date
			where id = $1 and secret_hash = $2 and revoked_at is null and expires_at > $3
			  and (last_used_on is null or last_used_on < $4::date))
		select `+keyColumns+`, secret_hash from api_key where id = $1`,
		inside, digest[:], now, day(now))
	if err != nil {
		return Key{}, fmt.Errorf("key %s: %w", inside, err)
	}
	k, err := pgx.CollectExactlyOneRow(rows, func(row pgx.CollectableRow) (Key, error) { return scanKey(row, &stored) })
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return Key{}, fmt.Errorf("key %s: %w", inside, err)
	}
	// An unknown key is compared as well, with a digest of nothing.
	if stored == nil {
		stored = make([]byte, sha256.Size)
	}
	if subtle.ConstantTimeCompare(stored, digest[:]) != 1 || !k.RevokedAt.IsZero() || !now.Before(k.ExpiresAt) {
		return Key{}, ErrUnauthorized
	}
	k.LastUsedOn = day(now)
	return k, nil
}

func day(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }

// RevokeKey ends a key at once. One that is revoked already stays as it is.
func (s *Store) RevokeKey(ctx context.Context, actor, id string) error {
	err := s.write(ctx, actor, func(w *writer) error {
		if !validKeyID(id) {
			return ErrUnknown
		}
		rows, err := w.tx.Query(ctx, "select "+keyColumns+" from api_key where id = $1 for update", id)
		if err != nil {
			return err
		}
		k, err := pgx.CollectExactlyOneRow(rows, func(row pgx.CollectableRow) (Key, error) { return scanKey(row) })
		if errors.Is(err, pgx.ErrNoRows) {
			return ErrUnknown
		}
		if err != nil || !k.RevokedAt.IsZero() {
			return err
		}
		_, err = w.tx.Exec(ctx, "update api_key set revoked_at = greatest(created_at, $2), revoked_by = $3 where id = $1", id, w.at, w.actor)
		w.note("key.revoked", id, keyNote{k.Source, k.Name, k.Scopes, k.ExpiresAt}, nil)
		return err
	})
	if err != nil {
		return fmt.Errorf("revoke key %s: %w", shown(id), err)
	}
	return nil
}

// ListKeys lists all keys, revoked and expired ones too, by source and age.
func (s *Store) ListKeys(ctx context.Context) ([]Key, error) {
	rows, err := s.Pool.Query(ctx, "select "+keyColumns+" from api_key order by source, created_at, id")
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	keys, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Key, error) { return scanKey(row) })
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	return keys, nil
}

func scanKey(row pgx.CollectableRow, more ...any) (Key, error) {
	var (
		k             Key
		revoked, used *time.Time
	)
	err := row.Scan(append([]any{&k.ID, &k.Source, &k.Name, &k.Scopes, &k.CreatedAt, &k.ExpiresAt, &revoked, &used}, more...)...)
	k.CreatedAt, k.ExpiresAt, k.RevokedAt, k.LastUsedOn = k.CreatedAt.UTC(), k.ExpiresAt.UTC(), instant(revoked), instant(used)
	return k, err
}
