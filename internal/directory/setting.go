package directory

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/people"
)

// Setting is what a person chose for himself. It stands over what an ERP says of him.
type Setting struct {
	Locale  string       `json:"locale,omitempty"`  // empty: as the ERP says
	Follows bool         `json:"follows,omitempty"` // Locale is what the messenger said when it was chosen to follow that
	Heard   string       `json:"heard,omitempty"`   // what the messenger said where nothing was chosen; an ERP's word stands over it
	Zone    string       `json:"zone,omitempty"`    // of the IANA; empty: that of the house
	Quiet   people.Quiet `json:"quiet,omitzero"`
	Digest  Digest       `json:"digest,omitzero"`
}

// check says what is wrong with a setting, or nothing.
func (s Setting) check() string {
	switch {
	case checkLocale(s.Locale) != "":
		return checkLocale(s.Locale)
	case checkLocale(s.Heard) != "":
		return checkLocale(s.Heard)
	case s.Follows && s.Locale == "":
		return "a language to follow is missing"
	case !s.Quiet.Valid():
		return "quiet hours are not two different minutes of a day"
	case !s.Digest.valid():
		return "the hour of a digest is not one of 0 to 23"
	case s.Zone == "":
		return ""
	}
	if _, err := Zone(s.Zone); err != nil {
		return fmt.Sprintf("time zone %s is not one such as Europe/Berlin", shown(s.Zone))
	}
	return ""
}

// Zone finds a zone by its name. "Local" is where this server stands, and no answer.
func Zone(name string) (*time.Location, error) {
	if name == "" || name == "Local" || len(name) > 64 || strings.IndexFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("_+-/", r)
	}) >= 0 {
		return nil, ErrInvalid
	}
	return time.LoadLocation(name)
}

const selectSettings = `select person_id, coalesce(locale, ''), follows, coalesce(zone, ''), coalesce(quiet_from, 0), coalesce(quiet_to, 0),
	digest_hour is not null, coalesce(digest_hour, 0), coalesce(heard, '') from setting`

func readSettings(ctx context.Context, q Querier, which string, args ...any) (map[people.ID]Setting, error) {
	rows, err := q.Query(ctx, selectSettings+which, args...)
	if err != nil {
		return nil, fmt.Errorf("settings: %w", err)
	}
	out := map[people.ID]Setting{}
	var id people.ID
	var s Setting
	_, err = pgx.ForEachRow(rows, []any{&id, &s.Locale, &s.Follows, &s.Zone, &s.Quiet.From, &s.Quiet.To, &s.Digest.On, &s.Digest.Hour, &s.Heard}, func() error {
		out[id] = s
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("settings: %w", err)
	}
	return out, nil
}

// settle writes into persons what they chose. A zone that this server does not know is
// that of the house.
func settle(ctx context.Context, q Querier, persons []people.Person) error {
	settings, err := readSettings(ctx, q, "")
	if err != nil {
		return err
	}
	zones := map[string]*time.Location{}
	for i := range persons {
		p := &persons[i]
		s := settings[p.ID]
		p.Quiet = s.Quiet
		switch {
		case s.Locale != "":
			p.Locale, p.Follows = s.Locale, s.Follows
		case p.Locale == "":
			p.Locale, p.Follows = s.Heard, true
		}
		if s.Zone == "" {
			continue
		}
		if _, known := zones[s.Zone]; !known {
			zone, err := Zone(s.Zone)
			if err != nil {
				zone = nil
			}
			zones[s.Zone] = zone
		}
		p.Zone = zones[s.Zone]
	}
	return nil
}

// Setting gives what a person chose.
func (s *Store) Setting(ctx context.Context, id people.ID) (Setting, error) {
	found, err := readSettings(ctx, s.Pool, " where person_id = $1", id)
	return found[id], err
}

// Set changes what a person chose, and says whether that is news.
func (s *Store) Set(ctx context.Context, actor string, id people.ID, change func(*Setting)) (changed bool, err error) {
	err = s.write(ctx, actor, func(w *writer) error {
		e, err := w.oneEntry(ctx, "p.id = $1", string(id))
		if err != nil {
			return err
		}
		found, err := readSettings(ctx, w.tx, " where person_id = $1", id)
		if err != nil {
			return err
		}
		was := found[id]
		now := was
		change(&now)
		if now == was {
			return nil
		}
		if fault := now.check(); fault != "" {
			return fmt.Errorf("%s: %w", fault, ErrInvalid)
		}
		var from, to *int
		if (now.Quiet != people.Quiet{}) {
			from, to = &now.Quiet.From, &now.Quiet.To
		}
		var hour *int
		if now.Digest.On {
			hour = &now.Digest.Hour
		}
		_, err = w.tx.Exec(ctx, `insert into setting (person_id, locale, follows, zone, quiet_from, quiet_to, changed_at, digest_hour, digest_since, heard)
			values ($1, nullif($2, ''), $3, nullif($4, ''), $5, $6, $7::timestamptz, $8::int, case when $8::int is not null then $7::timestamptz end, nullif($9, ''))
			on conflict (person_id) do update set locale = excluded.locale, follows = excluded.follows, zone = excluded.zone,
				quiet_from = excluded.quiet_from, quiet_to = excluded.quiet_to, changed_at = excluded.changed_at, digest_hour = excluded.digest_hour, heard = excluded.heard,
				digest_since = case when setting.digest_hour = excluded.digest_hour then setting.digest_since else excluded.digest_since end`,
			id, now.Locale, now.Follows, now.Zone, from, to, w.at, hour, now.Heard)
		w.note("setting.changed", e.ExternalID, was, now)
		changed = true
		return err
	})
	if err != nil {
		return false, fmt.Errorf("settings of %s: %w", id, err)
	}
	return changed, nil
}
