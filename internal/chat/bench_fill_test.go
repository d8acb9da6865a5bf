package chat_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/jackc/pgx/v5"
)

// fillClients makes so many cases for each client of pgbench.
func (d *desk) fillClients(b *testing.B, each int) {
	b.Helper()
	d.fillWhere(b, fmt.Sprintf(`select c * 100000 + n as i from generate_series(0, %d) c, generate_series(1, %d) n`, connections-1, each))
}

// fill puts documents into the tables that nobody will tap.
func (d *desk) fill(b *testing.B, n int) {
	b.Helper()
	d.fillWhere(b, fmt.Sprintf(`select 10000000 + i as i from generate_series(1, %d) i`, n))
}

func (d *desk) fillWhere(b *testing.B, numbers string) {
	b.Helper()
	owner, err := pgx.Connect(b.Context(), d.OwnerURL)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = owner.Close(context.WithoutCancel(b.Context())) }()
	for _, sql := range []string{
		`set synchronous_commit = off`,
		`begin`,
		`create temp table n as select i, lpad(to_hex(i), 26, '0') as id, 'sha256:' || md5(i::text) || md5(i::text || 'x') as hash from (` + numbers + `) x`,
		`insert into document (id, source, external_id, type, revision, hash, case_id, events, created_at)
			select 'doc_' || id, 'filled', id, 'payment_request', 1, hash, 'cas_' || id, 3, now() from n`,
		`insert into revision (document_id, revision, hash, body, amount_minor, currency, created_at)
			select 'doc_' || id, 1, hash, repeat('x', 700), 100, 'RUB', now() from n`,
		`insert into approval_case (id, document_id, state, route_key, route_version, rule, round, revision, hash, amount_minor, currency, parties, missing, step, opened_at, events, cards_at)
			select 'cas_' || id, 'doc_' || id, 'in_progress', 'payment_request', 1, 'three_steps', 1, 1, hash, 100, 'RUB', '{ivanova}', '{}', 0, now(), 2, 2 from n`,
		`insert into slot (case_id, round, step, no, person_id, because, state, asked_at)
			select 'cas_' || n.id, 1, 0, 0, p.id, 'x', 'open', now() from n, person p where p.external_id = 'petrov'`,
		`insert into event (id, document_id, document_seq, case_id, source, kind, at, body)
			select 'evt_' || lpad(to_hex(i::bigint * 8), 26, '0'), 'doc_' || id, 3, 'cas_' || id, 'filled', 'x', now(), repeat('x', 400) from n`,
		`commit`,
		`vacuum analyze`,
	} {
		if _, err := owner.Exec(b.Context(), sql); err != nil {
			b.Fatalf("%v in %s", err, sql)
		}
	}
}

// tapSQL is what is stored for one tap, statement by statement, each a round trip of its
// own: the same rows in the same tables under the same guards. As with a tap, what came
// in is committed before it is acted upon. A client counts its own cases; their ids are
// those that fill made.
const tapSQL = `\set n :n + 1
\set i :client_id * 100000 + :n
insert into telegram_update (bot_id, update_id, fast, actor, body, received_at, next_at, attempts) values (77, :i, true, 1, repeat('x', 700)::bytea, now(), now(), 1) on conflict (bot_id, update_id) do update set copies = telegram_update.copies + 1;
begin;
select id from document where id = (select document_id from approval_case where id = 'cas_' || lpad(to_hex(:i::bigint), 26, '0')) for update;
select d.id, d.revision, d.hash, d.events, r.body from document d join revision r on r.document_id = d.id and r.revision = d.revision where d.id = (select document_id from approval_case where id = 'cas_' || lpad(to_hex(:i::bigint), 26, '0'));
select * from approval_case where id = 'cas_' || lpad(to_hex(:i::bigint), 26, '0');
select s.*, v.verdict from slot s left join vote v on (v.case_id, v.round, v.step, v.no) = (s.case_id, s.round, s.step, s.no) where s.case_id = 'cas_' || lpad(to_hex(:i::bigint), 26, '0');
select version from directory_state;
insert into slot (case_id, round, step, no, person_id, because, state, asked_at) select 'cas_' || lpad(to_hex(:i::bigint), 26, '0'), 1, 1, 0, id, 'the role finance_manager', 'open', now() from person where external_id = 'sidorova';
insert into vote (case_id, round, step, no, person_id, revision, amount_minor, currency, verdict, reason, via, at) select 'cas_' || lpad(to_hex(:i::bigint), 26, '0'), 1, 0, 0, id, 1, 100, 'RUB', 'accept', '', 'chat', now() from person where external_id = 'petrov';
update slot set state = 'voted' where case_id = 'cas_' || lpad(to_hex(:i::bigint), 26, '0') and (round, step, no) = (1, 0, 0);
update approval_case set step = 1, events = events + 3 where id = 'cas_' || lpad(to_hex(:i::bigint), 26, '0');
update document set events = events + 3 where id = 'doc_' || lpad(to_hex(:i::bigint), 26, '0');
with e as (insert into event (id, document_id, document_seq, case_id, source, kind, at, body, fact) select 'evt_' || lpad(to_hex(:i::bigint * 8 + s), 26, '0'), 'doc_' || lpad(to_hex(:i::bigint), 26, '0'), 3 + s, 'cas_' || lpad(to_hex(:i::bigint), 26, '0'), 'filled', 'vote.cast', now(), repeat('x', 500), repeat('y', 500) from generate_series(1, 3) s returning seq) insert into event_new select seq from e;
update telegram_update set state = 'done', outcome = 'voted', settled_at = now() where bot_id = 77 and update_id = :i and state = 'new';
commit;
`

// pgbench runs a script at the same number of connections and gives transactions a second.
func (d *desk) pgbench(b *testing.B, script string, transactions int) float64 {
	b.Helper()
	program := filepath.Join(d.cluster.Binaries().Dir, "pgbench")
	if _, err := os.Stat(program); err != nil {
		b.Fatalf("pgbench is not beside the server's programs: install the postgresql package (%v)", err)
	}
	owner, err := pgx.ParseConfig(d.OwnerURL)
	if err != nil {
		b.Fatal(err)
	}
	file := filepath.Join(b.TempDir(), "approval.sql")
	if err := os.WriteFile(file, []byte(script), 0o600); err != nil {
		b.Fatal(err)
	}
	run := exec.CommandContext(b.Context(), program, "-n", "-M", "prepared", "-c", fmt.Sprint(connections), "-j", "2",
		"-t", fmt.Sprint(transactions/connections), "-f", file, "-D", fmt.Sprintf("n=%d", d.benched),
		"-h", owner.Host, "-U", owner.User, owner.Database)
	d.benched += transactions / connections
	run.Env = append(os.Environ(), "PGPASSWORD="+owner.Password)
	out, err := run.CombinedOutput()
	if err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	found := regexp.MustCompile(`tps = ([0-9.]+)`).FindSubmatch(out)
	if found == nil {
		b.Fatalf("no figure in: %s", out)
	}
	tps, err := strconv.ParseFloat(string(found[1]), 64)
	if err != nil {
		b.Fatal(err)
	}
	return tps
}
