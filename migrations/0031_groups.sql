-- Package directory owns these: what a chat gets of a document, and the codes by which
-- administrators bind chats from within the messenger.

-- +goose Up

alter table chat
  -- Narrower wishes for some of the types in notices: [{"type", "companies", "amounts"}].
  add column rules   jsonb   not null default '[]' check (jsonb_typeof(rules) = 'array' and char_length(rules::text) <= 65536),
  add column hidden  text[]  not null default '{}' check (plain_list(hidden, 30)), -- fields that are never told there
  add column files   boolean not null default true,
  add column protect boolean not null default false, -- what is sent cannot be forwarded or saved
  -- The fault that the administrators were told of; while it differs from fault they are owed a word.
  add column told    text    not null default '' check (plain_text(told, 0, 500)),
  -- How often its place or its wishes changed, and up to which of these changes the open cases
  -- were asked to be shown anew.
  add column changes bigint  not null default 1 check (changes > 0),
  add column settled bigint  not null default 0 check (settled >= 0);
update chat set settled = changes; -- they are shown as they are
create index chat_unsettled on chat (id) where settled < changes;
create index chat_untold on chat (id) where fault <> told;
select grant_app('chat', 'update (rules, hidden, files, protect, told, changes, settled)');

-- One row a code. Of the code itself only a hash is kept; a code ends by its use, by a
-- newer one for the same chat, or by its time. Times are the database's.
create table chat_code (
  id          text        primary key check (id ~ '^chc_[0-9a-hjkmnp-tv-z]{26}$'),
  hash        bytea       not null constraint chat_code_once unique check (octet_length(hash) = 32),
  external_id text        not null check (plain_text(external_id, 1, 200)),
  notices     text[]      check (plain_list(notices, 100)), -- null: as they are
  made_by     text        not null check (plain_text(made_by, 1, 200)),
  made_at     timestamptz not null,
  expires_at  timestamptz not null,
  ended_at    timestamptz,
  account     bigint      check (account between 1 and 4503599627370496), -- who used it
  place       bigint      check (place < 0), -- and in which chat
  thread      bigint      check (thread >= 0),
  update_id   bigint, -- by which update: the same one again is the same use
  check (expires_at > made_at and expires_at <= made_at + interval '15 minutes'),
  check ((account is null) = (place is null) and (account is null) = (thread is null) and (account is null) = (update_id is null)),
  check (account is null or ended_at is not null)
);
create unique index chat_code_live on chat_code (external_id) where ended_at is null;
create index chat_code_age on chat_code (made_at);
create trigger chat_code_only_ends before update on chat_code for each row
  when (old.ended_at is not null or new.ended_at is null
    or (new.id, new.hash, new.external_id, new.notices, new.made_by, new.made_at, new.expires_at)
       is distinct from (old.id, old.hash, old.external_id, old.notices, old.made_by, old.made_at, old.expires_at))
  execute function refuse_change();
alter table chat_code enable always trigger chat_code_only_ends;
select grant_app('chat_code', 'select, insert, update (ended_at, account, place, thread, update_id), delete');

-- Wrong codes, so that nobody can go through them all.
create table chat_code_try (
  id      bigint      generated always as identity primary key,
  place   bigint      not null,
  account bigint      not null,
  at      timestamptz not null
);
create index chat_code_try_place on chat_code_try (place, at);
create index chat_code_try_account on chat_code_try (account, at);
create index chat_code_try_age on chat_code_try (at);
select grant_app('chat_code_try', 'select, insert, delete');

-- +goose Down
drop table chat_code_try, chat_code;
drop index chat_untold, chat_unsettled;
alter table chat drop column changes, drop column settled, drop column rules, drop column hidden, drop column files, drop column protect, drop column told;
