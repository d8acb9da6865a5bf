package deed

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"countersign/internal/ident"
)

// Execer is a pool or somebody's transaction.
type Execer interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

// One that is there already, and whose end is not known, gets its end.
const noteDeed = `insert into video_deed as d (id, at, by_whom, person_id, source, key_id, what, server, conference, session, meeting, link, about, topic, owner, people, recording, outcome, fault, ended_at)
	values ($1, coalesce($2, statement_timestamp()), $3, nullif($4, ''), $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, nullif($18, ''), $19,
		case when $18 <> '' then greatest($2, statement_timestamp()) end)
	on conflict (id) do update set outcome = excluded.outcome, fault = excluded.fault, ended_at = greatest(d.at, statement_timestamp())
	where d.outcome is null and excluded.outcome is not null`

// Note writes a deed down, once the transaction is committed; or how one ended that was
// written down before by the same id.
func Note(ctx context.Context, tx Execer, d Deed) error {
	row, err := d.row()
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, noteDeed, row...); err != nil {
		return fmt.Errorf("record of %s: %w", d.What, err)
	}
	return nil
}

// Lend gives what writes deeds down in a batch of somebody else's transaction.
func Lend(all ...Deed) (func(b *pgx.Batch), error) {
	var rows [][]any
	for _, d := range all {
		row, err := d.row()
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return func(b *pgx.Batch) {
		for _, row := range rows {
			b.Queue(noteDeed, row...)
		}
	}, nil
}

func (d Deed) row() ([]any, error) {
	const name, place, title, fault = 200, 1000, 500, 500
	if d.ID == "" {
		var err error
		if d.ID, err = ident.New("vdd"); err != nil {
			return nil, err
		}
	}
	var at *time.Time
	if !d.At.IsZero() {
		at = &d.At
	}
	return []any{
		d.ID, at, d.By.kind(), d.By.Person, plain(d.By.Source, name), plain(d.By.Key, 100), d.What, plain(d.Server, place), plain(d.Conference, place), plain(d.Session, place),
		d.Meeting, d.Link, plain(d.About, 100), plain(d.Topic, title), plain(d.Owner, name), max(d.People, -1), d.Recording, d.Outcome, plain(d.Fault, fault),
	}, nil
}
