-- Package directory owns these: the accounts of login services by which people prove who
-- they are, what a Telegram link may do yet, and who is frozen after a loss.

-- +goose Up

-- Whose account of a login service it is. The key is what the service promises never to
-- give to somebody else; the address is for the eye.
create table identity (
  id        bigint generated always as identity primary key,
  person_id text not null references person,
  issuer    text not null check (char_length(issuer) <= 255 and issuer ~ '^https?://[^[:space:][:cntrl:]]+$'),
  subject   text not null check (subject ~ '^[!-~]{1,255}$'),
  email     text not null check (plain_text(email, 3, 254)),
  bound_at  timestamptz not null,
  bound_by  text not null check (plain_text(bound_by, 1, 200)),
  ended_at  timestamptz check (ended_at >= bound_at),
  ended_by  text check (plain_text(ended_by, 1, 200)),
  ended_why text check (plain_text(ended_why, 1, 500)),
  check ((ended_at is null) = (ended_by is null)),
  check ((ended_at is null) = (ended_why is null)),
  constraint identity_of_person unique (id, person_id) -- what a link refers to
);
create unique index identity_live_subject on identity (issuer, subject) where ended_at is null;
create unique index identity_live_person on identity (person_id, issuer) where ended_at is null;
create trigger identity_stays before delete on identity
  for each row execute function refuse_change();
create trigger identity_stays_whole before truncate on identity
  for each statement execute function refuse_change();
create trigger identity_only_ends before update on identity for each row
  when (old.ended_at is not null or new.ended_at is null
    or (new.id, new.person_id, new.issuer, new.subject, new.email, new.bound_at, new.bound_by)
       is distinct from (old.id, old.person_id, old.issuer, old.subject, old.email, old.bound_at, old.bound_by))
  execute function refuse_change();
alter table identity enable always trigger identity_stays;
alter table identity enable always trigger identity_stays_whole;
alter table identity enable always trigger identity_only_ends;
select grant_app('identity', 'select, insert, update (ended_at, ended_by, ended_why)');

-- Somebody frozen has no link and gets none, until an administrator lifts it.
alter table person
  add column frozen_at  timestamptz,
  add column frozen_by  text check (plain_text(frozen_by, 1, 200)),
  add column frozen_why text check (plain_text(frozen_why, 1, 500)),
  add constraint person_frozen_whole check ((frozen_at is null) = (frozen_by is null) and (frozen_at is null) = (frozen_why is null));
select grant_app('person', 'update (frozen_at, frozen_by, frozen_why)');

-- What a link may do: decide from a moment on (none yet: it waits for an administrator).
-- When it was last proved is kept, because logins may have to be repeated.
drop trigger telegram_link_only_ends on telegram_link;
alter table telegram_link
  add column identity_id   bigint,
  add column decides_from  timestamptz,
  add column proved_at     timestamptz,
  add column confirmed_by  text check (plain_text(confirmed_by, 1, 200)),
  add column confirmed_at  timestamptz,
  add constraint telegram_link_confirmed_whole check ((confirmed_by is null) = (confirmed_at is null)),
  add constraint telegram_link_identity foreign key (identity_id, person_id) references identity (id, person_id);
update telegram_link set decides_from = linked_at;
alter table telegram_link
  drop constraint telegram_link_how_check,
  add constraint telegram_link_how_check check (how in ('administrator', 'login')),
  add constraint telegram_link_from check (decides_from >= linked_at),
  add constraint telegram_link_proof check ((how = 'login') = (identity_id is not null) and (how = 'login') = (proved_at is not null)),
  add constraint telegram_link_by_administrator check (how <> 'administrator' or decides_from is not null);

-- A link knows three changes: its end, one confirmation that lets it decide, and a new
-- proof that prolongs it.
create trigger telegram_link_only_ends before update on telegram_link for each row
  when (old.unlinked_at is not null
    or (new.id, new.person_id, new.account, new.how, new.seen_as, new.linked_at, new.linked_by, new.identity_id)
       is distinct from (old.id, old.person_id, old.account, old.how, old.seen_as, old.linked_at, old.linked_by, old.identity_id)
    or (new.decides_from, new.confirmed_by, new.confirmed_at) is distinct from (old.decides_from, old.confirmed_by, old.confirmed_at)
       and (old.confirmed_at is not null or new.confirmed_at is null or new.decides_from is null)
    or new.proved_at < old.proved_at or (new.proved_at is null) <> (old.proved_at is null))
  execute function refuse_change();
alter table telegram_link enable always trigger telegram_link_only_ends;
select grant_app('telegram_link', 'update (decides_from, proved_at, confirmed_by, confirmed_at)');

-- +goose StatementBegin
create function link_gate() returns trigger
language plpgsql as $$
begin
  if exists (select from person where id = new.person_id and frozen_at is not null) then
    raise exception 'link of %, who is frozen', new.person_id using errcode = 'CS015';
  end if;
  return new;
end $$;
-- +goose StatementEnd
select trusted('link_gate()');
create trigger link_gate before insert on telegram_link for each row execute function link_gate();
alter table telegram_link enable always trigger link_gate;

-- +goose StatementBegin
create function freeze_gate() returns trigger
language plpgsql as $$
begin
  if exists (select from telegram_link where person_id = new.id and unlinked_at is null) then
    raise exception '% is frozen and still linked', new.id using errcode = 'CS015';
  end if;
  return null;
end $$;
-- +goose StatementEnd
select trusted('freeze_gate()');
create constraint trigger freeze_gate after update on person
  deferrable initially deferred for each row when (new.frozen_at is not null) execute function freeze_gate();
alter table person enable always trigger freeze_gate;

-- +goose Down
drop trigger freeze_gate on person;
drop trigger link_gate on telegram_link;
drop trigger telegram_link_only_ends on telegram_link;
drop function freeze_gate();
drop function link_gate();
alter table telegram_link drop column identity_id, drop column decides_from, drop column proved_at,
  drop column confirmed_by, drop column confirmed_at, drop constraint telegram_link_how_check,
  add constraint telegram_link_how_check check (how in ('administrator', 'google'));
create trigger telegram_link_only_ends before update on telegram_link for each row
  when (old.unlinked_at is not null or new.unlinked_at is null
    or (new.id, new.person_id, new.account, new.how, new.seen_as, new.linked_at, new.linked_by)
       is distinct from (old.id, old.person_id, old.account, old.how, old.seen_as, old.linked_at, old.linked_by))
  execute function refuse_change();
alter table telegram_link enable always trigger telegram_link_only_ends;
alter table person drop column frozen_at, drop column frozen_by, drop column frozen_why;
drop table identity;
