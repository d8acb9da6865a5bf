-- Package link owns this: attempts to tie a Telegram account to a person by a login.

-- +goose Up

-- One row an attempt, through its stages: asked for in the chat, opened in a browser,
-- sent to the login service and back (exchanged), proved there, brought back into the
-- chat, ended. Of secrets only hashes are kept. Times are the database's.
create table link_attempt (
  id           text        primary key check (id ~ '^lnk_[0-9a-hjkmnp-tv-z]{26}$'),
  account      bigint      not null check (account between 1 and 4503599627370496),
  seen_as      text        not null check (plain_text(seen_as, 0, 200)), -- name the account shows
  language     text        not null check (char_length(language) <= 35),
  created_at   timestamptz not null,
  expires_at   timestamptz not null,
  token_hash   bytea       not null constraint link_attempt_token_once unique check (octet_length(token_hash) = 32),
  service      text        check (service ~ '^[a-z0-9-]{1,32}$'),
  cookie_hash  bytea       constraint link_attempt_cookie_once unique check (octet_length(cookie_hash) = 32),
  state_hash   bytea       constraint link_attempt_state_once unique check (octet_length(state_hash) = 32),
  opened_at    timestamptz,
  exchanged_at timestamptz,
  issuer       text        check (char_length(issuer) between 1 and 255),
  subject      text        check (subject ~ '^[!-~]{1,255}$'),
  email        text        check (plain_text(email, 3, 254)),
  person_id    text        references person,
  proof_hash   bytea       constraint link_attempt_proof_once unique check (octet_length(proof_hash) = 32),
  code_hash    bytea       check (octet_length(code_hash) = 32),
  tries        int         not null default 0 check (tries between 0 and 3),
  proved_at    timestamptz,
  brought_at   timestamptz,
  ended_at     timestamptz,
  outcome      text        check (outcome ~ '^[a-z_]{1,64}$'),
  constraint link_attempt_short check (expires_at > created_at and expires_at <= created_at + interval '30 minutes'),
  constraint link_attempt_opened check ((opened_at is null) = (service is null) and (opened_at is null) = (cookie_hash is null)
    and (opened_at is null) = (state_hash is null)),
  constraint link_attempt_exchanged check (exchanged_at is null or opened_at is not null),
  constraint link_attempt_proved check ((proved_at is null or exchanged_at is not null)
    and (proved_at is null) = (issuer is null) and (proved_at is null) = (subject is null) and (proved_at is null) = (email is null)
    and (proved_at is null) = (person_id is null) and (proved_at is null) = (proof_hash is null) and (proved_at is null) = (code_hash is null)),
  constraint link_attempt_brought check (brought_at is null or proved_at is not null),
  constraint link_attempt_ended check ((ended_at is null) = (outcome is null)),
  constraint link_attempt_linked check (outcome <> 'linked' or brought_at is not null)
);
create unique index link_attempt_live on link_attempt (account) where ended_at is null;
create index link_attempt_recent on link_attempt (account, created_at);
create index link_attempt_code on link_attempt (code_hash) where ended_at is null and code_hash is not null;
create index link_attempt_age on link_attempt (created_at);
-- Stages are passed once and never taken back, and what was found out stays as it is.
create trigger link_attempt_goes_on before update on link_attempt for each row
  when (old.ended_at is not null
    or (new.id, new.account, new.seen_as, new.created_at, new.token_hash) is distinct from (old.id, old.account, old.seen_as, old.created_at, old.token_hash)
    or old.exchanged_at is not null and (new.service, new.state_hash, new.opened_at, new.exchanged_at)
       is distinct from (old.service, old.state_hash, old.opened_at, old.exchanged_at)
    or old.proved_at is not null and (new.issuer, new.subject, new.email, new.person_id, new.proof_hash, new.code_hash, new.proved_at, new.cookie_hash)
       is distinct from (old.issuer, old.subject, old.email, old.person_id, old.proof_hash, old.code_hash, old.proved_at, old.cookie_hash)
    or old.brought_at is not null and new.brought_at is distinct from old.brought_at
    or new.tries < old.tries)
  execute function refuse_change();
alter table link_attempt enable always trigger link_attempt_goes_on;
select grant_app('link_attempt', 'select, insert, update, delete');

-- +goose Down
drop table link_attempt;
