package videowatch

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"countersign/internal/people"
)

// Wants is what somebody wants to be told of a server.
type Wants struct {
	Alerts    bool // that a part of it is down, or back, or soon will be
	Forgotten bool // conferences that were left running
}

// The roles of those who may look after a server, each with the rights of the one before.
const (
	viewer        = "video_viewer"
	operator      = "video_operator"
	administrator = "video_administrator"
)

// usual is what somebody is told who chose nothing; none says that he has no right to it.
func usual(who people.Person, server string) (w Wants, none bool) {
	holds := func(name string) bool {
		return who.Holds(people.Role{Name: name}) || who.Holds(people.Role{Name: name, Scope: server})
	}
	if holds(operator) || holds(administrator) {
		return Wants{Alerts: true, Forgotten: true}, false
	}
	return Wants{}, !holds(viewer)
}

// Wants is what a person is told of a server: what he chose, or else what his role is told.
func (s *Store) Wants(ctx context.Context, who people.Person, server string) (Wants, error) {
	out, none := usual(who, server)
	if none {
		return Wants{}, nil
	}
	err := s.Pool.QueryRow(ctx, `select alerts, forgotten from watch_want where person_id = $1 and server = $2`, who.ID, server).Scan(&out.Alerts, &out.Forgotten)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return Wants{}, fmt.Errorf("wants of %s: %w", who.ID, err)
	}
	return out, nil
}

// Want keeps what a person chose to be told of a server.
func (s *Store) Want(ctx context.Context, who people.ID, server string, w Wants) error {
	_, err := s.Pool.Exec(ctx, `insert into watch_want (person_id, server, alerts, forgotten) values ($1, $2, $3, $4)
		on conflict (person_id, server) do update set (alerts, forgotten) = (excluded.alerts, excluded.forgotten)`, who, server, w.Alerts, w.Forgotten)
	if err != nil {
		return fmt.Errorf("wants of %s: %w", who, err)
	}
	return nil
}

// crowd is who is told of a server. Nobody says that there is nobody who could be, which is
// not the same as that nobody wants to.
type crowd struct {
	people []people.Person
	nobody bool
}

func (c crowd) ids() []people.ID {
	out := make([]people.ID, len(c.people))
	for i, p := range c.people {
		out[i] = p.ID
	}
	return out
}

// audience is who is told of a server now.
func audience(ctx context.Context, tx Tx, dir people.Directory, server string, wanted func(Wants) bool) (crowd, error) {
	chosen, err := choices(ctx, tx, server)
	if err != nil {
		return crowd{}, err
	}
	out, met := crowd{nobody: true}, map[people.ID]bool{}
	for _, p := range slices.Concat(dir.WithRole(viewer), dir.WithRole(operator), dir.WithRole(administrator)) {
		w, none := usual(p, server)
		if none || met[p.ID] || !p.Linked() {
			continue
		}
		met[p.ID] = true
		choice, chose := chosen[p.ID]
		if chose {
			w = choice
		}
		if chose || w != (Wants{}) { // a viewer who chose nothing looks after nothing
			out.nobody = false
		}
		if wanted(w) {
			out.people = append(out.people, p)
		}
	}
	return out, nil
}

func choices(ctx context.Context, tx Tx, server string) (map[people.ID]Wants, error) {
	rows, err := tx.Query(ctx, `select person_id, alerts, forgotten from watch_want where server = $1`, server)
	if err != nil {
		return nil, err
	}
	out := map[people.ID]Wants{}
	var id people.ID
	var w Wants
	_, err = pgx.ForEachRow(rows, []any{&id, &w.Alerts, &w.Forgotten}, func() error {
		out[id] = w
		return nil
	})
	return out, err
}
