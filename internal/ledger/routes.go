package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/route"
)

type routeName struct {
	key     string
	version int
}

type keptRoute = route.Route

// querier is what reads: a pool, a connection, a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// route gives one version of a route, from memory when it was read before.
func (db *DB) route(ctx context.Context, q querier, name routeName) (route.Route, error) {
	db.routes.mu.Lock()
	r, ok := db.routes.kept[name]
	db.routes.mu.Unlock()
	if ok {
		return r, nil
	}
	var body string
	err := q.QueryRow(ctx, `select body from route_version where key = $1 and version = $2`, name.key, name.version).Scan(&body)
	if err != nil {
		return route.Route{}, fmt.Errorf("route %s version %d: %w", name.key, name.version, err)
	}
	if r, err = route.Read([]byte(body)); err != nil {
		return route.Route{}, fmt.Errorf("route %s version %d: %w", name.key, name.version, err)
	}
	r.Version = name.version
	db.routes.mu.Lock()
	defer db.routes.mu.Unlock()
	if db.routes.kept == nil {
		db.routes.kept = map[routeName]keptRoute{}
	}
	db.routes.kept[name] = r
	return r, nil
}

// Published is a version of a route as it was published.
type Published struct {
	Key     string
	Version int
	Type    string
	At      time.Time
	By      string
	Live    bool
}

// Publish stores the text of a route as its next version and makes it the one that
// new cases of its type of document take. Cases that run keep theirs. The same text as
// the live version is no new version.
func (db *DB) Publish(ctx context.Context, text []byte, by string) (Published, error) {
	r, err := route.Parse(text)
	if err != nil {
		return Published{}, err
	}
	dir, err := db.Directory.Snapshot(ctx)
	if err != nil {
		return Published{}, err
	}
	if err := r.CheckPeople(dir); err != nil {
		return Published{}, err
	}
	out := Published{Key: r.Key, Type: r.Document, At: db.Now(), By: by, Live: true}
	err = pgx.BeginFunc(ctx, db.Pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtext('countersign.routes'))`); err != nil {
			return err
		}
		var last string
		err := tx.QueryRow(ctx, `select version, body from route_version where key = $1 order by version desc limit 1`, r.Key).
			Scan(&out.Version, &last)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		if last != string(text) {
			out.Version++
			if _, err := tx.Exec(ctx, `insert into route_version (key, version, type, body, published_by, published_at)
				values ($1, $2, $3, $4, $5, $6)`, out.Key, out.Version, out.Type, string(text), by, out.At); err != nil {
				return err
			}
		}
		_, err = tx.Exec(ctx, `insert into route_live (type, key, version) values ($1, $2, $3)
			on conflict (type) do update set key = excluded.key, version = excluded.version`, out.Type, out.Key, out.Version)
		return err
	})
	if err != nil {
		return Published{}, fmt.Errorf("publish route %s: %w", r.Key, classify(err))
	}
	return out, nil
}

// Routes lists every version of every route, newest first.
func (db *DB) Routes(ctx context.Context) ([]Published, error) {
	rows, err := db.Pool.Query(ctx, `select v.key, v.version, v.type, v.published_at, v.published_by, l.type is not null
		from route_version v left join route_live l on (l.key, l.version) = (v.key, v.version)
		order by v.key, v.version desc`)
	if err != nil {
		return nil, fmt.Errorf("routes: %w", classify(err))
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Published])
}
