package assure_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"countersign/internal/assure"
	"countersign/internal/postgres/postgrestest"
)

type row = postgrestest.Row

func samples() map[string]row {
	anna := "(select id from person where external_id = 'anna')"
	sealed := `'\x0100000007'::bytea || sha256('a')`
	attempt := row{
		"id": "'asr_00000000000000000000000001'", "kind": "'confirm'", "person_id": anna, "account": "7001", "language": "'en'",
		"case_id": "'" + aCase + "'", "round": "1", "step": "0", "slot_no": "0", "revision": "1", "verdict": "'accept'", "reason": "''", "least": "'pin'",
		"created_at": "now()", "expires_at": "now() + interval '3 minutes'", "token_hash": "sha256('t')",
	}
	enrollment := attempt.With(row{
		"id": "'enr_00000000000000000000000001'", "kind": "'enroll'", "expires_at": "now() + interval '20 minutes'", "token_hash": "sha256('u')",
	})
	for _, column := range []string{"case_id", "round", "step", "slot_no", "revision", "verdict", "reason", "least"} {
		enrollment[column] = "null"
	}
	return map[string]row{
		"assure_secret": {"person_id": anna, "method": "'totp'", "sealed": sealed, "set_at": "now()", "last_step": "5", "tries": "5", "lockouts": "1", "locked_until": "now()"},
		"assure_passkey": {
			"id": "'psk_00000000000000000000000001'", "person_id": anna, "name": "'laptop'", "credential_id": "sha256('k')", "sealed": sealed, "counter": "5", "added_at": "now()",
		},
		"assure_journal": {"at": "now()", "person_id": anna, "actor": "'a'", "what": "'a.b'"},
		"assure_attempt": attempt,
		"enrollment":     enrollment,
	}
}

// stages are the columns of an attempt that has come a long way.
func stages() row {
	return row{
		"cookie_hash": "sha256('c')", "opened_at": "now()", "service": "'google'", "state_hash": "sha256('s')", "logins": "1", "exchanged_at": "now()",
		"method": "'login'", "proved_at": "now()",
	}
}

func whole() row {
	return stages().With(row{"used_at": "now()", "ended_at": "now()", "outcome": "'cast'", "answer": "'done'"})
}

func TestSchemaRefusesTheImpossible(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	s := samples()
	boris := "(select id from person where external_id = 'boris')"
	for name, r := range map[string]row{
		"secret": s["assure_secret"], "PIN": s["assure_secret"].With(row{"method": "'pin'", "last_step": "0", "tries": "0", "lockouts": "0", "locked_until": "null"}),
		"attempt": s["assure_attempt"], "enrollment": s["enrollment"], "whole": s["assure_attempt"].With(whole()),
		"changing": s["enrollment"].With(stages()).With(row{"pending": s["assure_secret"]["sealed"]}), "journal": s["assure_journal"],
		"passkey": s["assure_passkey"].With(row{"used_at": "now()", "copied_at": "now()"}), "naming": s["enrollment"].With(stages()).With(row{"naming": "'x'", "asked": "20"}),
	} {
		table := map[string]string{"secret": "assure_secret", "PIN": "assure_secret", "journal": "assure_journal", "passkey": "assure_passkey"}[name]
		if table == "" {
			table = "assure_attempt"
		}
		if err := postgrestest.Try(t, w.owner, nil, r.Insert(table)); err != nil {
			t.Errorf("a good %s: %v", name, err)
		}
	}
	good := []string{
		s["assure_secret"].Insert("assure_secret"), s["assure_journal"].Insert("assure_journal"),
		s["assure_attempt"].With(stages()).With(row{"id": "'asr_0000000000000000000000000z'"}).Insert("assure_attempt"),
		s["enrollment"].With(row{"id": "'enr_0000000000000000000000000z'"}).Insert("assure_attempt"), s["assure_passkey"].Insert("assure_passkey"),
	}
	tried := map[string]bool{}
	for _, bad := range badRows(boris) {
		tried[bad.guard] = true
		table := strings.Replace(bad.table, "enrollment", "assure_attempt", 1)
		sql := s[bad.table].With(bad.change).Insert(table)
		pg, ok := errors.AsType[*pgconn.PgError](postgrestest.Try(t, w.owner, good, sql))
		if !ok || pg.ConstraintName != bad.guard {
			t.Errorf("%v: %v, want %s", bad.change, pg, bad.guard)
		}
	}
	all := postgrestest.Guards(t, w.owner, "assure_secret", "assure_journal", "assure_attempt", "assure_passkey")
	for _, guard := range all {
		if !tried[guard] {
			t.Errorf("%s is never tried", guard)
		}
	}
	if len(all) < 45 {
		t.Errorf("only %d guards found", len(all))
	}
}

// bad is a row that the guard named must refuse.
type bad struct {
	guard, table string
	change       row
}

func badRows(boris string) []bad {
	nobody := row{"person_id": "'per_00000000000000000000000007'"}
	fresh := row{"id": "'asr_0000000000000000000000000y'", "slot_no": "7", "token_hash": "sha256('fresh')"}
	other := func(change row) row { return fresh.With(change) }
	staged := func(change row) row {
		return fresh.With(stages()).With(row{"cookie_hash": "sha256('c2')", "state_hash": "sha256('s2')"}).With(change)
	}
	second := func(change row) row {
		return row{"person_id": boris, "token_hash": "sha256('e')"}.With(change)
	}
	key := func(change row) row {
		return row{"id": "'psk_00000000000000000000000002'", "credential_id": "sha256('other')"}.With(change)
	}
	return []bad{
		{"assure_secret_pkey", "assure_secret", row{}},
		{"assure_secret_person_id_fkey", "assure_secret", nobody},
		{"assure_secret_method_check", "assure_secret", row{"person_id": boris, "method": "'login'", "last_step": "0"}},
		{"assure_secret_sealed_check", "assure_secret", row{"person_id": boris, "sealed": `'\x0100000007'::bytea || convert_to(repeat('x', 1053), 'UTF8')`}},
		{"assure_secret_sealed_check", "assure_secret", row{"person_id": boris, "sealed": `'\x0100000007'::bytea || convert_to(repeat('x', 1100), 'UTF8')`}},
		{"assure_secret_sealed", "assure_secret", row{"person_id": boris, "sealed": `convert_to('JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXPJBSWY3DP', 'UTF8')`}},
		{"assure_secret_sealed_key_fkey", "assure_secret", row{"person_id": boris, "sealed": `'\x0100000009'::bytea || sha256('a')`}},
		{"assure_secret_last_step_check", "assure_secret", row{"person_id": boris, "last_step": "-1"}},
		{"assure_secret_steps", "assure_secret", row{"person_id": boris, "method": "'pin'"}},
		{"assure_secret_tries_check", "assure_secret", row{"person_id": boris, "tries": "6", "locked_until": "null"}},
		{"assure_secret_tries_check", "assure_secret", row{"person_id": boris, "tries": "-1", "locked_until": "null"}},
		{"assure_secret_lockouts_check", "assure_secret", row{"person_id": boris, "lockouts": "-1", "tries": "0", "locked_until": "null"}},
		{"assure_secret_locked", "assure_secret", row{"person_id": boris, "locked_until": "null"}},
		{"assure_secret_locked", "assure_secret", row{"person_id": boris, "tries": "4"}},
		{"assure_secret_locked", "assure_secret", row{"person_id": boris, "lockouts": "0"}},

		{"assure_passkey_pkey", "assure_passkey", key(row{"id": "'psk_00000000000000000000000001'"})},
		{"assure_passkey_id_check", "assure_passkey", key(row{"id": "'psk_1'"})},
		{"assure_passkey_person_id_fkey", "assure_passkey", key(nobody)},
		{"assure_passkey_name_check", "assure_passkey", key(row{"name": "''"})},
		{"assure_passkey_name_check", "assure_passkey", key(row{"name": "repeat('x', 61)"})},
		{"assure_passkey_credential_id_check", "assure_passkey", key(row{"credential_id": "'guessed'"})},
		{"assure_passkey_credential_id_check", "assure_passkey", key(row{"credential_id": "convert_to(repeat('x', 1024), 'UTF8')"})},
		{"assure_passkey_credential_once", "assure_passkey", row{"id": "'psk_00000000000000000000000002'", "person_id": boris}},
		{"assure_passkey_sealed_check", "assure_passkey", key(row{"sealed": `'\x0100000007'::bytea || convert_to(repeat('x', 8300), 'UTF8')`})},
		{"assure_passkey_sealed", "assure_passkey", key(row{"sealed": `convert_to(repeat('x', 40), 'UTF8')`})},
		{"assure_passkey_sealed_key_fkey", "assure_passkey", key(row{"sealed": `'\x0100000009'::bytea || sha256('a')`})},
		{"assure_passkey_counter_check", "assure_passkey", key(row{"counter": "-1"})},
		{"assure_passkey_counter_check", "assure_passkey", key(row{"counter": "4294967296"})},
		{"assure_passkey_check", "assure_passkey", key(row{"used_at": "now() - interval '1 s'"})},
		{"assure_passkey_check1", "assure_passkey", key(row{"copied_at": "now() - interval '1 s'"})},

		{"assure_journal_pkey", "assure_journal", row{"id": "(select min(id) from assure_journal) overriding"}},
		{"assure_journal_person_id_fkey", "assure_journal", nobody},
		{"assure_journal_actor_check", "assure_journal", row{"actor": "''"}},
		{"assure_journal_what_check", "assure_journal", row{"what": "'set'"}},
		{"assure_journal_what_check", "assure_journal", row{"what": "'a.' || repeat('b', 63)"}},

		{"assure_attempt_pkey", "assure_attempt", other(row{"id": "'asr_0000000000000000000000000z'"})},
		{"assure_attempt_id_check", "assure_attempt", other(row{"id": "'asr_1'"})},
		{"assure_attempt_kind_check", "assure_attempt", second(row{"id": "'enr_00000000000000000000000002'", "kind": "'other'", "case_id": "null", "round": "null", "step": "null", "slot_no": "null", "revision": "null", "verdict": "null", "reason": "null", "least": "null"})},
		{"assure_attempt_kind", "assure_attempt", other(row{"id": "'enr_00000000000000000000000002'"})},
		{"assure_attempt_kind", "assure_attempt", other(row{"case_id": "null"})},
		{"assure_attempt_kind", "assure_attempt", other(row{"round": "null"})},
		{"assure_attempt_kind", "assure_attempt", other(row{"step": "null"})},
		{"assure_attempt_kind", "assure_attempt", other(row{"slot_no": "null"})},
		{"assure_attempt_kind", "assure_attempt", other(row{"revision": "null"})},
		{"assure_attempt_kind", "assure_attempt", other(row{"verdict": "null"})},
		{"assure_attempt_kind", "assure_attempt", other(row{"least": "null"})},
		{"assure_attempt_kind", "enrollment", second(row{"least": "'pin'"})},
		{"assure_attempt_person_id_fkey", "assure_attempt", other(nobody)},
		{"assure_attempt_account_check", "assure_attempt", other(row{"account": "0"})},
		{"assure_attempt_language_check", "assure_attempt", other(row{"language": "repeat('e', 36)"})},
		{"assure_attempt_case_id_check", "assure_attempt", other(row{"case_id": "'doc_1'"})},
		{"assure_attempt_round_check", "assure_attempt", other(row{"round": "0"})},
		{"assure_attempt_step_check", "assure_attempt", other(row{"step": "-1"})},
		{"assure_attempt_slot_no_check", "assure_attempt", other(row{"slot_no": "-1"})},
		{"assure_attempt_revision_check", "assure_attempt", other(row{"revision": "0"})},
		{"assure_attempt_verdict_check", "assure_attempt", other(row{"verdict": "'maybe'"})},
		{"assure_attempt_kind", "assure_attempt", other(row{"reason": "null"})},
		{"assure_attempt_reason_check", "assure_attempt", other(row{"reason": "repeat('x', 4097)"})},
		{"assure_attempt_least_check", "assure_attempt", other(row{"least": "'chat'"})},
		{"assure_attempt_short", "assure_attempt", other(row{"expires_at": "now() + interval '181 s'"})},
		{"assure_attempt_short", "assure_attempt", other(row{"expires_at": "now()"})},
		{"assure_attempt_short", "enrollment", second(row{"expires_at": "now() + interval '1201 s'"})},
		{"assure_attempt_token_hash_check", "assure_attempt", other(row{"token_hash": "'x'"})},
		{"assure_attempt_token_once", "assure_attempt", other(row{"token_hash": "sha256('t')"})},
		{"assure_attempt_cookie_hash_check", "assure_attempt", staged(row{"cookie_hash": "'x'"})},
		{"assure_attempt_cookie_once", "assure_attempt", staged(row{"cookie_hash": "sha256('c')"})},
		{"assure_attempt_state_hash_check", "assure_attempt", staged(row{"state_hash": "'x'"})},
		{"assure_attempt_state_once", "assure_attempt", staged(row{"state_hash": "sha256('s')"})},
		{"assure_attempt_service_check", "assure_attempt", staged(row{"service": "'Google'"})},
		{"assure_attempt_logins_check", "assure_attempt", staged(row{"logins": "6"})},
		{"assure_attempt_opened", "assure_attempt", other(row{"opened_at": "now()"})},
		{"assure_attempt_opened", "assure_attempt", other(row{"cookie_hash": "sha256('q')"})},
		{"assure_attempt_left", "assure_attempt", staged(row{"logins": "0"})},
		{"assure_attempt_left", "assure_attempt", other(row{"service": "'google'"})},
		{"assure_attempt_left", "assure_attempt", other(row{"service": "'google'", "state_hash": "sha256('q')", "logins": "1"})},
		{"assure_attempt_exchanged", "assure_attempt", other(row{"exchanged_at": "now()"})},
		{"assure_attempt_method_check", "assure_attempt", staged(row{"method": "'chat'"})},
		{"assure_attempt_proved", "assure_attempt", staged(row{"method": "null"})},
		{"assure_attempt_proved", "assure_attempt", staged(row{"proved_at": "null"})},
		{"assure_attempt_proved", "assure_attempt", staged(row{"exchanged_at": "null"})},
		{"assure_attempt_proved", "assure_attempt", other(row{"method": "'pin'", "proved_at": "now()"})},
		{"assure_attempt_proved", "enrollment", second(stages()).With(row{"cookie_hash": "sha256('c2')", "state_hash": "sha256('s2')", "method": "'pin'"})},
		{"assure_attempt_strong", "assure_attempt", staged(row{"least": "'totp'"})},
		{"assure_attempt_strong", "assure_attempt", staged(row{"least": "'login'", "method": "'pin'"})},
		{"assure_attempt_used", "assure_attempt", other(row{"used_at": "now()"})},
		{"assure_attempt_pending_check", "enrollment", second(stages()).With(row{"cookie_hash": "sha256('c2')", "state_hash": "sha256('s2')", "pending": "'x'"})},
		{"assure_attempt_pending", "assure_attempt", staged(row{"pending": "sha256('x') || sha256('y')"})},
		{"assure_attempt_pending", "enrollment", second(row{"pending": "sha256('x') || sha256('y')"})},
		{"assure_attempt_asked_check", "assure_attempt", staged(row{"asked": "21"})},
		{"assure_attempt_naming_check", "enrollment", second(stages().With(row{"cookie_hash": "sha256('c3')", "state_hash": "sha256('s3')", "naming": "''"}))},
		{"assure_attempt_naming", "assure_attempt", staged(row{"naming": "'x'"})},
		{"assure_attempt_naming", "enrollment", second(row{"naming": "'x'"})},
		{"assure_attempt_ended", "assure_attempt", other(row{"ended_at": "now()"})},
		{"assure_attempt_ended", "assure_attempt", other(row{"outcome": "'superseded'"})},
		{"assure_attempt_outcome_check", "assure_attempt", other(row{"ended_at": "now()", "outcome": "'No!'"})},
		{"assure_attempt_answer_check", "assure_attempt", staged(row{"used_at": "now()", "ended_at": "now()", "outcome": "'cast'", "answer": "repeat('x', 4001)"})},
		{"assure_attempt_cast", "assure_attempt", staged(row{"ended_at": "now()", "outcome": "'cast'", "answer": "'x'"})},
		{"assure_attempt_cast", "assure_attempt", staged(row{"used_at": "now()", "ended_at": "now()", "outcome": "'cast'"})},
		{"assure_attempt_cast", "assure_attempt", staged(row{"used_at": "now()", "ended_at": "now()", "outcome": "'superseded'", "answer": "'x'"})},
		{"assure_attempt_live_slot", "assure_attempt", row{"id": "'asr_0000000000000000000000000y'", "token_hash": "sha256('fresh')"}},
		{"assure_attempt_live_enroll", "enrollment", row{"token_hash": "sha256('fresh')"}},
	}
}

// Each statement is refused by the trigger named, and works without it.
func TestTriggersKeepWhatWas(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	s := samples()
	secret := s["assure_secret"].Insert("assure_secret")
	journal := s["assure_journal"].Insert("assure_journal")
	fresh, staged := s["assure_attempt"].Insert("assure_attempt"), s["assure_attempt"].With(stages()).Insert("assure_attempt")
	left := s["assure_attempt"].With(stages()).With(row{"method": "null", "proved_at": "null"}).Insert("assure_attempt")
	enrolled := s["enrollment"].With(stages()).Insert("assure_attempt")
	passkey := s["assure_passkey"].Insert("assure_passkey")
	tests := []struct {
		table, trigger, before, sql string
	}{
		{"assure_passkey", "assure_passkey_stays", passkey, "update assure_passkey set person_id = (select id from person where external_id = 'boris')"},
		{"assure_passkey", "assure_passkey_stays", passkey, "update assure_passkey set name = 'x'"},
		{"assure_passkey", "assure_passkey_stays", passkey, "update assure_passkey set credential_id = sha256('x')"},
		{"assure_passkey", "assure_passkey_stays", passkey, "update assure_passkey set counter = 4"},
		{"assure_passkey", "assure_passkey_stays", passkey + "; update assure_passkey set copied_at = now()", "update assure_passkey set copied_at = null"},
		{"assure_passkey", "assure_passkey_stays", passkey + "; update assure_passkey set copied_at = now()", "update assure_passkey set used_at = now()"},
		{"assure_attempt", "assure_attempt_asks_on", fresh + "; update assure_attempt set asked = 2", "update assure_attempt set asked = 1"},
		{"assure_journal", "append_only_row", journal, "update assure_journal set actor = 'b'"},
		{"assure_journal", "append_only_row", journal, "delete from assure_journal"},
		{"assure_journal", "append_only_all", journal, "truncate assure_journal"},
		{"assure_secret", "assure_secret_counts", secret, "update assure_secret set person_id = (select id from person where external_id = 'boris')"},
		{"assure_secret", "assure_secret_counts", secret, "update assure_secret set last_step = 4"},
		{"assure_secret", "assure_secret_counts", secret, "update assure_secret set lockouts = 3"},
		{"assure_secret", "assure_secret_counts", secret, "update assure_secret set set_at = set_at - interval '1 s'"},
		{"assure_secret", "assure_secret_counts", secret + "; update assure_secret set tries = 0, locked_until = null", "update assure_secret set tries = 2"},
		{"assure_attempt", "assure_attempt_goes_on", fresh, "update assure_attempt set verdict = 'reject'"},
		{"assure_attempt", "assure_attempt_goes_on", fresh, "update assure_attempt set reason = 'x'"},
		{"assure_attempt", "assure_attempt_goes_on", fresh, "update assure_attempt set revision = 2"},
		{"assure_attempt", "assure_attempt_goes_on", fresh, "update assure_attempt set slot_no = 2"},
		{"assure_attempt", "assure_attempt_goes_on", fresh, "update assure_attempt set case_id = '" + other + "'"},
		{"assure_attempt", "assure_attempt_goes_on", fresh, "update assure_attempt set person_id = (select id from person where external_id = 'boris')"},
		{"assure_attempt", "assure_attempt_goes_on", fresh, "update assure_attempt set account = 7002"},
		{"assure_attempt", "assure_attempt_goes_on", fresh, "update assure_attempt set token_hash = sha256('x')"},
		{"assure_attempt", "assure_attempt_goes_on", fresh, "update assure_attempt set expires_at = expires_at - interval '1 s'"},
		{"assure_attempt", "assure_attempt_goes_on", left, "update assure_attempt set cookie_hash = sha256('x')"},
		{"assure_attempt", "assure_attempt_goes_on", left, "update assure_attempt set opened_at = now() + interval '1 s'"},
		{"assure_attempt", "assure_attempt_goes_on", left, "update assure_attempt set exchanged_at = null"},
		{"assure_attempt", "assure_attempt_goes_on", left, "update assure_attempt set service = 'other'"},
		{"assure_attempt", "assure_attempt_goes_on", left + "; update assure_attempt set logins = 2, state_hash = sha256('x'), exchanged_at = null", "update assure_attempt set logins = 1"},
		{"assure_attempt", "assure_attempt_goes_on", staged, "update assure_attempt set method = 'totp'"},
		{"assure_attempt", "assure_attempt_goes_on", staged, "update assure_attempt set proved_at = null, method = null"},
		{"assure_attempt", "assure_attempt_goes_on", staged, "update assure_attempt set state_hash = sha256('x'), logins = 2"},
		{"assure_attempt", "assure_attempt_goes_on", enrolled, "update assure_attempt set expires_at = expires_at - interval '1 s'"},
		{"assure_attempt", "assure_attempt_goes_on", enrolled, "update assure_attempt set cookie_hash = sha256('x')"},
		{"assure_attempt", "assure_attempt_goes_on", fresh + "; update assure_attempt set ended_at = now(), outcome = 'superseded'", "update assure_attempt set ended_at = null, outcome = null"},
	}
	tried := map[string]bool{}
	for _, tc := range tests {
		tried[tc.trigger] = true
		if pg, ok := errors.AsType[*pgconn.PgError](postgrestest.Try(t, w.owner, []string{tc.before}, tc.sql)); !ok || pg.Code != "CS001" {
			t.Errorf("%s: %v", tc.sql, pg)
		}
		if err := postgrestest.Try(t, w.owner, []string{tc.before, fmt.Sprintf("drop trigger %s on %s", tc.trigger, tc.table)}, tc.sql); err != nil {
			t.Errorf("%s is refused without %s too: %v", tc.sql, tc.trigger, err)
		}
	}
	for _, name := range ask[[]string](t, w.owner, "select array_agg(tgname::text) from pg_trigger where not tgisinternal and tgrelid = any ($1::text[]::regclass[])",
		[]string{"assure_secret", "assure_journal", "assure_attempt", "assure_passkey"}) {
		if !tried[name] {
			t.Errorf("%s is never tried", name)
		}
	}
	for _, sql := range []string{"update assure_attempt set used_at = now()", "update assure_attempt set ended_at = now(), outcome = 'reset'"} {
		if err := postgrestest.Try(t, w.owner, []string{staged}, sql); err != nil {
			t.Errorf("%s: %v", sql, err)
		}
	}
}

// The service cannot take its traces away.
func TestServiceMayNotRewriteTheJournal(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.secure(t, assure.PIN)
	for _, sql := range []string{"update assure_journal set actor = 'x'", "delete from assure_journal", "truncate assure_journal", "truncate assure_attempt", "truncate assure_secret"} {
		if _, err := w.Pool.Exec(t.Context(), sql); err == nil {
			t.Errorf("%s", sql)
		}
	}
}
