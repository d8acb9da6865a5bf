package directory

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/people"
)

// NewAbsence says that somebody will be away, and who decides for him meanwhile.
type NewAbsence struct {
	people.Absence // its ID is not looked at

	Deputy people.ID // empty: nobody
	Name
	Ask
}

// Gone is an absence as it is stored.
type Gone struct {
	people.Absence

	Deputy  people.ID // empty: nobody decides meanwhile
	Through people.DelegationID
	Name
	At      time.Time
	By      string
	Ended   time.Time // zero: it was not taken back
	EndedBy string
	Why     string
}

// absenceNote is an absence in the journal.
type absenceNote struct {
	ID    int64     `json:"id"`
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`
	Why   string    `json:"why,omitempty"`
}

const selectGone = `select a.id, a.person_id, a.starts_at, a.until, coalesce(d.deputy, ''), coalesce(d.id, 0),
	coalesce(a.source, ''), coalesce(a.external_id, ''), a.made_at, a.made_by, a.ended_at, coalesce(a.ended_by, ''), coalesce(a.ended_why, '')
	from absence a left join delegation d on d.absence_id = a.id where `

func scanGone(row pgx.CollectableRow) (Gone, error) {
	var g Gone
	var ended *time.Time
	err := row.Scan(&g.ID, &g.Person, &g.From, &g.Until, &g.Deputy, &g.Through, &g.Source, &g.ExternalID, &g.At, &g.By, &ended, &g.EndedBy, &g.Why)
	g.From, g.Until, g.At, g.Ended = g.From.UTC(), g.Until.UTC(), g.At.UTC(), instant(ended)
	return g, err
}

// PutAbsence notes that somebody is away, with his deputy. It replaces the absence of the same
// name of an ERP, unless that says the same; of what people say themselves, whatever the
// person said before. Created is false where there was one.
func (s *Store) PutAbsence(ctx context.Context, actor string, n NewAbsence) (g Gone, created bool, err error) {
	err = s.write(ctx, actor, func(w *writer) error {
		which, args := "a.source = $1 and a.external_id = $2", []any{n.Source, n.ExternalID}
		if n.Source == "" {
			which, args = "a.source is null and a.person_id = $1 and a.until > $2", []any{n.Person, w.at}
		}
		before, err := w.absences(ctx, which, args...)
		if err != nil {
			return err
		}
		created = len(before) == 0
		if n.From.IsZero() { // from now on; who says so again while he is away says nothing new
			if n.From = w.at; !created && before[0].From.Before(w.at) {
				n.From = before[0].From
			}
		}
		if len(before) == 1 && before[0].same(n) {
			g = before[0]
			return nil
		}
		for _, was := range before {
			if err := w.endAbsence(ctx, was, replacedBy); err != nil {
				return err
			}
		}
		g, err = w.beAway(ctx, n)
		return err
	})
	if err != nil {
		return Gone{}, false, fmt.Errorf("absence of %s: %w", n.Person, err)
	}
	return g, created, nil
}

func (g Gone) same(n NewAbsence) bool {
	return g.Person == n.Person && g.Deputy == n.Deputy && g.From.Equal(n.From) && g.Until.Equal(n.Until)
}

func (w *writer) beAway(ctx context.Context, n NewAbsence) (Gone, error) {
	a := n.Absence
	a.From, a.Until = a.From.UTC().Truncate(time.Microsecond), a.Until.UTC().Truncate(time.Microsecond)
	if fault := checkSpan(a.From, a.Until, n.Name); fault != "" {
		return Gone{}, fmt.Errorf("%s: %w", fault, ErrInvalid)
	}
	if err := w.mayStand(ctx, a.Person, n.Ask); err != nil {
		return Gone{}, err
	}
	err := w.tx.QueryRow(ctx, `insert into absence (person_id, starts_at, until, source, external_id, made_at, made_by)
		values ($1, $2, $3, nullif($4, ''), nullif($5, ''), $6, $7) returning id`,
		a.Person, a.From, a.Until, n.Source, n.ExternalID, w.at, w.actor).Scan(&a.ID)
	if err != nil {
		return Gone{}, err
	}
	g := Gone{Absence: a, Deputy: n.Deputy, Name: n.Name, At: w.at, By: w.actor}
	if err := w.noteAbsence(ctx, "absence.made", g, ""); err != nil || n.Deputy == "" {
		return g, err
	}
	given, err := w.delegate(ctx, NewDelegation{
		Delegation: people.Delegation{Principal: a.Person, Deputy: n.Deputy, From: a.From, Until: a.Until, Hands: 1},
		Name:       n.Name, Ask: n.Ask,
	}, a.ID)
	g.Through = given.ID
	return g, err
}

func (w *writer) noteAbsence(ctx context.Context, what string, g Gone, why string) error {
	var person string
	err := w.tx.QueryRow(ctx, `select external_id from person where id = $1`, g.Person).Scan(&person)
	note := absenceNote{ID: g.ID, From: g.From, Until: g.Until, Why: why}
	if why == "" {
		w.note(what, person, nil, note)
	} else {
		w.note(what, person, note, nil)
	}
	return err
}

// absences reads those absences a that fit and have not ended.
func (w *writer) absences(ctx context.Context, which string, args ...any) ([]Gone, error) {
	rows, err := w.tx.Query(ctx, selectGone+`a.ended_at is null and `+which+` order by a.id`, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanGone)
}

// endAbsence ends an absence with the delegation that belongs to it.
func (w *writer) endAbsence(ctx context.Context, g Gone, why string) error {
	if _, err := w.tx.Exec(ctx, `update absence set ended_at = greatest(made_at, $2), ended_by = $3, ended_why = $4 where id = $1`,
		g.ID, w.at, w.actor, why); err != nil {
		return err
	}
	if err := w.noteAbsence(ctx, "absence.ended", g, why); err != nil {
		return err
	}
	return w.endDelegations(ctx, "d.absence_id = $1", why, g.ID)
}

// Back ends what somebody said of his being away. Whoever is not away is no error.
func (s *Store) Back(ctx context.Context, actor string, id people.ID, why string) (ended []Gone, err error) {
	return s.back(ctx, actor, why, "a.person_id = $1", string(id))
}

// EndNamed ends the absence that an ERP noted by a name; ErrUnknown where it never did.
func (s *Store) EndNamed(ctx context.Context, actor string, n Name, why string) (Gone, error) {
	g, err := s.AbsenceNamed(ctx, n)
	if err != nil || !g.Ended.IsZero() {
		return g, err
	}
	if _, err := s.back(ctx, actor, why, "a.id::text = $1", strconv.FormatInt(g.ID, 10)); err != nil {
		return Gone{}, err
	}
	return s.AbsenceNamed(ctx, n)
}

func (s *Store) back(ctx context.Context, actor, why, which, arg string) (ended []Gone, err error) {
	err = s.write(ctx, actor, func(w *writer) error {
		if fault := plain("reason", why, 1, 500); fault != "" {
			return fmt.Errorf("%s: %w", fault, ErrInvalid)
		}
		var err error
		if ended, err = w.absences(ctx, which+" and a.until > $2", arg, w.at); err != nil {
			return err
		}
		for _, g := range ended {
			if err := w.endAbsence(ctx, g, why); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("end of an absence: %w", err)
	}
	return ended, nil
}

// AbsenceNamed gives the last absence that an ERP noted by a name.
func (s *Store) AbsenceNamed(ctx context.Context, n Name) (Gone, error) {
	if plain("", n.ExternalID, 1, 200) != "" {
		return Gone{}, fmt.Errorf("absence %s: %w", shown(n.ExternalID), ErrUnknown)
	}
	rows, err := s.Pool.Query(ctx, selectGone+`a.source = $1 and a.external_id = $2 order by a.id desc limit 1`, n.Source, n.ExternalID)
	if err != nil {
		return Gone{}, fmt.Errorf("absence: %w", err)
	}
	g, err := pgx.CollectOneRow(rows, scanGone)
	if errors.Is(err, pgx.ErrNoRows) {
		err = fmt.Errorf("absence %s: %w", shown(n.ExternalID), ErrUnknown)
	}
	return g, err
}

// Absences lists who is away or will be: everybody, or one person.
func (s *Store) Absences(ctx context.Context, of people.ID) ([]Gone, error) {
	rows, err := s.Pool.Query(ctx, selectGone+`a.ended_at is null and a.until > $1 and ($2 = '' or $2 = a.person_id) order by a.starts_at, a.id limit 1000`,
		s.now(), of)
	if err != nil {
		return nil, fmt.Errorf("absences: %w", err)
	}
	out, err := pgx.CollectRows(rows, scanGone)
	if err != nil {
		return nil, fmt.Errorf("absences: %w", err)
	}
	return out, nil
}
