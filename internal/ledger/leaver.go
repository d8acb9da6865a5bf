package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"countersign/internal/directory"
	"countersign/internal/people"
	"countersign/internal/route"
)

// ErrSole comes back when the person is the last who could decide somewhere, so he cannot leave before
// somebody else can.
var ErrSole = errors.New("the last approver cannot leave without a successor")

// SoleError says where somebody is the last one.
type SoleError struct{ Where []string }

// Error says it with what to do.
func (e *SoleError) Error() string {
	return fmt.Sprintf("%v: %s; give somebody else the role first (to stop his account at once, freeze it)", ErrSole, strings.Join(e.Where, "; "))
}

// Is makes it ErrSole.
func (e *SoleError) Is(target error) bool { return target == ErrSole }

// Leave deactivates somebody who left: his Telegram link ends, his open slots are asked of
// others, his votes stand. It gives the steps of live routes that still name him. Whoever
// is the last one of a step stays, and the error is a *SoleError.
func (db *DB) Leave(ctx context.Context, actor, externalID, reason string) (named []string, err error) {
	// under one lock: two who are each other's successor cannot leave at once
	err = db.Directory.Edit(ctx, actor, directory.Apply, func(e *directory.Edit) error {
		dir, err := e.People(ctx)
		if err != nil {
			return err
		}
		if named, err = mayLeave(ctx, e, dir, externalID); err != nil {
			return err
		}
		return e.Deactivate(ctx, externalID, reason)
	})
	if err != nil {
		return nil, err
	}
	_, err = db.PeopleChanged(ctx, externalID)
	return named, err
}

// PutUser stores a person as [directory.Store.PutUser] does, unless that takes a role from
// the last one who could decide somewhere: he keeps it, and the error is a *SoleError.
func (db *DB) PutUser(ctx context.Context, actor string, u directory.User) (c directory.Change, err error) {
	err = db.Directory.Edit(ctx, actor, directory.Apply, func(e *directory.Edit) error {
		was, err := e.User(ctx, u.ExternalID)
		if err != nil && !errors.Is(err, directory.ErrUnknown) {
			return err
		}
		loses := was.Active && slices.ContainsFunc(was.Roles, func(r people.Role) bool { return !slices.Contains(u.Roles, r) })
		var before people.Directory
		if loses { // as is rare: else nobody needs to be looked at
			if before, err = e.People(ctx); err != nil {
				return err
			}
		}
		if c, err = e.Put(ctx, u); err != nil || !loses {
			return err
		}
		return mayLose(ctx, e, before)
	})
	return c, err
}

func mayLose(ctx context.Context, e *directory.Edit, before people.Directory) error {
	after, err := e.People(ctx)
	if err != nil {
		return err
	}
	routes, err := liveRoutes(ctx, e)
	if err != nil {
		return err
	}
	var where []string
	for _, r := range routes {
		where = append(where, r.Loses(before, after)...)
	}
	if len(where) > 0 {
		return &SoleError{Where: where}
	}
	return nil
}

// MayLeave says whether somebody can leave, with the steps that name him. Nobody by that
// name, or somebody who left before, is no error.
func (db *DB) MayLeave(ctx context.Context, externalID string) (named []string, err error) {
	dir, err := db.Directory.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	return mayLeave(ctx, db.Pool, dir, externalID)
}

func mayLeave(ctx context.Context, q directory.Querier, dir people.Directory, externalID string) (named []string, err error) {
	p, ok := dir.Find(externalID)
	if !ok || p.ExternalID != externalID || !p.Active {
		return nil, nil
	}
	routes, err := liveRoutes(ctx, q)
	if err != nil {
		return nil, err
	}
	var where []string
	for _, r := range routes {
		where = append(where, r.Sole(dir, p.ID)...)
		named = append(named, r.Names(dir, p.ID)...)
	}
	if len(where) > 0 {
		return nil, &SoleError{Where: where}
	}
	return named, nil
}

// LiveRoutes lists the routes that new cases take.
func (db *DB) LiveRoutes(ctx context.Context) ([]route.Route, error) { return liveRoutes(ctx, db.Pool) }

func liveRoutes(ctx context.Context, q directory.Querier) ([]route.Route, error) {
	rows, err := q.Query(ctx, `select v.body from route_live l join route_version v on (v.key, v.version) = (l.key, l.version) order by v.key`)
	if err != nil {
		return nil, fmt.Errorf("live routes: %w", classify(err))
	}
	texts, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("live routes: %w", classify(err))
	}
	out := make([]route.Route, len(texts))
	for i, text := range texts {
		if out[i], err = route.Parse([]byte(text)); err != nil {
			return nil, err
		}
	}
	return out, nil
}
