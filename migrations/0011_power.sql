-- Package ledger owns this: a vote by the messenger needs an account that may decide.

-- +goose Up
-- +goose StatementBegin
create or replace function vote_gate() returns trigger
language plpgsql as $$
declare
  c record;
  p record;
begin
  select state, round, revision, parties, barred, consumed_ref into c from approval_case where id = new.case_id;
  select external_id, email, active into p from person where id = new.person_id;
  if c.state not in ('in_progress', 'blocked') then
    raise exception 'vote on case %, which is %', new.case_id, c.state using errcode = 'CS008';
  end if;
  if new.round <> c.round or new.revision > c.revision then
    raise exception 'vote of another round or a later revision on case %', new.case_id using errcode = 'CS002';
  end if;
  if new.person_id = any (c.barred)
     or exists (select from unnest(c.parties) q where lower(btrim(q)) in (lower(p.external_id), nullif(lower(p.email), ''))) then
    raise exception 'vote of a party of the document on case %', new.case_id using errcode = 'CS003';
  end if;
  if c.consumed_ref is not null then
    raise exception 'vote on the consumed case %', new.case_id using errcode = 'CS004';
  end if;
  if not p.active then
    raise exception 'vote of %, who has left', new.person_id using errcode = 'CS010';
  end if;
  if new.via = 'chat' and not exists (select from telegram_link l
     where l.person_id = new.person_id and l.unlinked_at is null
       and (l.decides_from = l.linked_at or l.confirmed_at is not null or l.decides_from <= new.at)) then
    raise exception 'vote of %, whose account may not decide', new.person_id using errcode = 'CS016';
  end if;
  if new.via <> 'carried' and not exists (select from slot s
     where (s.case_id, s.round, s.step, s.no) = (new.case_id, new.round, new.step, new.no) and s.state = 'open') then
    raise exception 'vote in a slot of case % that is closed', new.case_id using errcode = 'CS011';
  end if;
  return new;
end $$;
-- +goose StatementEnd
select trusted('vote_gate()');

-- +goose Down
-- +goose StatementBegin
create or replace function vote_gate() returns trigger
language plpgsql as $$
declare
  c record;
  p record;
begin
  select state, round, revision, parties, barred, consumed_ref into c from approval_case where id = new.case_id;
  select external_id, email, active into p from person where id = new.person_id;
  if c.state not in ('in_progress', 'blocked') then
    raise exception 'vote on case %, which is %', new.case_id, c.state using errcode = 'CS008';
  end if;
  if new.round <> c.round or new.revision > c.revision then
    raise exception 'vote of another round or a later revision on case %', new.case_id using errcode = 'CS002';
  end if;
  if new.person_id = any (c.barred)
     or exists (select from unnest(c.parties) q where lower(btrim(q)) in (lower(p.external_id), nullif(lower(p.email), ''))) then
    raise exception 'vote of a party of the document on case %', new.case_id using errcode = 'CS003';
  end if;
  if c.consumed_ref is not null then
    raise exception 'vote on the consumed case %', new.case_id using errcode = 'CS004';
  end if;
  if not p.active then
    raise exception 'vote of %, who has left', new.person_id using errcode = 'CS010';
  end if;
  if new.via <> 'carried' and not exists (select from slot s
     where (s.case_id, s.round, s.step, s.no) = (new.case_id, new.round, new.step, new.no) and s.state = 'open') then
    raise exception 'vote in a slot of case % that is closed', new.case_id using errcode = 'CS011';
  end if;
  return new;
end $$;
-- +goose StatementEnd
select trusted('vote_gate()');
