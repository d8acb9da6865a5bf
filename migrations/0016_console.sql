-- Package console owns these: who may do what in the console, and who is signed in.

-- +goose Up

create table console_session (
  token_hash   bytea       primary key check (octet_length(token_hash) = 32),
  person_id    text        not null references person,
  created_at   timestamptz not null,
  seen_at      timestamptz not null check (seen_at >= created_at),
  expires_at   timestamptz not null check (expires_at > created_at and expires_at <= created_at + interval '24 hours'),
  client       text        not null check (char_length(client) <= 200), -- the address it began from
  ended_at     timestamptz,
  ended_why    text        check (char_length(ended_why) between 1 and 100),
  check ((ended_at is null) = (ended_why is null))
);
create index console_session_person on console_session (person_id) where ended_at is null;
create index console_session_age on console_session (created_at);
-- A session that ended stays so, and none is prolonged beyond its end or given to another.
create trigger console_session_only_ends before update on console_session for each row
  when (old.ended_at is not null or new.seen_at < old.seen_at
    or (new.token_hash, new.person_id, new.created_at, new.expires_at, new.client)
       is distinct from (old.token_hash, old.person_id, old.created_at, old.expires_at, old.client))
  execute function refuse_change();
alter table console_session enable always trigger console_session_only_ends;
select grant_app('console_session', 'select, insert, update (seen_at, ended_at, ended_why), delete');

create table console_grant (
  id         bigint      generated always as identity primary key,
  person_id  text        not null references person,
  role       text        not null check (role in ('viewer', 'operator', 'administrator', 'auditor')),
  granted_at timestamptz not null,
  granted_by text        not null references person, -- never the person himself
  ended_at   timestamptz check (ended_at >= granted_at),
  ended_by   text        references person,
  check ((ended_at is null) = (ended_by is null)),
  constraint console_grant_by_another check (granted_by <> person_id),
  constraint console_grant_ended_by_another check (ended_by <> person_id)
);
create unique index console_grant_live on console_grant (person_id) where ended_at is null;
create trigger console_grant_stays before delete on console_grant
  for each row execute function refuse_change();
create trigger console_grant_stays_whole before truncate on console_grant
  for each statement execute function refuse_change();
create trigger console_grant_only_ends before update on console_grant for each row
  when (old.ended_at is not null or new.ended_at is null
    or (new.id, new.person_id, new.role, new.granted_at, new.granted_by)
       is distinct from (old.id, old.person_id, old.role, old.granted_at, old.granted_by))
  execute function refuse_change();
alter table console_grant enable always trigger console_grant_stays;
alter table console_grant enable always trigger console_grant_stays_whole;
alter table console_grant enable always trigger console_grant_only_ends;
select grant_app('console_grant', 'select, insert, update (ended_at, ended_by)');

-- What happened at the door. What was done inside is in the journals of what it was done to.
create table console_journal (
  id      bigint generated always as identity primary key,
  at      timestamptz not null,
  what    text not null check (what in ('login', 'logout', 'refused', 'granted', 'ended')),
  person  text not null check (plain_text(person, 0, 254)), -- external id, or the address that was refused
  by_whom text not null check (plain_text(by_whom, 0, 200)),
  detail  text not null check (plain_text(detail, 0, 200))
);
create index console_journal_age on console_journal (at);
select append_only('console_journal');
select grant_app('console_journal', 'select, insert');

-- +goose Down
drop table console_journal, console_grant, console_session;
