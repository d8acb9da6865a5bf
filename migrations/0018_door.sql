-- Package console owns these: the login that a session and a role rest on, and who was
-- turned away.

-- +goose Up

-- A session is of one account of a login service, in one era of its person. Of the
-- sessions made before nobody knows that: they end, and people sign in anew.
drop trigger console_session_only_ends on console_session;
alter table console_session
  add column identity_id bigint,
  add column era         bigint check (era >= 0);
update console_session set ended_at = greatest(created_at, statement_timestamp()), ended_why = 'its login is not known' where ended_at is null;
alter table console_session
  add constraint console_session_login check (ended_at is not null or identity_id is not null and era is not null),
  add constraint console_session_identity foreign key (identity_id, person_id) references identity (id, person_id);
create trigger console_session_only_ends before update on console_session for each row
  when (old.ended_at is not null or new.seen_at < old.seen_at
    or (new.token_hash, new.person_id, new.created_at, new.expires_at, new.client, new.identity_id, new.era)
       is distinct from (old.token_hash, old.person_id, old.created_at, old.expires_at, old.client, old.identity_id, old.era))
  execute function refuse_change();
alter table console_session enable always trigger console_session_only_ends;

-- A role is given to whoever has one of these addresses, and to no other login: an ERP's
-- key may write the address by which a person is found the first time.
drop trigger console_grant_only_ends on console_grant;
alter table console_grant add column addresses text[] not null default '{}' check (cardinality(addresses) <= 20 and array_position(addresses, null) is null);
update console_grant g set addresses = array(
  select lower(i.email) from identity i where i.person_id = g.person_id and i.ended_at is null
  union select p.email from person p where p.id = g.person_id and p.email <> '')
where ended_at is null;
alter table console_grant alter column addresses drop default;
create trigger console_grant_only_ends before update on console_grant for each row
  when (old.ended_at is not null or new.ended_at is null
    or (new.id, new.person_id, new.role, new.granted_at, new.granted_by, new.addresses)
       is distinct from (old.id, old.person_id, old.role, old.granted_at, old.granted_by, old.addresses))
  execute function refuse_change();
alter table console_grant enable always trigger console_grant_only_ends;

-- Anybody with an account of a login service can be turned away, as often as he likes: one
-- row an address and hour, counted up. The rest of an hour shares the row without address.
create table console_refusal (
  hour    timestamptz not null check (hour = date_bin('1 hour', hour, timestamptz 'epoch')),
  person  text        not null check (plain_text(person, 0, 254)),
  times   bigint      not null check (times > 0),
  last_at timestamptz not null check (last_at >= hour),
  primary key (hour, person)
);
create trigger console_refusal_counts before update on console_refusal for each row
  when ((new.hour, new.person) is distinct from (old.hour, old.person) or new.times <= old.times or new.last_at < old.last_at)
  execute function refuse_change();
create trigger console_refusal_stays before delete on console_refusal for each row
  when (old.hour > statement_timestamp() - interval '8760 hours') execute function refuse_change();
create trigger console_refusal_stays_whole before truncate on console_refusal
  for each statement execute function refuse_change();
alter table console_refusal enable always trigger console_refusal_counts;
alter table console_refusal enable always trigger console_refusal_stays;
alter table console_refusal enable always trigger console_refusal_stays_whole;
select grant_app('console_refusal', 'select, insert, update (times, last_at), delete');

-- Who came and went may be forgotten after a year. Who got which role from whom never is.
drop trigger append_only_row on console_journal;
create trigger console_journal_stays before delete on console_journal for each row
  when (old.what in ('granted', 'ended') or old.at > statement_timestamp() - interval '8760 hours')
  execute function refuse_change();
create trigger console_journal_unchanged before update on console_journal
  for each row execute function refuse_change();
alter table console_journal enable always trigger console_journal_stays;
alter table console_journal enable always trigger console_journal_unchanged;
select grant_app('console_journal', 'delete');

-- +goose Down
-- +goose StatementBegin
do $$
begin
  if exists (select from pg_roles where rolname = 'countersign_app') then
    revoke delete on console_journal from countersign_app;
  end if;
end $$;
-- +goose StatementEnd
drop trigger console_journal_unchanged on console_journal;
drop trigger console_journal_stays on console_journal;
create trigger append_only_row before update or delete on console_journal for each row execute function refuse_change();
alter table console_journal enable always trigger append_only_row;
drop table console_refusal;
drop trigger console_grant_only_ends on console_grant;
alter table console_grant drop column addresses;
create trigger console_grant_only_ends before update on console_grant for each row
  when (old.ended_at is not null or new.ended_at is null
    or (new.id, new.person_id, new.role, new.granted_at, new.granted_by)
       is distinct from (old.id, old.person_id, old.role, old.granted_at, old.granted_by))
  execute function refuse_change();
alter table console_grant enable always trigger console_grant_only_ends;
drop trigger console_session_only_ends on console_session;
alter table console_session drop column identity_id, drop column era;
create trigger console_session_only_ends before update on console_session for each row
  when (old.ended_at is not null or new.seen_at < old.seen_at
    or (new.token_hash, new.person_id, new.created_at, new.expires_at, new.client)
       is distinct from (old.token_hash, old.person_id, old.created_at, old.expires_at, old.client))
  execute function refuse_change();
alter table console_session enable always trigger console_session_only_ends;
