package directory_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// Each statement is refused by the trigger named, and by nothing else: without the
// trigger it works.
func TestTriggersKeepWhatWas(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ended := "update telegram_link set unlinked_at = now(), unlinked_by = 'a', unlinked_why = 'w'"
	revoked := "update api_key set revoked_at = now(), revoked_by = 'a'"
	grown := "update directory_state set version = 5"
	frozen := "update person set frozen_at = now(), frozen_by = 'a', frozen_why = 'w' where external_id = 'anna'"
	linkAgain := sample("telegram_link").With(row{"person_id": "'per_" + one + "'"}).Insert("telegram_link")
	another := sample("identity").Insert("identity")
	forgotten := "update identity set ended_at = now(), ended_by = 'a', ended_why = 'w' where subject = '2'"
	tests := []struct {
		table, trigger string
		before         []string
		sql            string
	}{
		{"directory_journal", "append_only_row", nil, "update directory_journal set actor = 'b'"},
		{"directory_journal", "append_only_row", nil, "delete from directory_journal"},
		{"directory_journal", "append_only_all", nil, "truncate directory_journal"},
		{"directory_state", "directory_state_stays", nil, "delete from directory_state"},
		{"directory_state", "directory_state_stays_whole", nil, "truncate directory_state"},
		{"directory_state", "directory_state_grows", []string{grown}, "update directory_state set version = 4"},
		{"directory_state", "directory_state_grows", []string{grown}, "update directory_state set version = 5"},
		{"person", "person_stays", nil, "delete from person where external_id = 'boris'"},
		{"person", "person_is_who_it_was", nil, "update person set id = 'per_00000000000000000000000007' where external_id = 'boris'"},
		{"person", "person_is_who_it_was", nil, "update person set external_id = 'b2' where external_id = 'boris'"},
		{"person", "person_is_who_it_was", nil, "update person set created_at = now() - interval '1 d'"},
		{"person", "person_era_goes_on", []string{"update person set era = 5"}, "update person set era = 4"},
		{"person", "person_workspace_only_ends", nil, "update person set workspace_id = 'g2' where external_id = 'anna'"},
		{"telegram_link", "telegram_link_stays", nil, "delete from telegram_link"},
		{"telegram_link", "telegram_link_stays", []string{ended}, "delete from telegram_link"},
		{"telegram_link", "telegram_link_stays_whole", nil, "truncate telegram_link"},
		{"telegram_link", "telegram_link_only_ends", nil, "update telegram_link set account = 7"},
		{"telegram_link", "telegram_link_only_ends", nil, "update telegram_link set person_id = 'per_" + two + "', how = 'administrator', identity_id = null, proved_at = null"},
		{"telegram_link", "telegram_link_only_ends", nil, "update telegram_link set how = 'administrator', identity_id = null, proved_at = null"},
		{"telegram_link", "link_gate", []string{ended, frozen}, linkAgain},
		{"person", "freeze_gate", nil, frozen + "; set constraints all immediate"},
		{"identity", "identity_stays", []string{another}, "delete from identity where subject = '2'"},
		{"identity", "identity_only_ends", nil, "update identity set subject = 'x'"},
		{"identity", "identity_only_ends", nil, "update identity set email = 'x@y.example'"},
		{"identity", "identity_only_ends", []string{another, forgotten}, "update identity set ended_at = null, ended_by = null, ended_why = null where subject = '2'"},
		{"telegram_link", "telegram_link_only_ends", nil, "update telegram_link set linked_by = 'b'"},
		{"telegram_link", "telegram_link_only_ends", nil, "update telegram_link set linked_at = linked_at - interval '1 d'"},
		{"telegram_link", "telegram_link_only_ends", nil, "update telegram_link set account = 7, unlinked_at = now(), unlinked_by = 'a', unlinked_why = 'w'"},
		{"telegram_link", "telegram_link_only_ends", []string{ended}, "update telegram_link set unlinked_at = null, unlinked_by = null, unlinked_why = null"},
		{"telegram_link", "telegram_link_only_ends", []string{ended}, "update telegram_link set unlinked_why = 'other'"},
		{"chat", "chat_stays", nil, "delete from chat"},
		{"chat", "chat_stays_whole", nil, "truncate chat"},
		{"source", "source_stays", nil, "delete from source where name = 'idle'"},
		{"api_key", "api_key_stays", nil, "delete from api_key"},
		{"api_key", "api_key_stays_whole", nil, "truncate api_key"},
		{"api_key", "api_key_only_ends", nil, "update api_key set scopes = '{consume,documents:write}'"},
		{"api_key", "api_key_only_ends", nil, "update api_key set expires_at = expires_at + interval '1 d'"},
		{"api_key", "api_key_only_ends", nil, "update api_key set secret_hash = sha256('z')"},
		{"api_key", "api_key_only_ends", nil, "update api_key set source = 'idle'"},
		{"api_key", "api_key_only_ends", []string{revoked}, "update api_key set revoked_at = null, revoked_by = null"},
	}
	idle := "insert into source (name, created_at) values ('idle', now())"
	tried := map[string]bool{"person_stays_whole": true, "source_stays_whole": true, "identity_stays_whole": true} // tried below: foreign keys stand before them
	for _, tc := range tests {
		tried[tc.trigger] = true
		before := append([]string{idle}, tc.before...)
		if pg, ok := errors.AsType[*pgconn.PgError](try(t, h, before, tc.sql)); !ok || pg.Code != "CS001" && pg.Code != "CS015" {
			t.Errorf("%s: %v", tc.sql, pg)
		}
		before = append(before, fmt.Sprintf("drop trigger %s on %s", tc.trigger, tc.table))
		if err := try(t, h, before, tc.sql); err != nil {
			t.Errorf("%s is refused without %s too: %v", tc.sql, tc.trigger, err)
		}
	}
	for _, table := range []string{"person", "source", "identity"} {
		if pg, ok := errors.AsType[*pgconn.PgError](try(t, h, nil, "truncate "+table+" cascade")); !ok || pg.Code != "CS001" {
			t.Errorf("truncate %s: %v", table, pg)
		}
	}
	for _, name := range ask[[]string](t, h.owner, "select array_agg(tgname::text) from pg_trigger where not tgisinternal and tgrelid = any ($1::text[]::regclass[])",
		[]string{"person", "person_role", "identity", "telegram_link", "chat", "source", "api_key", "directory_journal", "directory_state"}) {
		if !tried[name] {
			t.Errorf("%s is never tried", name)
		}
	}
	for _, sql := range []string{revoked, ended, grown, "update api_key set last_used_on = '2026-11-20'", "update person set name = 'N'", "update chat set title = 'T'"} {
		if err := try(t, h, nil, sql); err != nil {
			t.Errorf("%s: %v", sql, err)
		}
	}
}

func TestALinkedPersonCannotBeDeactivatedBesideTheLink(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	gone := "update person set active = false, deactivated_at = now(), deactivated_why = 'left' where external_id = 'anna'"
	if pg, ok := errors.AsType[*pgconn.PgError](try(t, h, nil, gone)); !ok || pg.ConstraintName != "telegram_link_person_active" {
		t.Errorf("with a live link: %v", pg)
	}
	ended := "update telegram_link set unlinked_at = now(), unlinked_by = 'a', unlinked_why = 'w'"
	if err := try(t, h, []string{ended}, gone); err != nil {
		t.Errorf("with an ended one: %v", err)
	}
}

func TestALinkedPersonCannotBeFrozenBesideTheLink(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	frozen := "update person set frozen_at = now(), frozen_by = 'a', frozen_why = 'w' where external_id = 'anna'"
	now := "; set constraints all immediate"
	if pg, ok := errors.AsType[*pgconn.PgError](try(t, h, nil, frozen+now)); !ok || pg.Code != "CS015" {
		t.Errorf("with a live link: %v", pg)
	}
	ended := "update telegram_link set unlinked_at = now(), unlinked_by = 'a', unlinked_why = 'w'"
	if err := try(t, h, []string{ended}, frozen+now); err != nil {
		t.Errorf("with an ended one: %v", err)
	}
	again := sample("telegram_link").With(row{"person_id": "'per_" + one + "'"}).Insert("telegram_link")
	if pg, ok := errors.AsType[*pgconn.PgError](try(t, h, []string{ended, frozen}, again)); !ok || pg.Code != "CS015" {
		t.Errorf("a new link of somebody frozen: %v", pg)
	}
}

func TestALinkChangesOnlyInTheThreeWaysThatThereAre(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	waits := "update telegram_link set decides_from = null" // the owner, without the trigger
	off, on := "alter table telegram_link disable trigger telegram_link_only_ends", "alter table telegram_link enable always trigger telegram_link_only_ends"
	confirm := "update telegram_link set decides_from = now(), confirmed_by = 'a', confirmed_at = now()"
	for sql, allowed := range map[string]bool{
		confirm: true,
		"update telegram_link set decides_from = now()":                                                   false,
		"update telegram_link set confirmed_by = 'a', confirmed_at = now()":                               false,
		"update telegram_link set proved_at = now() + interval '1 s'":                                     true,
		"update telegram_link set proved_at = now() - interval '1 s'":                                     false,
		"update telegram_link set proved_at = null, how = 'administrator'":                                false,
		"update telegram_link set unlinked_at = now(), unlinked_by = 'a', unlinked_why = 'w'":             true,
		"update telegram_link set seen_as = 'x'":                                                          false,
		confirm + "; update telegram_link set decides_from = now() + interval '1 s'":                      false,
		confirm + "; update telegram_link set confirmed_by = 'b'":                                         false,
		confirm + "; update telegram_link set decides_from = null, confirmed_by = null":                   false,
		"update telegram_link set unlinked_at = now(), unlinked_by = 'a', unlinked_why = 'w'; " + confirm: false,
	} {
		err := try(t, h, []string{off, waits, on}, sql)
		pg, refused := errors.AsType[*pgconn.PgError](err)
		if allowed && err != nil || !allowed && (!refused || pg.Code != "CS001") {
			t.Errorf("%s: %v, allowed %t", sql, err, allowed)
		}
	}
}

func TestTheServiceMayNotTouchWhatIsEvidence(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	u := anna()
	u.Telegram = 100
	h.mustPut(t, u)
	h.mustPutChat(t, finance())
	h.mustCreateKey(t, erpKey())
	if name := ask[string](t, h.app, "select current_user::text"); name != "countersign_app" {
		t.Fatalf("the service is %s", name)
	}
	for _, sql := range []string{
		"delete from telegram_link", "truncate telegram_link", "update telegram_link set account = 7", "update telegram_link set person_id = person_id",
		"update telegram_link set linked_at = now()", "update telegram_link set how = 'login'", "update telegram_link set identity_id = 1",
		"delete from identity", "truncate identity cascade", "update identity set subject = 'x'", "update identity set person_id = person_id", "alter table identity disable trigger all", "alter table telegram_link disable trigger all", "drop table telegram_link",
		"drop index telegram_link_live_account", "drop trigger telegram_link_only_ends on telegram_link",
		"delete from directory_journal", "truncate directory_journal", "update directory_journal set actor = 'x'", "alter table directory_journal disable trigger all",
		"drop table directory_journal", "select setval(pg_get_serial_sequence('directory_journal', 'id'), 1)",
		"delete from directory_state", "insert into directory_state (version) values (0)", "update directory_state set one = true",
		"delete from person", "truncate person cascade", "update person set id = id", "update person set external_id = 'x'", "update person set created_at = now()",
		"update person_role set role = 'x'", "truncate person_role",
		"delete from chat", "update chat set external_id = 'x'", "update chat set id = id",
		"delete from source", "update source set name = 'x'",
		"delete from api_key", "update api_key set scopes = '{}'", "update api_key set secret_hash = secret_hash", "update api_key set expires_at = expires_at", "update api_key set source = source",
		"create table mine (i int)", "set session_replication_role = replica",
	} {
		_, err := h.app.Exec(t.Context(), sql)
		if pg, ok := errors.AsType[*pgconn.PgError](err); !ok || pg.Code != "42501" {
			t.Errorf("%s: %v", sql, err)
		}
	}
	// What the service may write, the triggers still bound.
	_, err := h.app.Exec(t.Context(), "update telegram_link set decides_from = decides_from + interval '1 d'")
	if pg, ok := errors.AsType[*pgconn.PgError](err); !ok || pg.Code != "CS001" {
		t.Errorf("an update that confirms nothing: %v", err)
	}
}

func TestLinksAndJournalStandEvenWhereTriggersAreOff(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	off := "set local session_replication_role = replica"
	_, err := h.owner.Exec(t.Context(), off)
	if pg, ok := errors.AsType[*pgconn.PgError](err); !ok || pg.Code != "42501" {
		t.Errorf("the owner switches triggers off: %v", err)
	}
	always := ask[[]string](t, h.owner, "select array_agg(tgname::text order by tgname) from pg_trigger where tgenabled = 'A' and tgrelid in ('telegram_link'::regclass, 'directory_journal'::regclass)")
	want := []string{"append_only_all", "append_only_row", "link_gate", "telegram_link_only_ends", "telegram_link_stays", "telegram_link_stays_whole"}
	if !slices.Equal(always, want) {
		t.Errorf("always on: %v", always)
	}
}
