-- Package assure owns this: passkeys, the strongest way to confirm. A row is sealed for its
-- person: whoever writes into the database alone gives nobody a key.

-- +goose Up

-- How strong a way is; null: there is no such way.
-- +goose StatementBegin
create or replace function assure_rank(method text) returns int
language sql immutable strict parallel safe as $$
  select array_position(array['pin', 'login', 'totp', 'passkey'], method)
$$;
-- +goose StatementEnd

-- The counter is that of the authenticator; one that does not grow is a sign of a copy, and
-- the key is refused from then on.
create table assure_passkey (
  id            text        primary key check (id ~ '^psk_[0-9a-hjkmnp-tv-z]{26}$'),
  person_id     text        not null references person,
  name          text        not null check (plain_text(name, 1, 60)),
  credential_id bytea       not null constraint assure_passkey_credential_once unique check (octet_length(credential_id) between 16 and 1023),
  sealed        bytea       not null check (octet_length(sealed) between 34 and 8225),
  sealed_key    bigint      generated always as (seal_key_id(sealed)) stored references seal_canary,
  counter       bigint      not null check (counter between 0 and 4294967295),
  added_at      timestamptz not null,
  used_at       timestamptz check (used_at >= added_at),
  copied_at     timestamptz check (copied_at >= added_at),
  constraint assure_passkey_sealed check (sealed_key is not null)
);
create index assure_passkey_person on assure_passkey (person_id);
create index assure_passkey_key on assure_passkey (sealed_key);
create trigger assure_passkey_stays before update on assure_passkey for each row
  when ((new.id, new.person_id, new.name, new.credential_id, new.added_at) is distinct from (old.id, old.person_id, old.name, old.credential_id, old.added_at)
    or new.counter < old.counter or old.copied_at is not null and (new.copied_at, new.used_at) is distinct from (old.copied_at, old.used_at))
  execute function refuse_change();
alter table assure_passkey enable always trigger assure_passkey_stays;
select grant_app('assure_passkey', 'select, insert, update, delete');

-- An attempt counts the questions to authenticators that were answered: each is worth one
-- answer. Naming is the name of a passkey that is being added.
alter table assure_attempt
  drop constraint assure_attempt_least_check, drop constraint assure_attempt_method_check,
  add constraint assure_attempt_least_check check (least in ('pin', 'login', 'totp', 'passkey')),
  add constraint assure_attempt_method_check check (method in ('pin', 'login', 'totp', 'passkey')),
  add column asked  int  not null default 0 check (asked between 0 and 20),
  add column naming text check (plain_text(naming, 1, 60)),
  add constraint assure_attempt_naming check (naming is null or proved_at is not null and kind = 'enroll');
create trigger assure_attempt_asks_on before update on assure_attempt for each row
  when (new.asked < old.asked) execute function refuse_change();
alter table assure_attempt enable always trigger assure_attempt_asks_on;

-- +goose Down
-- What was confirmed stays with the votes; attempts live for minutes.
delete from assure_attempt where 'passkey' in (method, least);
drop trigger assure_attempt_asks_on on assure_attempt;
alter table assure_attempt
  drop column asked, drop column naming,
  drop constraint assure_attempt_least_check, drop constraint assure_attempt_method_check,
  add constraint assure_attempt_least_check check (least in ('pin', 'login', 'totp')),
  add constraint assure_attempt_method_check check (method in ('pin', 'login', 'totp'));
drop table assure_passkey;
-- +goose StatementBegin
create or replace function assure_rank(method text) returns int
language sql immutable strict parallel safe as $$
  select array_position(array['pin', 'login', 'totp'], method)
$$;
-- +goose StatementEnd
