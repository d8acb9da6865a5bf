-- Package directory owns these tables: people, their roles and Telegram links, group
-- chats, sources, API keys, and the journal of every change to them.
--
-- Every writer locks the one row of directory_state first, so that writers follow one
-- another, and leaves there the number of the last journal row it wrote: the version by
-- which readers know whether what they have in memory still holds. A number that was
-- rolled back never comes again.

-- +goose Up

-- A text that is safe to show and to log: bounded, and free of control characters, of
-- line separators and of characters that reorder their neighbors on the screen.
-- +goose StatementBegin
create function plain_text(value text, shortest int, longest int) returns boolean
language sql immutable parallel safe as $$
  select char_length(value) between shortest and longest
    and value !~ '[\u0001-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]'
    and value = btrim(value)
$$;
-- +goose StatementEnd

-- +goose StatementBegin
create function plain_list(list text[], most int) returns boolean
language sql immutable parallel safe as $$
  select cardinality(list) <= most
    and coalesce(array_ndims(list), 1) = 1
    and (select coalesce(bool_and(v is not null and plain_text(v, 1, 100)), true) from unnest(list) v)
    and (select count(distinct v) = count(*) from unnest(list) v)
$$;
-- +goose StatementEnd

create table directory_journal (
  id      bigint generated always as identity primary key,
  at      timestamptz not null,
  actor   text not null check (plain_text(actor, 1, 200)),
  what    text not null check (what ~ '^[a-z]+\.[a-z]+$' and char_length(what) <= 64),
  subject text not null check (plain_text(subject, 1, 200)),
  before  jsonb,
  after   jsonb,
  check (before is not null or after is not null)
);
create index directory_journal_subject on directory_journal (subject, id);
select append_only('directory_journal');
select grant_app('directory_journal', 'select, insert');

create table directory_state (
  one     boolean primary key default true check (one),
  version bigint not null check (version >= 0)
);
insert into directory_state (version) values (0);
create trigger directory_state_stays before delete on directory_state
  for each row execute function refuse_change();
create trigger directory_state_stays_whole before truncate on directory_state
  for each statement execute function refuse_change();
create trigger directory_state_grows before update on directory_state
  for each row when (new.version <= old.version) execute function refuse_change();
select grant_app('directory_state', 'select, update (version)');

create table person (
  id              text primary key check (id ~ '^per_[0-9a-hjkmnp-tv-z]{26}$'),
  external_id     text not null constraint person_external_id_once unique
                  check (plain_text(external_id, 1, 200)),
  name            text not null check (plain_text(name, 1, 200)),
  email           text not null default '' check (
                    char_length(email) <= 254
                    and email ~ '^([a-z0-9.!#$%&''*+/=?^_`{|}~-]+@[a-z0-9-]+(\.[a-z0-9-]+)*)?$'),
  locale          text not null default '' check (
                    char_length(locale) <= 35 and locale ~ '^([a-z]{2,3}(-[A-Za-z0-9]{2,8})*)?$'),
  active          boolean not null default true,
  deactivated_at  timestamptz,
  deactivated_why text not null default '' check (plain_text(deactivated_why, 0, 500)),
  created_at      timestamptz not null,
  check (active = (deactivated_at is null)),
  check (active = (deactivated_why = '')),
  constraint person_id_active unique (id, active) -- what a live link refers to
);
create unique index person_email_once on person (email) where email <> '';
create index person_external_id_lower on person (lower(external_id)); -- a mail address must not be another's external id
create trigger person_stays before delete on person
  for each row execute function refuse_change();
create trigger person_stays_whole before truncate on person
  for each statement execute function refuse_change();
create trigger person_is_who_it_was before update on person for each row
  when ((new.id, new.external_id, new.created_at) is distinct from (old.id, old.external_id, old.created_at))
  execute function refuse_change();
select grant_app('person', 'select, insert, update (name, email, locale, active, deactivated_at, deactivated_why)');

create table person_role (
  person_id text not null references person,
  role      text not null check (role ~ '^[a-z][a-z0-9_]{0,63}$'),
  scope     text not null default '' check (plain_text(scope, 0, 100) and strpos(scope, '|') = 0),
  primary key (person_id, role, scope)
);
create index person_role_holders on person_role (role, scope);
select grant_app('person_role', 'select, insert, delete');

create table telegram_link (
  id            bigint generated always as identity primary key,
  person_id     text not null,
  -- Telegram promises ids below 2^52; the three excluded stand for Telegram itself,
  -- for anonymous administrators and for channels.
  account       bigint not null check (
                  account between 1 and 4503599627370496
                  and account not in (777000, 1087968824, 136817688)),
  how           text not null check (how in ('administrator', 'google')),
  seen_as       text not null default '' check (plain_text(seen_as, 0, 200)),
  linked_at     timestamptz not null,
  linked_by     text not null check (plain_text(linked_by, 1, 200)),
  unlinked_at   timestamptz check (unlinked_at >= linked_at),
  unlinked_by   text check (plain_text(unlinked_by, 1, 200)),
  unlinked_why  text check (plain_text(unlinked_why, 1, 500)),
  check ((unlinked_at is null) = (unlinked_by is null)),
  check ((unlinked_at is null) = (unlinked_why is null)),
  -- A live link refers to an active person; an ended one to the person only.
  holder_active boolean generated always as (case when unlinked_at is null then true end) stored,
  constraint telegram_link_person foreign key (person_id) references person (id),
  constraint telegram_link_person_active foreign key (person_id, holder_active) references person (id, active)
);
create unique index telegram_link_live_person on telegram_link (person_id) where unlinked_at is null;
create unique index telegram_link_live_account on telegram_link (account) where unlinked_at is null;
create index telegram_link_history on telegram_link (person_id, id);
create trigger telegram_link_stays before delete on telegram_link
  for each row execute function refuse_change();
create trigger telegram_link_stays_whole before truncate on telegram_link
  for each statement execute function refuse_change();
-- The one change a link knows is its end.
create trigger telegram_link_only_ends before update on telegram_link for each row
  when (old.unlinked_at is not null or new.unlinked_at is null
    or (new.id, new.person_id, new.account, new.how, new.seen_as, new.linked_at, new.linked_by)
       is distinct from (old.id, old.person_id, old.account, old.how, old.seen_as, old.linked_at, old.linked_by))
  execute function refuse_change();
alter table telegram_link enable always trigger telegram_link_stays;
alter table telegram_link enable always trigger telegram_link_stays_whole;
alter table telegram_link enable always trigger telegram_link_only_ends;
select grant_app('telegram_link', 'select, insert, update (unlinked_at, unlinked_by, unlinked_why)');

create table chat (
  id               text primary key check (id ~ '^cht_[0-9a-hjkmnp-tv-z]{26}$'),
  external_id      text not null constraint chat_external_id_once unique
                   check (plain_text(external_id, 1, 200)),
  -- Groups have negative ids; those of supergroups and channels begin with -100.
  telegram_chat_id bigint not null check (telegram_chat_id between -4503599627370496 and -1),
  thread_id        bigint check (thread_id between 1 and 2147483647),
  title            text not null check (plain_text(title, 1, 255)),
  notices          text[] not null default '{}' check (plain_list(notices, 100)),
  fallback         boolean not null default false, -- is told when nobody can be asked
  kind             text not null check (kind in ('group', 'supergroup', 'channel')),
  active           boolean not null default true,
  migrated_from    bigint check (migrated_from between -4503599627370496 and -1),
  fault            text not null default '' check (plain_text(fault, 0, 500)),
  fault_at         timestamptz,
  created_at       timestamptz not null,
  check ((kind = 'group') = (telegram_chat_id > -1000000000000)),
  check (thread_id is null or kind = 'supergroup'),
  check ((fault = '') = (fault_at is null)),
  check (migrated_from <> telegram_chat_id)
);
create unique index chat_place_once on chat (telegram_chat_id, coalesce(thread_id, 0)) where active;
create trigger chat_stays before delete on chat
  for each row execute function refuse_change();
create trigger chat_stays_whole before truncate on chat
  for each statement execute function refuse_change();
select grant_app('chat', 'select, insert, update (telegram_chat_id, thread_id, title, notices, fallback, kind, active, migrated_from, fault, fault_at)');

create table source (
  name       text primary key check (name ~ '^[a-z0-9][a-z0-9_.-]{0,63}$'),
  created_at timestamptz not null
);
create trigger source_stays before delete on source
  for each row execute function refuse_change();
create trigger source_stays_whole before truncate on source
  for each statement execute function refuse_change();
select grant_app('source', 'select, insert');

create table api_key (
  id           text primary key check (id ~ '^csk_[a-z2-7]{12}$'),
  source       text not null references source,
  name         text not null check (plain_text(name, 1, 100)),
  secret_hash  bytea not null constraint api_key_secret_once unique check (octet_length(secret_hash) = 32),
  scopes       text[] not null check (
                 cardinality(scopes) > 0 and plain_list(scopes, 8)
                 and scopes <@ array['documents:write', 'documents:read', 'decisions:read', 'consume',
                                     'events:read', 'webhooks:manage', 'directory:write', 'notices:write']),
  created_at   timestamptz not null,
  expires_at   timestamptz not null,
  revoked_at   timestamptz,
  revoked_by   text check (plain_text(revoked_by, 1, 200)),
  last_used_on date,
  check (expires_at > created_at and expires_at <= created_at + interval '8784 hours'), -- 366 days
  check (revoked_at >= created_at),
  check ((revoked_at is null) = (revoked_by is null))
);
create index api_key_source on api_key (source);
create trigger api_key_stays before delete on api_key
  for each row execute function refuse_change();
create trigger api_key_stays_whole before truncate on api_key
  for each statement execute function refuse_change();
-- A key may be revoked and may be used; it is never widened, prolonged or revived.
create trigger api_key_only_ends before update on api_key for each row
  when ((old.revoked_at is not null and (new.revoked_at, new.revoked_by) is distinct from (old.revoked_at, old.revoked_by))
    or (new.id, new.source, new.name, new.secret_hash, new.scopes, new.created_at, new.expires_at)
       is distinct from (old.id, old.source, old.name, old.secret_hash, old.scopes, old.created_at, old.expires_at))
  execute function refuse_change();
select grant_app('api_key', 'select, insert, update (revoked_at, revoked_by, last_used_on)');

-- +goose Down
drop table api_key;
drop table source;
drop table chat;
drop table telegram_link;
drop table person_role;
drop table person;
drop table directory_state;
drop table directory_journal;
drop function plain_list(text[], int);
drop function plain_text(text, int, int);
