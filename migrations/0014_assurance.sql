-- Package ledger owns this: what a case asks of those who accept, what they gave, and
-- which payees have been paid before.

-- +goose Up
-- How much a word is worth; null for a word that is none.
-- +goose StatementBegin
create function assurance_rank(word text) returns int
language sql immutable strict parallel safe as $$
  select array_position(array['chat', 'pin', 'login', 'totp', 'passkey'], word)
$$;
-- +goose StatementEnd

-- By step, from the first; empty: the chat is enough in all of them.
alter table approval_case
  add column asks      text[]  not null default '{}',
  add column new_payee boolean not null default false,
  add constraint asks_words check (asks <@ array['chat', 'pin', 'login', 'totp', 'passkey']),
  add constraint asks_by_step check (asks = '{}' or array_ndims(asks) = 1 and array_lower(asks, 1) = 1);
select grant_app('approval_case', 'update (asks, new_payee)');

alter table vote add column assurance text not null default 'chat' check (assurance_rank(assurance) is not null);

-- Nobody accepts with less than the case asks for, whatever the code says. These guards
-- stand beside vote_gate, case_gate and approval_gate.
-- +goose StatementBegin
create function vote_proof_gate() returns trigger
language plpgsql as $$
begin
  if exists (select from approval_case c where c.id = new.case_id
     and assurance_rank(c.asks[new.step + 1]) > assurance_rank(new.assurance)) then
    raise exception 'step % of case % is accepted with less than it asks for', new.step, new.case_id using errcode = 'CS017';
  end if;
  return new;
end $$;
-- +goose StatementEnd
select trusted('vote_proof_gate()');
create trigger vote_proof_gate before insert on vote
  for each row when (new.verdict = 'accept') execute function vote_proof_gate();
alter table vote enable always trigger vote_proof_gate;

-- Within a round no step comes to ask for less.
-- +goose StatementBegin
create function case_proof_gate() returns trigger
language plpgsql as $$
begin
  if exists (select from unnest(old.asks) with ordinality o(word, step)
     where assurance_rank(word) > assurance_rank(coalesce(new.asks[step], 'chat'))) then
    raise exception 'case % would ask for less than it did', old.id using errcode = 'CS017';
  end if;
  return new;
end $$;
-- +goose StatementEnd
select trusted('case_proof_gate()');
create trigger case_proof_gate before update on approval_case for each row
  when (new.asks is distinct from old.asks and new.round = old.round) execute function case_proof_gate();
alter table approval_case enable always trigger case_proof_gate;

-- Also the votes that stood before it asked for more must have given as much.
-- +goose StatementBegin
create function approval_proof_gate() returns trigger
language plpgsql as $$
begin
  if exists (select from vote v join slot s using (case_id, round, step, no)
      where v.case_id = new.id and v.round = new.decided_round and v.verdict = 'accept' and s.state = 'voted'
        and assurance_rank(new.asks[v.step + 1]) > assurance_rank(v.assurance)) then
    raise exception 'case % would be approved with less than it asks for', new.id using errcode = 'CS017';
  end if;
  return null;
end $$;
-- +goose StatementEnd
select trusted('approval_proof_gate()');
create constraint trigger approval_proof_gate after insert or update on approval_case
  deferrable initially deferred for each row when (new.state = 'approved' and new.asks <> '{}') execute function approval_proof_gate();
alter table approval_case enable always trigger approval_proof_gate;

-- Where a company has sent money: the account and the bank without blanks, in small
-- letters, and the case by which it was the first time. A payee that is not here is new.
create table known_payee (
  source  text not null,
  company text not null check (char_length(company) <= 200),
  account text not null check (char_length(account) between 1 and 150),
  bank    text not null check (char_length(bank) <= 100),
  case_id text not null references approval_case,
  primary key (source, company, account, bank)
);
select append_only('known_payee');
select grant_app('known_payee', 'select, insert');

-- Of the bodies only those of what was paid are read, and none with a character that is
-- no text here: its payee stays new.
with paid as materialized (
  select d.source, coalesce(r.body::json ->> 'company', '') as company,
    lower(regexp_replace(coalesce(r.body::json -> 'payee' ->> 'account', ''), '\s', '', 'g')) as account,
    lower(regexp_replace(coalesce(r.body::json -> 'payee' ->> 'bank_id', ''), '\s', '', 'g')) as bank, c.id, c.consumed_at
  from approval_case c join document d on d.id = c.document_id
    join revision r on (r.document_id, r.revision) = (c.document_id, c.revision)
  where c.consumed_ref is not null and position('\u0000' in r.body) = 0)
insert into known_payee (source, company, account, bank, case_id)
  select distinct on (source, company, account, bank) source, company, account, bank, id from paid
  where char_length(company) <= 200 and char_length(account) between 1 and 150 and char_length(bank) <= 100
  order by source, company, account, bank, consumed_at, id;

-- A payee is known by a decision that was consumed.
-- +goose StatementBegin
create function known_payee_gate() returns trigger
language plpgsql as $$
begin
  if not exists (select from approval_case c join document d on d.id = c.document_id
     where c.id = new.case_id and c.consumed_ref is not null and d.source = new.source) then
    raise exception 'a payee would be known by case %, by which nothing was paid', new.case_id using errcode = 'CS017';
  end if;
  return new;
end $$;
-- +goose StatementEnd
select trusted('known_payee_gate()');
create trigger known_payee_gate before insert on known_payee for each row execute function known_payee_gate();
alter table known_payee enable always trigger known_payee_gate;

-- +goose Down
-- What was given stays in the events.
drop table known_payee;
drop function known_payee_gate();
drop trigger approval_proof_gate on approval_case;
drop trigger case_proof_gate on approval_case;
drop trigger vote_proof_gate on vote;
drop function approval_proof_gate();
drop function case_proof_gate();
drop function vote_proof_gate();
alter table vote drop column assurance;
alter table approval_case drop column asks, drop column new_payee;
drop function assurance_rank(text);
