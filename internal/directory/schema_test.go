package directory_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"countersign/internal/directory"
	"countersign/internal/postgres/postgrestest"
)

type row = postgrestest.Row

const (
	one = "00000000000000000000000001"
	two = "00000000000000000000000002"
)

const anyIdentity = "(select min(id) from identity)"

// furnished makes one row of everything; sample gives a second one that may stand beside it.
func furnished() []string {
	return []string{
		row{"id": "'per_" + one + "'", "external_id": "'anna'", "name": "'Anna'", "email": "'anna@corp.example'", "workspace_id": "'g1'", "created_at": "now()"}.Insert("person"),
		row{"id": "'per_" + two + "'", "external_id": "'boris'", "name": "'Boris'", "created_at": "now()"}.Insert("person"),
		row{"id": "'per_00000000000000000000000009'", "external_id": "'gone'", "name": "'G'", "created_at": "now()", "active": "false", "deactivated_at": "now()", "deactivated_why": "'left'"}.Insert("person"),
		row{"person_id": "'per_" + one + "'", "role": "'treasurer'"}.Insert("person_role"),
		row{"person_id": "'per_" + one + "'", "issuer": "'https://login.example'", "subject": "'1'", "email": "'a@corp.example'", "bound_at": "now()", "bound_by": "'link'"}.Insert("identity"),
		row{"person_id": "'per_" + one + "'", "account": "100", "how": "'login'", "linked_at": "now()", "linked_by": "'link'", "identity_id": anyIdentity, "proved_at": "now()", "decides_from": "now()"}.Insert("telegram_link"),
		row{"id": "'cht_" + one + "'", "external_id": "'finance'", "telegram_chat_id": "-1001234567890", "title": "'F'", "kind": "'supergroup'", "created_at": "now()"}.Insert("chat"),
		row{"name": "'erp1c'", "created_at": "now()"}.Insert("source"),
		row{"id": "'csk_aaaaaaaaaaaa'", "source": "'erp1c'", "name": "'k'", "secret_hash": "sha256('a')", "scopes": "'{consume}'", "created_at": "now()", "expires_at": "now() + interval '1 day'"}.Insert("api_key"),
		row{"at": "now()", "actor": "'a'", "what": "'a.b'", "subject": "'s'", "after": "'{}'"}.Insert("directory_journal"),
	}
}

func sample(table string) row {
	return map[string]row{
		"person":            {"id": "'per_00000000000000000000000003'", "external_id": "'clara'", "name": "'C'", "email": "'c@corp.example'", "locale": "'ru-RU'", "created_at": "now()"},
		"person_role":       {"person_id": "'per_" + two + "'", "role": "'treasurer'", "scope": "'LLC-A'"},
		"telegram_link":     {"person_id": "'per_" + two + "'", "account": "4503599627370496", "how": "'administrator'", "linked_at": "now()", "linked_by": "'admin'", "decides_from": "now()"},
		"identity":          {"person_id": "'per_" + two + "'", "issuer": "'https://login.example'", "subject": "'2'", "email": "'b@corp.example'", "bound_at": "now()", "bound_by": "'link'"},
		"chat":              {"id": "'cht_" + two + "'", "external_id": "'other'", "telegram_chat_id": "-1001234567890", "thread_id": "2", "title": "'O'", "kind": "'supergroup'", "created_at": "now()", "notices": "'{a,b}'", "migrated_from": "-5", "fault": "'kicked'", "fault_at": "now()"},
		"source":            {"name": "'other.erp_2-x'", "created_at": "now()"},
		"api_key":           {"id": "'csk_aaaaaaaaaaa2'", "source": "'erp1c'", "name": "'k'", "secret_hash": "sha256('b')", "scopes": "'{consume,events:read}'", "created_at": "now()", "expires_at": "now() + interval '366 days'", "revoked_at": "now()", "revoked_by": "'a'"},
		"directory_state":   {"version": "0"},
		"directory_journal": {"at": "now()", "actor": "'a'", "what": "'a.b'", "subject": "'s'", "before": "'{}'"},
	}[table]
}

func repeated(s string, n int) string { return "repeat('" + s + "', " + fmt.Sprint(n) + ")" }

// badRows are rows that the constraint named must refuse.
func badRows() []struct {
	guard, table string
	change       row
} {
	return []struct {
		guard, table string
		change       row
	}{
		{"person_pkey", "person", row{"id": "'per_" + one + "'"}},
		{"person_id_check", "person", row{"id": "'per_1'"}},
		{"person_id_check", "person", row{"id": "'cht_00000000000000000000000003'"}},
		{"person_id_check", "person", row{"id": "'per_0000000000000000000000000i'"}},
		{"person_external_id_once", "person", row{"external_id": "'anna'"}},
		{"person_external_id_check", "person", row{"external_id": "''"}},
		{"person_external_id_check", "person", row{"external_id": repeated("x", 201)}},
		{"person_external_id_check", "person", row{"external_id": "' x'"}},
		{"person_external_id_check", "person", row{"external_id": `E'a\nb'`}},
		{"person_name_check", "person", row{"name": "''"}},
		{"person_name_check", "person", row{"name": repeated("я", 201)}},
		{"person_name_check", "person", row{"name": `E'a\u0001b'`}},
		{"person_name_check", "person", row{"name": `E'a\u001fb'`}},
		{"person_name_check", "person", row{"name": `E'a\u007fb'`}},
		{"person_name_check", "person", row{"name": `E'a\u0085b'`}},
		{"person_name_check", "person", row{"name": `E'a\u061cb'`}},
		{"person_name_check", "person", row{"name": `E'a\u200fb'`}},
		{"person_name_check", "person", row{"name": `E'a\u2028b'`}},
		{"person_name_check", "person", row{"name": `E'a\u202eb'`}},
		{"person_name_check", "person", row{"name": `E'a\u2066b'`}},
		{"person_name_check", "person", row{"name": `E'a\ufeffb'`}},
		{"person_email_check", "person", row{"email": "'A@b'"}},
		{"person_email_check", "person", row{"email": "'a'"}},
		{"person_email_check", "person", row{"email": "'a@b@c'"}},
		{"person_email_check", "person", row{"email": "'a@b..c'"}},
		{"person_email_check", "person", row{"email": `E'a@b\n'`}},
		{"person_email_check", "person", row{"email": repeated("a", 250) + " || '@b.de'"}},
		{"person_email_once", "person", row{"email": "'anna@corp.example'"}},
		{"person_locale_check", "person", row{"locale": "'ru_RU'"}},
		{"person_locale_check", "person", row{"locale": "'ru-' || " + repeated("abcdefgh-", 4) + " || 'ab'"}},
		{"person_check", "person", row{"active": "false", "deactivated_why": "'left'"}},
		{"person_check1", "person", row{"active": "false", "deactivated_at": "now()"}},
		{"person_era_check", "person", row{"era": "-1"}},
		{"person_workspace_id_plain", "person", row{"workspace_id": "''"}},
		{"person_workspace_id_plain", "person", row{"workspace_id": "'a b'"}},
		{"person_workspace_id_plain", "person", row{"workspace_id": repeated("1", 256)}},
		{"person_workspace_once", "person", row{"workspace_id": "'g1'"}},
		{"person_frozen_whole", "person", row{"frozen_at": "now()", "frozen_by": "'a'"}},
		{"person_frozen_by_check", "person", row{"frozen_at": "now()", "frozen_by": "''", "frozen_why": "'w'"}},
		{"person_frozen_why_check", "person", row{"frozen_at": "now()", "frozen_by": "'a'", "frozen_why": "''"}},
		{"person_deactivated_why_check", "person", row{"active": "false", "deactivated_at": "now()", "deactivated_why": repeated("x", 501)}},

		{"person_role_pkey", "person_role", row{"person_id": "'per_" + one + "'", "scope": "''"}},
		{"person_role_person_id_fkey", "person_role", row{"person_id": "'per_00000000000000000000000007'"}},
		{"person_role_role_check", "person_role", row{"role": "'Treasurer'"}},
		{"person_role_role_check", "person_role", row{"role": repeated("a", 65)}},
		{"person_role_scope_check", "person_role", row{"scope": repeated("a", 101)}},
		{"person_role_scope_check", "person_role", row{"scope": "'a|b'"}},
		{"person_role_scope_check", "person_role", row{"scope": `E'a\tb'`}},

		{"telegram_link_person", "telegram_link", row{"person_id": "'per_00000000000000000000000007'", "unlinked_at": "now()", "unlinked_by": "'a'", "unlinked_why": "'w'"}},
		{"telegram_link_person_active", "telegram_link", row{"person_id": "'per_00000000000000000000000009'"}},
		{"telegram_link_live_person", "telegram_link", row{"person_id": "'per_" + one + "'"}},
		{"telegram_link_live_account", "telegram_link", row{"account": "100"}},
		{"telegram_link_account_check", "telegram_link", row{"account": "0"}},
		{"telegram_link_account_check", "telegram_link", row{"account": "-100"}},
		{"telegram_link_account_check", "telegram_link", row{"account": "4503599627370497"}},
		{"telegram_link_account_check", "telegram_link", row{"account": "777000"}},
		{"telegram_link_account_check", "telegram_link", row{"account": "1087968824"}},
		{"telegram_link_account_check", "telegram_link", row{"account": "136817688"}},
		{"telegram_link_how_check", "telegram_link", row{"how": "'magic'"}},
		{"telegram_link_seen_as_check", "telegram_link", row{"seen_as": repeated("x", 201)}},
		{"telegram_link_linked_by_check", "telegram_link", row{"linked_by": "''"}},
		{"telegram_link_check", "telegram_link", row{"unlinked_at": "now() - interval '1 s'", "unlinked_by": "'a'", "unlinked_why": "'w'"}},
		{"telegram_link_check1", "telegram_link", row{"unlinked_at": "now()", "unlinked_why": "'w'"}},
		{"telegram_link_check2", "telegram_link", row{"unlinked_at": "now()", "unlinked_by": "'a'"}},
		{"telegram_link_unlinked_by_check", "telegram_link", row{"unlinked_at": "now()", "unlinked_by": "''", "unlinked_why": "'w'"}},
		{"telegram_link_unlinked_why_check", "telegram_link", row{"unlinked_at": "now()", "unlinked_by": "'a'", "unlinked_why": "''"}},
		{"telegram_link_confirmed_by_check", "telegram_link", row{"confirmed_by": "''", "confirmed_at": "now()"}},
		{"telegram_link_confirmed_whole", "telegram_link", row{"confirmed_by": "'a'"}},
		{"telegram_link_confirmed_whole", "telegram_link", row{"confirmed_at": "now()"}},
		{"telegram_link_identity", "telegram_link", row{"how": "'login'", "proved_at": "now()", "identity_id": anyIdentity}},
		{"telegram_link_from", "telegram_link", row{"decides_from": "now() - interval '1 s'"}},
		{"telegram_link_by_administrator", "telegram_link", row{"decides_from": "null"}},
		{"telegram_link_proof", "telegram_link", row{"how": "'login'"}},
		{"telegram_link_proof", "telegram_link", row{"proved_at": "now()"}},
		{"telegram_link_proof", "telegram_link", row{"how": "'login'", "identity_id": anyIdentity}},
		{"telegram_link_pkey", "telegram_link", row{"id": "(select min(id) from telegram_link) overriding"}},

		{"identity_pkey", "identity", row{"id": "(select min(id) from identity) overriding"}},
		{"identity_person_id_fkey", "identity", row{"person_id": "'per_00000000000000000000000007'"}},
		{"identity_issuer_check", "identity", row{"issuer": "'accounts.google.com'"}},
		{"identity_issuer_check", "identity", row{"issuer": "'https://a b'"}},
		{"identity_issuer_check", "identity", row{"issuer": "'https://' || " + repeated("a", 248)}},
		{"identity_subject_check", "identity", row{"subject": "''"}},
		{"identity_subject_check", "identity", row{"subject": "'a b'"}},
		{"identity_subject_check", "identity", row{"subject": "'я'"}},
		{"identity_subject_check", "identity", row{"subject": repeated("1", 256)}},
		{"identity_email_check", "identity", row{"email": "''"}},
		{"identity_bound_by_check", "identity", row{"bound_by": "''"}},
		{"identity_live_subject", "identity", row{"subject": "'1'"}},
		{"identity_live_person", "identity", row{"person_id": "'per_" + one + "'"}},
		{"identity_check", "identity", row{"ended_at": "now() - interval '1 s'", "ended_by": "'a'", "ended_why": "'w'"}},
		{"identity_check1", "identity", row{"ended_at": "now()", "ended_why": "'w'"}},
		{"identity_check2", "identity", row{"ended_at": "now()", "ended_by": "'a'"}},
		{"identity_ended_by_check", "identity", row{"ended_at": "now()", "ended_by": "''", "ended_why": "'w'"}},
		{"identity_ended_why_check", "identity", row{"ended_at": "now()", "ended_by": "'a'", "ended_why": "''"}},

		{"chat_pkey", "chat", row{"id": "'cht_" + one + "'"}},
		{"chat_id_check", "chat", row{"id": "'cht_x'"}},
		{"chat_external_id_once", "chat", row{"external_id": "'finance'"}},
		{"chat_external_id_check", "chat", row{"external_id": "''"}},
		{"chat_telegram_chat_id_check", "chat", row{"telegram_chat_id": "-4503599627370497"}},
		{"chat_telegram_chat_id_check", "chat", row{"telegram_chat_id": "0", "kind": "'group'", "thread_id": "null"}},
		{"chat_thread_id_check", "chat", row{"thread_id": "0"}},
		{"chat_title_check", "chat", row{"title": repeated("x", 256)}},
		{"chat_notices_check", "chat", row{"notices": "'{a,a}'"}},
		{"chat_notices_check", "chat", row{"notices": "'{a,null}'"}},
		{"chat_notices_check", "chat", row{"notices": `'{""}'`}},
		{"chat_notices_check", "chat", row{"notices": "'{{a},{b}}'"}},
		{"chat_notices_check", "chat", row{"notices": `array[E'a\nb']`}},
		{"chat_notices_check", "chat", row{"notices": "(select array_agg('n' || i) from generate_series(1, 101) i)"}},
		{"chat_kind_check", "chat", row{"kind": "'forum'", "thread_id": "null"}},
		{"chat_migrated_from_check", "chat", row{"migrated_from": "5"}},
		{"chat_fault_check", "chat", row{"fault": repeated("x", 501)}},
		{"chat_check", "chat", row{"telegram_chat_id": "-5", "migrated_from": "null"}},
		{"chat_check1", "chat", row{"kind": "'channel'"}},
		{"chat_check2", "chat", row{"fault": "''"}},
		{"chat_check3", "chat", row{"migrated_from": "-1001234567890"}},
		{"chat_rules_check", "chat", row{"rules": "'{}'"}},
		{"chat_rules_check", "chat", row{"rules": "to_jsonb(array[" + repeated("x", 65537) + "])"}},
		{"chat_hidden_check", "chat", row{"hidden": "'{amount,amount}'"}},
		{"chat_changes_check", "chat", row{"changes": "0"}},
		{"chat_settled_check", "chat", row{"settled": "-1"}},
		{"chat_told_check", "chat", row{"told": repeated("x", 501)}},
		{"chat_place_once", "chat", row{"thread_id": "null"}},

		{"source_pkey", "source", row{"name": "'erp1c'"}},
		{"source_name_check", "source", row{"name": "'ERP'"}},
		{"source_name_check", "source", row{"name": "'a/b'"}},
		{"source_name_check", "source", row{"name": "''"}},
		{"source_name_check", "source", row{"name": repeated("s", 65)}},

		{"api_key_pkey", "api_key", row{"id": "'csk_aaaaaaaaaaaa'"}},
		{"api_key_id_check", "api_key", row{"id": "'csk_aaaaaaaaaaa1'"}},
		{"api_key_source_fkey", "api_key", row{"source": "'nobody'"}},
		{"api_key_name_check", "api_key", row{"name": "''"}},
		{"api_key_secret_hash_check", "api_key", row{"secret_hash": "'short'"}},
		{"api_key_secret_once", "api_key", row{"secret_hash": "sha256('a')"}},
		{"api_key_scopes_check", "api_key", row{"scopes": "'{}'"}},
		{"api_key_scopes_check", "api_key", row{"scopes": "'{root}'"}},
		{"api_key_scopes_check", "api_key", row{"scopes": "'{consume,consume}'"}},
		{"api_key_scopes_check", "api_key", row{"scopes": "'{consume,null}'"}},
		{"api_key_check", "api_key", row{"expires_at": "now()"}},
		{"api_key_check", "api_key", row{"expires_at": "now() + interval '367 days'"}},
		{"api_key_check1", "api_key", row{"revoked_at": "now() - interval '1 s'"}},
		{"api_key_check2", "api_key", row{"revoked_by": "null"}},
		{"api_key_revoked_by_check", "api_key", row{"revoked_by": "''"}},

		{"directory_journal_actor_check", "directory_journal", row{"actor": "''"}},
		{"directory_journal_what_check", "directory_journal", row{"what": "'something'"}},
		{"directory_journal_what_check", "directory_journal", row{"what": "'a.' || " + repeated("b", 63)}},
		{"directory_journal_subject_check", "directory_journal", row{"subject": "''"}},
		{"directory_journal_check", "directory_journal", row{"before": "null"}},
		{"directory_journal_pkey", "directory_journal", row{"id": "(select min(id) from directory_journal) overriding"}},

		{"directory_state_pkey", "directory_state", row{"version": "0"}},
		{"directory_state_one_check", "directory_state", row{"one": "false", "version": "0"}},
		{"directory_state_version_check", "directory_state", row{"version": "-1"}},
	}
}

// try runs a statement in a furnished database and takes everything back.
func try(tb testing.TB, h house, before []string, sql string) error {
	tb.Helper()
	return postgrestest.Try(tb, h.owner, append(furnished(), before...), sql)
}

func TestSchemaRefusesTheImpossible(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	tables := []string{"person", "person_role", "identity", "telegram_link", "chat", "source", "api_key", "directory_journal"}
	for _, table := range tables {
		if err := try(t, h, nil, sample(table).Insert(table)); err != nil {
			t.Errorf("a good %s: %v", table, err)
		}
	}
	tried := map[string]bool{}
	for _, bad := range badRows() {
		tried[bad.guard] = true
		sql := sample(bad.table).With(bad.change).Insert(bad.table)
		pg, ok := errors.AsType[*pgconn.PgError](try(t, h, nil, sql))
		if !ok || pg.ConstraintName != bad.guard {
			t.Errorf("%s: %v, want %s", sql, pg, bad.guard)
		}
	}
	tried["person_id_active"], tried["identity_of_person"] = true, true // follow from the primary key; only there to be referred to
	all := postgrestest.Guards(t, h.owner, append(tables, "directory_state")...)
	for _, guard := range all {
		if !tried[guard] {
			t.Errorf("%s is never tried", guard)
		}
	}
	if len(all) < 60 {
		t.Errorf("only %d guards found", len(all))
	}
}

// The code must refuse whatever the schema refuses, so that people get words and not an
// SQL error: both sides judge the same texts.
func TestCodeAndSchemaAgreeOnTexts(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var texts []string
	for _, part := range [][2]rune{{0x01, 0x300}, {0x600, 0x700}, {0x2000, 0x2100}} {
		for r := part[0]; r < part[1]; r++ {
			texts = append(texts, "a"+string(r)+"b")
		}
	}
	for _, r := range []rune{0xfeff, 0xfffd, 0x1f600, 0xe000, 0x10ffff} {
		texts = append(texts, "a"+string(r)+"b")
	}
	bySchema := ask[[]bool](t, h.app, "select array_agg(plain_text(x, 1, 200) order by no) from unnest($1::text[]) with ordinality as u (x, no)", texts)
	refused := 0
	for i, text := range texts {
		_, err := directory.ReadUsersCSV(strings.NewReader(head + `b,,"` + strings.ReplaceAll(text, `"`, `""`) + `",,,` + "\n"))
		if (err == nil) != bySchema[i] {
			t.Errorf("%q: schema %v, code %v", text, bySchema[i], err)
		}
		if err != nil {
			refused++
		}
	}
	if refused < 70 || refused > 100 {
		t.Errorf("%d of %d refused", refused, len(texts))
	}
}

func TestMigrationCanBeTakenBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	if err := migrateTo(t.Context(), h.owner, 1); err != nil {
		t.Fatal(err)
	}
	if n := ask[int](t, h.owner, "select count(*) from pg_class where relname like 'person%' or relname like '%directory%'"); n != 0 {
		t.Errorf("%d relations stay", n)
	}
	if err := migrateTo(t.Context(), h.owner, lastMigration); err != nil {
		t.Fatal(err)
	}
}
