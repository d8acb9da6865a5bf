package ledger_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"countersign/internal/approval"
	"countersign/internal/document"
	"countersign/internal/ledger"
	"countersign/internal/ledger/ledgertest"
)

// TestSchemaRefusesTheImpossible tries wrong states as the owner of the tables, whom no
// missing right protects from: only constraints and triggers are left to refuse.
func TestSchemaRefusesTheImpossible(t *testing.T) {
	t.Parallel()
	b := ledgertest.New(t)
	b.Post(t, "open")
	b.Vote(t, "open", ledgertest.Budget, approval.Accept, "")
	b.Post(t, "done")
	b.Approve(t, "done")
	st, err := b.Document(t.Context(), ledgertest.Key("done"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Consume(t.Context(), ledgertest.Key("done"), st.Hash, "pay-1"); err != nil {
		t.Fatal(err)
	}
	b.Post(t, "approved")
	b.Approve(t, "approved")
	b.Post(t, "gone")
	if _, err := b.Withdraw(t.Context(), ledgertest.Key("gone"), ""); err != nil {
		t.Fatal(err)
	}
	b.SequenceAll(t)
	owner, err := pgx.Connect(t.Context(), b.OwnerURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = owner.Close(t.Context()) })
	open := `(select case_id from document where external_id = 'open')`
	done := `(select case_id from document where external_id = 'done')`
	approved := `(select case_id from document where external_id = 'approved')`
	gone := `(select case_id from document where external_id = 'gone')`
	person := func(id string) string { return `(select id from person where external_id = '` + id + `')` }
	vote := func(c, step, no, who, verdict string) string {
		return `insert into vote select ` + c + `, 1, ` + step + `, ` + no + `, ` + person(who) + `, 1, 1, 'RUB', '` + verdict + `', 'x', 'chat', now()`
	}
	linkedAnew := func(from string) string {
		return `update telegram_link set unlinked_at = linked_at, unlinked_by = 'x', unlinked_why = 'x' where person_id = ` + person("sidorova") + `;
			insert into identity (person_id, issuer, subject, email, bound_at, bound_by) select ` + person("sidorova") + `, 'https://x', '1', 'a@b', now(), 'x';
			insert into telegram_link (person_id, account, how, linked_at, linked_by, identity_id, proved_at, decides_from)
				select person_id, 77, 'login', now(), 'x', id, now(), ` + from + ` from identity; `
	}
	asking := `update approval_case set asks = array['chat', 'totp'] where id = ` + open + `; `
	accepted := `state = 'approved', step = 0, decided_outcome = 'approved', decided_round = 1, decided_revision = 1, decided_at = now()`
	given := func(vote, word string) string { return strings.Replace(vote, "now()", "now(), '"+word+"'", 1) }
	knows := func(source, c string) string {
		return `insert into known_payee select '` + source + `', 'LLC-A', '407', '', ` + c
	}
	for name, c := range map[string]struct{ sql, code string }{
		"an accept with less than is asked":    {asking + vote(open, "1", "0", "sidorova", "accept"), "CS017"},
		"an accept with a little less":         {asking + given(vote(open, "1", "0", "sidorova", "accept"), "login"), "CS017"},
		"less than is asked, carried over":     {asking + carried(vote(open, "1", "0", "sidorova", "accept")), "CS017"},
		"a proof that is none":                 {given(vote(open, "1", "0", "sidorova", "accept"), "face"), "23514"},
		"a round asks for less":                {asking + `update approval_case set asks = array['chat', 'pin'] where id = ` + open, "CS017"},
		"a round asks for nothing":             {asking + `update approval_case set asks = '{}' where id = ` + open, "CS017"},
		"a round forgets to ask":               {asking + `update approval_case set asks = array['chat'] where id = ` + open, "CS017"},
		"something that is none is asked":      {`update approval_case set asks = array['chat', 'face'] where id = ` + open, "23514"},
		"nothing is asked":                     {`update approval_case set asks = array['chat', null] where id = ` + open, "23514"},
		"it is asked in steps of below none":   {`update approval_case set asks = '[0:1]={chat,totp}' where id = ` + open, "23514"},
		"it is asked in rows":                  {`update approval_case set asks = array[array['totp']] where id = ` + open, "23514"},
		"approved with less than is asked":     {`update approval_case set asks = array['pin'], ` + accepted + ` where id = ` + open, "CS017"},
		"a payee known by no payment":          {knows("erp1c", approved), "CS017"},
		"a payee of another system":            {knows("other", done), "CS017"},
		"a payee known by no case":             {knows("erp1c", "'x'"), "CS017"},
		"a known payee is changed":             {`update known_payee set account = 'x'`, "CS001"},
		"a known payee is forgotten":           {`delete from known_payee`, "CS001"},
		"known payees are emptied":             {`truncate known_payee`, "CS001"},
		"a second vote in a slot":              {vote(open, "0", "0", "petrov", "reject"), "CS011"},
		"a second vote that was carried":       {carried(vote(open, "0", "0", "petrov", "accept")), "23505"},
		"a vote of somebody who has left":      {`update telegram_link set unlinked_at = now(), unlinked_by = 'x', unlinked_why = 'x'; update person set active = false, deactivated_at = now(), deactivated_why = 'x' where external_id = 'orlova'; insert into slot select ` + open + `, 1, 1, 7, ` + person("orlova") + `, 'x', 'open', now(); ` + vote(open, "1", "7", "orlova", "accept"), "CS010"},
		"a vote by an account that is no more": {`update telegram_link set unlinked_at = now(), unlinked_by = 'x', unlinked_why = 'x'; ` + vote(open, "1", "0", "sidorova", "accept"), "CS016"},
		"a vote by an account that waits":      {linkedAnew("null") + vote(open, "1", "0", "sidorova", "accept"), "CS016"},
		"a vote by an account too new":         {linkedAnew("now() + interval '1 h'") + vote(open, "1", "0", "sidorova", "accept"), "CS016"},
		"a vote in a slot that was closed":     {`update slot set state = 'superseded' where state = 'open'; ` + vote(open, "1", "0", "sidorova", "accept"), "CS011"},
		"a stranger's vote":                    {vote(open, "1", "0", "kozlov", "accept"), "23503"},
		"a vote in a slot that is not there":   {carried(vote(open, "1", "7", "sidorova", "accept")), "23503"},
		"a vote of a later revision":           {strings.Replace(vote(open, "1", "0", "sidorova", "accept"), ", 1, 1, 'RUB'", ", 2, 1, 'RUB'", 1), "CS002"},
		"a vote on a case that ended":          {vote(gone, "0", "0", "petrov", "accept"), "CS008"},
		"a return without a question":          {strings.Replace(vote(open, "1", "0", "sidorova", "return"), "'x'", "''", 1), "23514"},
		"a verdict that is none":               {vote(open, "1", "0", "sidorova", "maybe"), "23514"},
		"a party of the document votes":        {`update approval_case set parties = array['SIDOROVA@example.org'] where id = ` + open + `; ` + vote(open, "1", "0", "sidorova", "accept"), "CS003"},
		"a party by a name of before votes":    {`update approval_case set barred = array[` + person("sidorova") + `] where id = ` + open + `; ` + vote(open, "1", "0", "sidorova", "accept"), "CS003"},
		"a party in capitals votes":            {`update approval_case set parties = array['SIDOROVA '] where id = ` + open + `; ` + vote(open, "1", "0", "sidorova", "accept"), "CS003"},
		"a vote is changed":                    {`update vote set verdict = 'reject'`, "CS001"},
		"a vote is removed":                    {`delete from vote`, "CS001"},
		"votes are emptied":                    {`truncate vote`, "CS001"},
		"triggers are switched off for a vote": {`set local session_replication_role = replica; update vote set verdict = 'reject'`, "42501"},
		"an event is changed":                  {`update event set body = '{}'`, "CS001"},
		"an event is removed":                  {`delete from event_new; delete from event`, "CS001"},
		"the feed is reordered":                {`update feed set pos = pos + 100`, "CS001"},
		"a revision is changed":                {`update revision set body = '{}'`, "CS001"},
		"a route version is changed":           {`update route_version set body = 'x'`, "CS001"},
		"one person asked twice in a step":     {`insert into slot select ` + open + `, 1, 1, 5, ` + person("sidorova") + `, 'x', 'open', now()`, "23505"},
		"a deputy by nothing":                  {`insert into slot select ` + open + `, 1, 1, 5, ` + person("kozlov") + `, 'x', 'open', now(), ` + person("sidorova"), "23514"},
		"somebody is his own deputy":           {`insert into slot select ` + open + `, 1, 1, 5, ` + person("kozlov") + `, 'x', 'open', now(), ` + person("kozlov") + `, array[1]`, "23514"},
		"nobody asked":                         {`insert into slot select ` + open + `, 1, 1, 5, 'per_00000000000000000000000000', 'x', 'open', now()`, "23503"},
		"two live cases of a document": {`insert into approval_case (id, document_id, state, route_key, route_version, rule, round, revision, hash, amount_minor, currency, parties, missing, step, opened_at, events)
			select 'cas_00000000000000000000000000', document_id, state, route_key, route_version, rule, round, revision, hash, amount_minor, currency, parties, missing, step, opened_at, events
			from approval_case where id = ` + open, "23505"},
		"approved without a decision":             {`update approval_case set state = 'approved' where id = ` + open, "23514"},
		"approved by nobody":                      {`update approval_case set state = 'approved', decided_outcome = 'approved', decided_round = 2, round = 2, decided_revision = 1, decided_at = now() where id = ` + open, "CS009"},
		"a consumed decision is taken by another": {`update approval_case set consumed_ref = 'pay-2' where id = ` + done, "CS005"},
		"a consumed decision is given back":       {`update approval_case set consumed_ref = null, consumed_hash = null, consumed_at = null where id = ` + done, "CS005"},
		"a consumed case is withdrawn":            {`update approval_case set state = 'withdrawn' where id = ` + done, "23514"},
		"consumed before it is approved":          {`update approval_case set consumed_ref = 'p', consumed_hash = hash, consumed_at = now() where id = ` + open, "CS012"},
		"consumed for another content":            {`update approval_case set consumed_ref = 'p', consumed_hash = 'sha256:` + strings.Repeat("0", 64) + `', consumed_at = now() where id = ` + approved, "CS012"},
		"consumed without its files":              {`update approval_case set missing = array['x'] where id = ` + approved + `; update approval_case set consumed_ref = 'p', consumed_hash = hash, consumed_at = now() where id = ` + approved, "CS012"},
		"an approval is undone":                   {`update approval_case set state = 'in_progress' where id = ` + approved, "CS013"},
		"approved without its files":              {`update approval_case set missing = array['x'], step = 0, state = 'approved', decided_outcome = 'approved', decided_round = 1, decided_revision = 1, decided_at = now() where id = ` + open, "CS014"},
		"approved without the last steps":         {`update approval_case set step = 2, state = 'approved', decided_outcome = 'approved', decided_round = 1, decided_revision = 1, decided_at = now() where id = ` + open, "CS009"},

		"a case that ended goes on":     {`update approval_case set state = 'in_progress' where id = ` + gone, "CS006"},
		"a case goes back":              {`update approval_case set events = 1, cards_at = 0 where id = ` + open, "CS007"},
		"a state that is none":          {`update approval_case set state = 'fine' where id = ` + open, "23514"},
		"a document of another content": {`update document set hash = 'sha256:` + strings.Repeat("0", 64) + `' where external_id = 'open'; set constraints all immediate`, "23503"},
		"a sum of nothing":              {revisionSQL("0", "RUB"), "23514"},
		"a negative sum":                {revisionSQL("-5", "RUB"), "23514"},
		"a sum beyond all":              {revisionSQL("1000000000000000000", "RUB"), "23514"},
		"a currency that is none":       {revisionSQL("5", "rubles"), "23514"},
		"the same document twice":       {`insert into document (id, source, external_id, type, revision, hash, created_at) select 'doc_00000000000000000000000000', source, external_id, type, revision, hash, now() from document where external_id = 'open'`, "23505"},
		"two events of one number":      {`insert into event (id, document_id, document_seq, source, kind, at, body) select 'evt_00000000000000000000000000', id, 1, source, 'x', now(), '{}' from document where external_id = 'open'`, "23505"},
	} {
		tx, err := owner.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_, err = tx.Exec(t.Context(), c.sql)
		if err == nil {
			_, err = tx.Exec(t.Context(), `set constraints all immediate`)
		}
		var refused *pgconn.PgError
		if !errors.As(err, &refused) || refused.Code != c.code {
			t.Errorf("%s: %v, want code %s", name, err, c.code)
		}
		if err := tx.Rollback(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// carried makes a vote one that was cast in the step before.
func carried(vote string) string { return strings.Replace(vote, "'chat'", "'carried'", 1) }

func revisionSQL(minor, currency string) string {
	return `insert into revision select id, 9, hash, '{}', ` + minor + `, '` + currency + `', now() from document where external_id = 'open'`
}

// TestServiceOwnsNothing: what even the schema would let an owner do, the service's role
// may not.
func TestServiceOwnsNothing(t *testing.T) {
	t.Parallel()
	b := ledgertest.New(t)
	b.Post(t, "1")
	for name, sql := range map[string]string{
		"drop a guard":           `drop trigger vote_gate on vote`,
		"switch a guard off":     `alter table vote disable trigger all`,
		"remove a document":      `delete from document`,
		"remove a case":          `delete from approval_case`,
		"remove a slot":          `delete from slot`,
		"change a vote":          `update vote set verdict = 'reject'`,
		"empty the events":       `truncate event`,
		"change a revision":      `update revision set body = '{}'`,
		"switch triggers off":    `set session_replication_role = replica`,
		"make a table":           `create table mine (x int)`,
		"change a file":          `update file set size = 1`,
		"look at other secrets":  `select * from pg_authid`,
		"replace a function":     `create or replace function vote_gate() returns trigger language plpgsql as 'begin return new; end'`,
		"forget what was placed": `delete from feed`,
		"name a table so":        `create temp table person (id text)`,
		"ask somebody else":      `update slot set person_id = person_id`,
		"rename a document":      `update document set external_id = 'x'`,
		"move a case":            `update approval_case set document_id = document_id`,
		"forget a payee":         `delete from known_payee`,
		"change a known payee":   `update known_payee set account = 'x'`,
		"say more was given":     `update vote set assurance = 'passkey'`,
		"say for whom it was":    `update vote set for_person = person_id`,
		"ask for somebody else":  `update slot set for_person = person_id`,
		"prolong a delegation":   `update delegation set until = until + interval '1 day'`,
		"forget a delegation":    `delete from delegation`,
	} {
		_, err := b.Pool.Exec(t.Context(), sql)
		var refused *pgconn.PgError
		if !errors.As(err, &refused) || refused.Code != "42501" {
			t.Errorf("%s: %v, want insufficient privilege", name, err)
		}
	}
}

func TestRouteIsPublishedAsVersionsAndCasesKeepTheirs(t *testing.T) {
	t.Parallel()
	b := ledgertest.New(t)
	b.Post(t, "1")
	if v, err := b.Publish(t.Context(), []byte(ledgertest.Route()), "test"); err != nil || v.Version != 1 {
		t.Errorf("the same text again: %+v, %v", v, err)
	}
	shorter, _, _ := strings.Cut(ledgertest.Route(), "[[rule.step]]\nkey = \"finance_manager\"")
	if v, err := b.Publish(t.Context(), []byte(shorter), "test"); err != nil || v.Version != 2 {
		t.Fatalf("a shorter route: %+v, %v", v, err)
	}
	d := ledgertest.Payment("1")
	d.Amount.Minor++
	st, err := b.Submit(t.Context(), ledger.Submission{Key: ledgertest.Key("1"), Document: d})
	if err != nil || st.Case.Plan.Version != 1 || len(st.Case.Plan.Steps) != 3 || st.Class != document.Material {
		t.Errorf("the running case: version %d, %v", st.Case.Plan.Version, err)
	}
	if st := b.Post(t, "2"); st.Case.Plan.Version != 2 || len(st.Case.Plan.Steps) != 1 {
		t.Errorf("a new case: version %d", st.Case.Plan.Version)
	}
	nobody := strings.ReplaceAll(ledgertest.Route(), `"treasurer"`, `"astronaut"`)
	if _, err := b.Publish(t.Context(), []byte(nobody), "test"); err == nil {
		t.Error("a route that asks nobody was published")
	}
}
