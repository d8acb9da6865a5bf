-- Package ledger owns this: who is asked and votes for another. Those asked for the same
-- person share a seat, and a seat is filled once.

-- +goose Up
alter table slot
  add column for_person     text references person,
  add column by_delegations bigint[] not null default '{}',
  add constraint slot_deputy check ((for_person is null) = (by_delegations = '{}') and for_person <> person_id),
  drop constraint slot_case_id_round_step_person_id_key;
-- A slot asks the same person for the same other for ever; of his slots one is alive.
create unique index slot_person_once on slot (case_id, round, step, person_id) where state in ('open', 'voted');
create index slot_deputy_open on slot using gin (by_delegations) where state = 'open' and for_person is not null;
select grant_app('slot', 'update (by_delegations)');

alter table vote
  add column for_person     text references person,
  add column by_delegations bigint[] not null default '{}',
  add constraint vote_deputy check ((for_person is null) = (by_delegations = '{}') and for_person <> person_id);
create unique index vote_person_once on vote (case_id, round, step, person_id);
create unique index vote_seat_once on vote (case_id, round, step, coalesce(for_person, person_id));

-- A vote for another is of whoever was asked for him, by delegations that hold, and never
-- for somebody who wrote the document or gains from it.
-- +goose StatementBegin
create function vote_seat_gate() returns trigger
language plpgsql as $$
declare
  c record;
  d record;
  s record;
  holder text := new.for_person;
  n bigint;
begin
  select for_person, by_delegations into s from slot where (case_id, round, step, no) = (new.case_id, new.round, new.step, new.no);
  if found and (s.for_person is distinct from new.for_person or s.by_delegations <> new.by_delegations) then
    raise exception 'vote on case % for somebody else than was asked', new.case_id using errcode = 'CS032';
  end if;
  if new.for_person is null then
    return new;
  end if;
  foreach n in array new.by_delegations loop
    select principal, deputy, starts_at, until, ended_at into d from delegation where id = n;
    if d.principal is distinct from holder or new.at < d.starts_at or new.at >= d.until or d.ended_at <= new.at then
      raise exception 'vote of % for %, and delegation % does not hold', new.person_id, new.for_person, n using errcode = 'CS032';
    end if;
    holder := d.deputy;
  end loop;
  if holder <> new.person_id then
    raise exception 'vote of % for % by delegations of others', new.person_id, new.for_person using errcode = 'CS032';
  end if;
  select parties, barred into c from approval_case where id = new.case_id;
  if new.for_person = any (c.barred) or exists (select from person p, unnest(c.parties) q where p.id = new.for_person
     and (not p.active or lower(btrim(q)) in (lower(p.external_id), nullif(lower(p.email), '')))) then
    raise exception 'vote for a party of the document on case %', new.case_id using errcode = 'CS003';
  end if;
  return new;
end $$;
-- +goose StatementEnd
select trusted('vote_seat_gate()');
create trigger vote_seat_gate before insert on vote for each row execute function vote_seat_gate();
alter table vote enable always trigger vote_seat_gate;

-- +goose Down
drop trigger vote_seat_gate on vote;
drop function vote_seat_gate();
drop index vote_seat_once;
drop index vote_person_once;
alter table vote drop column for_person, drop column by_delegations;
drop index slot_person_once;
alter table slot drop column for_person, drop column by_delegations,
  add constraint slot_case_id_round_step_person_id_key unique (case_id, round, step, person_id);
