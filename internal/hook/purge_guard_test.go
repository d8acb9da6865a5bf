package hook_test

import (
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// TestHistoryIsRemovedByThePurgeAlone tries to remove history otherwise: as the service,
// and as the owner, whom only triggers can refuse.
func TestHistoryIsRemovedByThePurgeAlone(t *testing.T) {
	t.Parallel()
	a := newAged(t)
	owner, err := pgxpool.New(t.Context(), a.ledger.OwnerURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(owner.Close)
	const say = `set local countersign.purge = 'webhook'; `
	for name, test := range map[string]struct {
		as        *pgxpool.Pool
		sql, code string
	}{
		"the service removes attempts":                  {a.ledger.Pool, `delete from webhook_attempt`, "42501"},
		"the service says that it purges attempts":      {a.ledger.Pool, say + `delete from webhook_attempt`, "42501"},
		"the service removes deliveries":                {a.ledger.Pool, `delete from delivery`, "42501"},
		"the service says that it purges":               {a.ledger.Pool, say + `delete from delivery`, "42501"},
		"the service changes an attempt":                {a.ledger.Pool, `update webhook_attempt set status = 200`, "42501"},
		"the service moves the horizon":                 {a.ledger.Pool, `insert into webhook_horizon values ('whk_x', 1, now())`, "42501"},
		"the service forgets the horizon":               {a.ledger.Pool, `delete from webhook_horizon`, "42501"},
		"the service purges what is young":              {a.ledger.Pool, `select webhook_purge_deliveries(now() - interval '6 days', '-infinity', 0)`, "CS027"},
		"the service purges attempts that are young":    {a.ledger.Pool, `select webhook_purge_attempts(now() - interval '6 days', '-infinity')`, "CS027"},
		"the service purges without a moment":           {a.ledger.Pool, `select webhook_purge_deliveries(null, '-infinity', 0)`, "CS027"},
		"the service purges to the end of time":         {a.ledger.Pool, `select webhook_purge_attempts('infinity', '-infinity')`, "CS027"},
		"the service replaces the purge":                {a.ledger.Pool, `create or replace function webhook_kept(since timestamptz) returns boolean language sql as 'select false'`, "42501"},
		"the service opens the purge":                   {a.ledger.Pool, `alter function webhook_purge_attempts(timestamptz, timestamptz) set search_path = pg_temp`, "42501"},
		"the owner removes old attempts":                {owner, `delete from webhook_attempt where at < now() - interval '90 days'`, "CS001"},
		"the owner purges young attempts":               {owner, say + `delete from webhook_attempt where at > now() - interval '7 days'`, "CS001"},
		"the owner changes an old attempt":              {owner, say + `update webhook_attempt set status = 200`, "CS001"},
		"the owner empties the attempts":                {owner, say + `truncate webhook_attempt`, "CS001"},
		"the owner removes old deliveries":              {owner, `delete from delivery where settled_at < now() - interval '90 days'`, "CS026"},
		"the owner purges what is due":                  {owner, say + `delete from delivery where state = 'due' and at < now() - interval '90 days'`, "CS026"},
		"the owner purges what was settled lately":      {owner, say + `delete from delivery where settled_at > now() - interval '7 days'`, "CS026"},
		"the owner empties the deliveries":              {owner, say + `truncate delivery`, "CS026"},
		"what a purge said holds when it is over":       {owner, `select webhook_purge_attempts(now() - interval '80 days', '-infinity'); delete from webhook_attempt where at < now() - interval '20 days'`, "CS001"},
		"what a purge of deliveries said, when over":    {owner, `select webhook_purge_deliveries(now() - interval '80 days', '-infinity', 0); delete from delivery where settled_at < now() - interval '20 days'`, "CS026"},
		"triggers are switched off":                     {owner, `set local session_replication_role = replica; delete from webhook_attempt`, "42501"},
		"triggers are switched off, and it says purged": {a.ledger.Pool, `set local session_replication_role = replica`, "42501"},
	} {
		err := pgx.BeginFunc(t.Context(), test.as, func(tx pgx.Tx) error {
			_, err := tx.Exec(t.Context(), test.sql)
			return errors.Join(err, errors.New("undo"))
		})
		var refused *pgconn.PgError
		if !errors.As(err, &refused) || refused.Code != test.code {
			t.Errorf("%s: %v, want %s", name, err, test.code)
		}
	}
	var anybody bool
	err = owner.QueryRow(t.Context(), `select bool_or(has_function_privilege('public', oid, 'execute')) from pg_proc
		where proname in ('webhook_purge_attempts', 'webhook_purge_deliveries') having count(*) = 2`).Scan(&anybody)
	if err != nil || anybody {
		t.Errorf("anybody may purge: %v, %v", anybody, err)
	}
}

// TestPurgeIsNotLedAstray calls the purge from a session that has tables of the same
// names and looks for them first. It is the owner's: on some servers the service cannot
// make any.
func TestPurgeIsNotLedAstray(t *testing.T) {
	t.Parallel()
	a := newAged(t)
	owner, err := pgxpool.New(t.Context(), a.ledger.OwnerURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(owner.Close)
	n := 0
	err = pgx.BeginFunc(t.Context(), owner, func(tx pgx.Tx) error {
		if _, err := tx.Exec(t.Context(), `create temp table delivery on commit drop as select * from public.delivery;
			create temp table webhook_horizon on commit drop as select * from public.webhook_horizon;
			set local search_path = pg_temp, public`); err != nil {
			return err
		}
		if err := tx.QueryRow(t.Context(), `select removed from webhook_purge_deliveries(now() - interval '90 days', '-infinity', 0)`).Scan(&n); err != nil {
			return err
		}
		var copies int
		err := tx.QueryRow(t.Context(), `select count(*) from pg_temp.delivery`).Scan(&copies)
		if copies != 7 {
			t.Errorf("%d copies left of 7", copies)
		}
		return err
	})
	if err != nil || n != 3 {
		t.Errorf("%d deliveries purged, %v; want 3", n, err)
	}
	if left := len(a.deliveries(a.main.ID)); left != 3 {
		t.Errorf("%d deliveries left, want 3", left)
	}
}
