-- Package assure owns these: attempts to prove more than a tap in the chat does, the PINs
-- and secrets of one-time codes by which that is done, and the journal of every change.

-- +goose Up

-- How strong a way is; null: there is no such way.
-- +goose StatementBegin
create function assure_rank(method text) returns int
language sql immutable strict parallel safe as $$
  select array_position(array['pin', 'login', 'totp'], method)
$$;
-- +goose StatementEnd

-- What a person has: a PIN as a slow hash, or the secret of one-time codes; both sealed,
-- since a PIN is short. Every try is counted before it is looked at.
create table assure_secret (
  person_id    text        not null references person,
  method       text        not null check (method in ('pin', 'totp')),
  sealed       bytea       not null check (octet_length(sealed) between 34 and 1057),
  sealed_key   bigint      generated always as (seal_key_id(sealed)) stored references seal_canary,
  set_at       timestamptz not null,
  last_step    bigint      not null default 0 check (last_step >= 0), -- of the newest code that was taken
  tries        int         not null default 0 check (tries between 0 and 5),
  lockouts     int         not null default 0 check (lockouts between 0 and 100000),
  locked_until timestamptz,
  primary key (person_id, method),
  constraint assure_secret_sealed check (sealed_key is not null),
  constraint assure_secret_locked check ((locked_until is not null) = (tries = 5) and (locked_until is null or lockouts > 0)),
  constraint assure_secret_steps check (method = 'totp' or last_step = 0)
);
create index assure_secret_key on assure_secret (sealed_key);
-- A try is counted one by one, a code is never taken again, and who has it stays.
create trigger assure_secret_counts before update on assure_secret for each row
  when ((new.person_id, new.method) is distinct from (old.person_id, old.method)
    or new.set_at < old.set_at
    or new.set_at = old.set_at and (new.last_step < old.last_step or new.tries > old.tries + 1 or new.lockouts > old.lockouts + 1))
  execute function refuse_change();
alter table assure_secret enable always trigger assure_secret_counts;
select grant_app('assure_secret', 'select, insert, update, delete');

create table assure_journal (
  id        bigint generated always as identity primary key,
  at        timestamptz not null,
  person_id text        not null references person,
  actor     text        not null check (plain_text(actor, 1, 200)),
  what      text        not null check (what ~ '^[a-z]+\.[a-z]+$' and char_length(what) <= 64)
);
create index assure_journal_person on assure_journal (person_id, id);
select append_only('assure_journal');
select grant_app('assure_journal', 'select, insert');

-- One row an attempt, of two kinds: to confirm one decision, or to change what a person
-- has. Through its stages: asked for in the chat, opened in a browser, perhaps sent to a
-- login service and back (exchanged), proved, used, ended. Of secrets only hashes are
-- kept, but for one of codes that nobody has confirmed yet, which is sealed.
create table assure_attempt (
  id           text        primary key check (id ~ '^(asr|enr)_[0-9a-hjkmnp-tv-z]{26}$'),
  kind         text        not null check (kind in ('confirm', 'enroll')),
  person_id    text        not null references person,
  account      bigint      not null check (account between 1 and 4503599627370496),
  language     text        not null check (char_length(language) <= 35),
  case_id      text        check (case_id ~ '^cas_[0-9a-z]{26}$'),
  round        int         check (round > 0),
  step         int         check (step >= 0),
  slot_no      int         check (slot_no >= 0),
  revision     int         check (revision > 0),
  verdict      text        check (verdict in ('accept', 'reject', 'return')),
  reason       text        check (char_length(reason) <= 4096),
  least        text        check (least in ('pin', 'login', 'totp')),
  created_at   timestamptz not null,
  expires_at   timestamptz not null,
  token_hash   bytea       not null constraint assure_attempt_token_once unique check (octet_length(token_hash) = 32),
  cookie_hash  bytea       constraint assure_attempt_cookie_once unique check (octet_length(cookie_hash) = 32),
  opened_at    timestamptz,
  service      text        check (service ~ '^[a-z0-9-]{1,32}$'),
  state_hash   bytea       constraint assure_attempt_state_once unique check (octet_length(state_hash) = 32),
  logins       int         not null default 0 check (logins between 0 and 5),
  exchanged_at timestamptz,
  method       text        check (method in ('pin', 'login', 'totp')),
  proved_at    timestamptz,
  used_at      timestamptz,
  pending      bytea       check (octet_length(pending) between 34 and 1057),
  ended_at     timestamptz,
  outcome      text        check (outcome ~ '^[a-z_]{1,64}$'),
  answer       text        check (char_length(answer) <= 4000),
  constraint assure_attempt_kind check ((kind = 'confirm') = (id like 'asr%')
    and (kind = 'confirm') = (case_id is not null) and (kind = 'confirm') = (round is not null) and (kind = 'confirm') = (step is not null)
    and (kind = 'confirm') = (slot_no is not null) and (kind = 'confirm') = (revision is not null) and (kind = 'confirm') = (verdict is not null)
    and (kind = 'confirm') = (reason is not null) and (kind = 'confirm') = (least is not null)),
  constraint assure_attempt_short check (expires_at > created_at
    and expires_at <= created_at + case kind when 'confirm' then interval '3 minutes' else interval '20 minutes' end),
  constraint assure_attempt_opened check ((opened_at is null) = (cookie_hash is null)),
  constraint assure_attempt_left check ((state_hash is null) = (service is null) and (state_hash is null) = (logins = 0)
    and (state_hash is null or opened_at is not null)),
  constraint assure_attempt_exchanged check (exchanged_at is null or state_hash is not null),
  constraint assure_attempt_proved check ((proved_at is null) = (method is null) and (proved_at is null or opened_at is not null)
    and (method is distinct from 'login' or exchanged_at is not null) and (kind = 'confirm' or method is null or method = 'login')),
  constraint assure_attempt_strong check (assure_rank(method) >= assure_rank(least)),
  constraint assure_attempt_used check (used_at is null or proved_at is not null and kind = 'confirm'),
  constraint assure_attempt_pending check (pending is null or proved_at is not null and kind = 'enroll'),
  constraint assure_attempt_ended check ((ended_at is null) = (outcome is null)),
  constraint assure_attempt_cast check ((outcome is not distinct from 'cast') = (answer is not null) and (answer is null or used_at is not null))
);
create unique index assure_attempt_live_slot on assure_attempt (person_id, case_id, round, step, slot_no) where kind = 'confirm' and ended_at is null;
create unique index assure_attempt_live_enroll on assure_attempt (person_id) where kind = 'enroll' and ended_at is null;
create index assure_attempt_recent on assure_attempt (person_id, created_at);
create index assure_attempt_age on assure_attempt (created_at);
-- What is asked never changes, stages are not taken back, and what was found out stays.
-- Two things may happen again: a login, with a new state, and the use of a proof whose
-- vote could not be cast. An enrollment changes its cookie and its time as it is proved.
create trigger assure_attempt_goes_on before update on assure_attempt for each row
  when (old.ended_at is not null
    or (new.id, new.kind, new.person_id, new.account, new.case_id, new.round, new.step, new.slot_no, new.revision, new.verdict, new.reason, new.least, new.created_at, new.token_hash)
       is distinct from (old.id, old.kind, old.person_id, old.account, old.case_id, old.round, old.step, old.slot_no, old.revision, old.verdict, old.reason, old.least, old.created_at, old.token_hash)
    or old.opened_at is not null and new.opened_at is distinct from old.opened_at
    or (old.opened_at is not null and new.cookie_hash is distinct from old.cookie_hash or new.expires_at <> old.expires_at)
       and (old.kind = 'confirm' or old.proved_at is not null or new.proved_at is null)
    or new.logins < old.logins
    or old.exchanged_at is not null and new.state_hash is not distinct from old.state_hash
       and (new.service, new.exchanged_at) is distinct from (old.service, old.exchanged_at)
    or old.proved_at is not null and (new.method, new.proved_at, new.service, new.state_hash, new.exchanged_at)
       is distinct from (old.method, old.proved_at, old.service, old.state_hash, old.exchanged_at))
  execute function refuse_change();
alter table assure_attempt enable always trigger assure_attempt_goes_on;
select grant_app('assure_attempt', 'select, insert, update, delete');

-- +goose Down
drop table assure_attempt;
drop table assure_journal;
drop table assure_secret;
drop function assure_rank(text);
