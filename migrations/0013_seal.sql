-- +goose Up
-- Owned by package seal: the keys under which secrets are sealed, each with a value that
-- only the right key opens. The columns of sealed values belong to the owners of their
-- tables, hook and inbox.

-- The key under which a value was sealed; null when it is none.
-- +goose StatementBegin
create function seal_key_id(sealed bytea) returns bigint
language sql immutable strict parallel safe as $$
  select case when octet_length(sealed) > 33 and get_byte(sealed, 0) = 1 then
    (get_byte(sealed, 1)::bigint << 24) + (get_byte(sealed, 2) << 16) + (get_byte(sealed, 3) << 8) + get_byte(sealed, 4)
  end
$$;
-- +goose StatementEnd

create table seal_canary (
  key_id  bigint      primary key check (key_id between 0 and 4294967295),
  sealed  bytea       not null check (octet_length(sealed) <= 256 and seal_key_id(sealed) is not distinct from key_id),
  made_at timestamptz not null
);
create trigger seal_canary_stays before update on seal_canary for each row execute function refuse_change();
create trigger seal_canary_all before truncate on seal_canary for each statement execute function refuse_change();
alter table seal_canary enable always trigger seal_canary_stays;
alter table seal_canary enable always trigger seal_canary_all;
select grant_app('seal_canary', 'select, insert, delete');

-- A secret is sealed or, until it is sealed, in the clear. It cannot be sealed under a
-- key that the database does not know, and a key that is used cannot be forgotten.
alter table webhook_secret
  alter column secret drop not null,
  add column sealed     bytea  check (octet_length(sealed) between 34 and 8225),
  add column sealed_key bigint generated always as (seal_key_id(sealed)) stored references seal_canary,
  add constraint webhook_secret_kept   check ((secret is null) = (sealed is not null)),
  add constraint webhook_secret_sealed check ((sealed is null) = (sealed_key is null));

alter table telegram_secret
  alter column secret drop not null,
  add column sealed     bytea  check (octet_length(sealed) between 65 and 1057),
  add column sealed_key bigint generated always as (seal_key_id(sealed)) stored references seal_canary,
  add constraint telegram_secret_kept   check ((secret is null) = (sealed is not null)),
  add constraint telegram_secret_sealed check ((sealed is null) = (sealed_key is null));
select grant_app('telegram_secret', 'update (secret, sealed)');

-- What was sealed is not put back into the clear.
-- +goose StatementBegin
create function stay_sealed() returns trigger
language plpgsql as $$
begin
  raise exception 'a sealed value of % stays sealed', tg_table_name using errcode = 'CS030';
end $$;
-- +goose StatementEnd
create trigger webhook_secret_stays before update on webhook_secret for each row
  when (old.sealed is not null and new.sealed is null) execute function stay_sealed();
create trigger telegram_secret_stays before update on telegram_secret for each row
  when (old.sealed is not null and new.sealed is null) execute function stay_sealed();
alter table webhook_secret enable always trigger webhook_secret_stays;
alter table telegram_secret enable always trigger telegram_secret_stays;

-- +goose Down
-- The database cannot open what is sealed: going back would lose it.
-- +goose StatementBegin
do $$
begin
  if exists (select from webhook_secret where sealed is not null) or exists (select from telegram_secret where sealed is not null) then
    raise exception 'secrets are sealed; remove the rows of webhook_secret and telegram_secret first, and set these secrets anew afterwards' using errcode = 'CS031';
  end if;
  if exists (select from pg_roles where rolname = 'countersign_app') then
    revoke update (secret, sealed) on telegram_secret from countersign_app;
  end if;
end $$;
-- +goose StatementEnd
drop trigger webhook_secret_stays on webhook_secret;
drop trigger telegram_secret_stays on telegram_secret;
drop function stay_sealed();
alter table webhook_secret drop column sealed_key, drop column sealed, alter column secret set not null;
alter table telegram_secret drop column sealed_key, drop column sealed, alter column secret set not null;
drop table seal_canary;
drop function seal_key_id(bytea);
