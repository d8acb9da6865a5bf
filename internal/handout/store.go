package handout

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

var (
	// errNone means that there is no such link, or none any more.
	errNone = errors.New("no such link")
	// errEnded means that whoever was given the link is not who he was then.
	errEnded = errors.New("the link was somebody's who is not connected any more")
)

// Store keeps links. Times are the database's.
type Store struct {
	Pool *pgxpool.Pool
}

// link is one as it is stored.
type link struct {
	sha256     string
	name       string
	until      time.Time
	place      int64
	connection int64  // of the account that got it; 0: a group's, or from before it was noted
	group      string // external id of the group that got it
}

func hash(token string) []byte {
	sum := sha256.Sum256([]byte("link to a file\x00" + token))
	return sum[:]
}

func (s *Store) add(ctx context.Context, token string, o Offer, connection int64) error {
	_, err := s.Pool.Exec(ctx, `insert into file_link (hash, sha256, name, about, place, made_at, expires_at, connection, chat)
		values ($1, $2, $3, $4, $5, now(), now() + $6::interval, nullif($7::bigint, 0), nullif($8, ''))`,
		hash(token), o.SHA256, o.Name, o.Case, o.Chat, Life, connection, o.Group)
	if err != nil {
		return fmt.Errorf("link to file %s: %w", o.SHA256, err)
	}
	return nil
}

// Revoke takes back every link to a file that a chat was given in a case. It reports
// whether there ever was one.
func (s *Store) Revoke(ctx context.Context, o Offer) (given bool, err error) {
	_, err = s.Pool.Exec(ctx, `update file_link set ended_at = now() where about = $1 and place = $2 and sha256 = $3 and ended_at is null`, o.Case, o.Chat, o.SHA256)
	if err == nil {
		err = s.Pool.QueryRow(ctx, `select exists (select from file_link where about = $1 and place = $2 and sha256 = $3)`, o.Case, o.Chat, o.SHA256).Scan(&given)
	}
	if err != nil {
		return false, fmt.Errorf("links to file %s: %w", o.SHA256, err)
	}
	return given, nil
}

// Purge removes links that expired before the time given.
func (s *Store) Purge(ctx context.Context, before time.Time) error {
	if _, err := s.Pool.Exec(ctx, `delete from file_link where expires_at < $1`, before); err != nil {
		return fmt.Errorf("old links: %w", err)
	}
	return nil
}

// find looks a link up.
func (s *Store) find(ctx context.Context, token string) (link, error) {
	return s.one(ctx, `select `+linkColumns+` from file_link where `+linkGood, token)
}

// fetch looks a link up and counts a download.
func (s *Store) fetch(ctx context.Context, token string) (link, error) {
	return s.one(ctx, `update file_link set downloads = downloads + 1, last_at = now() where `+linkGood+` returning `+linkColumns, token)
}

const (
	linkColumns = `sha256, name, expires_at, place, coalesce(connection, 0), coalesce(chat, '')`
	linkGood    = `hash = $1 and ended_at is null and expires_at > now()`
)

func (s *Store) one(ctx context.Context, sql, token string) (l link, err error) {
	err = s.Pool.QueryRow(ctx, sql, hash(token)).Scan(&l.sha256, &l.name, &l.until, &l.place, &l.connection, &l.group)
	if errors.Is(err, pgx.ErrNoRows) {
		return l, errNone
	}
	if err != nil {
		return l, fmt.Errorf("link: %w", err)
	}
	return l, nil
}
