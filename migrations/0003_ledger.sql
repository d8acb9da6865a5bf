-- +goose Up
-- Owned by package ledger: documents, cases, votes, events and their order.
--
-- One lock orders everything that happens to a document: its row in document. Its
-- case, slots, votes and events change under that lock only.

create table route_version (
  key          text        not null check (key ~ '^[a-z][a-z0-9_]{0,63}$'),
  version      int         not null check (version > 0),
  type         text        not null check (type ~ '^[a-z][a-z0-9_]{0,63}$'),
  body         text        not null check (octet_length(body) between 1 and 262144),
  published_by text        not null,
  published_at timestamptz not null,
  primary key (key, version)
);
select append_only('route_version');
select grant_app('route_version', 'select, insert');

-- Which version a new case of a type of document takes.
create table route_live (
  type    text primary key,
  key     text not null,
  version int  not null,
  foreign key (key, version) references route_version
);
select grant_app('route_live', 'select, insert, update');

create table document (
  id           text        primary key check (id ~ '^doc_[0-9a-z]{26}$'),
  source       text        not null check (source ~ '^[a-z0-9][a-z0-9_.-]{0,63}$'),
  external_id  text        not null check (char_length(external_id) between 1 and 200),
  type         text        not null,
  revision     int         not null check (revision > 0),
  hash         text        not null check (hash ~ '^sha256:[0-9a-f]{64}$'),
  case_id      text,       -- the newest case; set in the transaction that makes the document
  seen         int         not null default 0, -- the highest number that the ERP gave, also to a state that we had
  status       text        check (status ~ '^[a-z][a-z0-9_]{0,63}$'), -- what the ERP says became of it
  events       int         not null default 0 check (events >= 0),    -- how many so far; numbers the next
  created_at   timestamptz not null,
  unique (source, external_id)
);
select grant_app('document', 'select, insert, update (revision, hash, case_id, seen, status, events)');

create table revision (
  document_id  text        not null references document,
  revision     int         not null check (revision > 0),
  hash         text        not null check (hash ~ '^sha256:[0-9a-f]{64}$'),
  body         text        not null check (octet_length(body) <= 1048576),
  amount_minor bigint      not null check (amount_minor > 0 and amount_minor < 1000000000000000000),
  currency     text        not null check (currency ~ '^[A-Z]{3}$'),
  created_at   timestamptz not null,
  primary key (document_id, revision),
  unique (document_id, revision, hash)
);
select append_only('revision');
select grant_app('revision', 'select, insert');
alter table document add constraint document_revision foreign key (id, revision, hash)
  references revision (document_id, revision, hash) deferrable initially deferred;

create table approval_case (
  id               text        primary key check (id ~ '^cas_[0-9a-z]{26}$'),
  document_id      text        not null references document,
  state            text        not null check (state in ('in_progress', 'approved', 'rejected', 'returned', 'withdrawn', 'expired', 'blocked')),
  route_key        text        not null,
  route_version    int         not null,
  rule             text        not null,
  round            int         not null check (round > 0),
  revision         int         not null,
  hash             text        not null,
  amount_minor     bigint      not null,
  currency         text        not null,
  parties          text[]      not null,
  barred           text[]      not null default '{}', -- the persons whom the parties meant when they were written
  missing          text[]      not null,
  step             int         not null check (step >= 0),
  note             text        not null default '',
  opened_at        timestamptz not null,
  events           int         not null check (events > 0), -- also the version of the case
  decided_outcome  text        check (decided_outcome in ('approved', 'rejected')),
  decided_round    int,
  decided_revision int,
  decided_at       timestamptz,
  decided_by       text,
  decided_reason   text,
  -- What the messages show: the courier's place, see package courier.
  cards_at         int         not null default 0,
  cards_next       timestamptz not null default '-infinity',
  cards_lease      bigint      not null default 0,
  foreign key (route_key, route_version) references route_version,
  foreign key (document_id, revision, hash) references revision (document_id, revision, hash),
  check ((decided_outcome is null) = (decided_at is null)
     and (decided_outcome is null) = (decided_round is null)
     and (decided_outcome is null) = (decided_revision is null)),
  -- A final state is a decision of this round, and a decision is a final state.
  check (state not in ('approved', 'rejected') or coalesce(decided_outcome = state and decided_round = round, false)),
  check (cards_at <= events)
);
create unique index one_live_case on approval_case (document_id) where state not in ('rejected', 'withdrawn', 'expired');
create index case_document on approval_case (document_id);
create index case_behind on approval_case (cards_next) where cards_at < events;
create index case_blocked on approval_case (id) where state = 'blocked';
create index case_missing on approval_case using gin (missing) where missing <> '{}';
alter table document add constraint document_case foreign key (case_id) references approval_case deferrable initially deferred;

create table slot (
  case_id   text not null references approval_case,
  round     int  not null check (round > 0),
  step      int  not null check (step >= 0),
  no        int  not null check (no >= 0),
  person_id text not null references person,
  because   text not null check (because <> ''),
  state     text not null check (state in ('open', 'voted', 'superseded', 'void')),
  asked_at  timestamptz not null,
  primary key (case_id, round, step, no),
  unique (case_id, round, step, person_id),          -- distinct persons only
  unique (case_id, round, step, no, person_id)
);
create index slot_waiting on slot (person_id, asked_at desc, case_id) where state = 'open';
create index slot_person on slot (person_id, case_id);
select grant_app('slot', 'select, insert, update (state, because)');

create table vote (
  case_id      text        not null,
  round        int         not null,
  step         int         not null,
  no           int         not null,
  person_id    text        not null,
  revision     int         not null,
  amount_minor bigint      not null,
  currency     text        not null,
  verdict      text        not null check (verdict in ('accept', 'reject', 'return')),
  reason       text        not null check (char_length(reason) <= 4096),
  via          text        not null check (via in ('chat', 'console', 'carried')),
  at           timestamptz not null,
  -- One vote a slot, of the person who holds it: no second vote, no stranger's vote.
  primary key (case_id, round, step, no),
  foreign key (case_id, round, step, no, person_id) references slot (case_id, round, step, no, person_id),
  check (verdict <> 'return' or reason <> '')
);
select append_only('vote');
select grant_app('vote', 'select, insert');

-- Somebody who wrote the document or gains from it is no voter, whatever the code says.
-- The words of a document for a person are his external id or his mail address.
-- +goose StatementBegin
create function vote_gate() returns trigger
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

-- The decision is taken once, by one payment, and only of what was approved.
alter table approval_case
  add column consumed_ref  text check (char_length(consumed_ref) between 1 and 200),
  add column consumed_hash text,
  add column consumed_at   timestamptz,
  add constraint consumed_whole check ((consumed_ref is null) = (consumed_hash is null) and (consumed_ref is null) = (consumed_at is null)),
  add constraint consumed_approved check (consumed_ref is null or state = 'approved');

select trusted('vote_gate()');
create trigger vote_gate before insert on vote for each row execute function vote_gate();
alter table vote enable always trigger vote_gate;

-- What was consumed stays consumed, and a case that ended stays ended.
-- +goose StatementBegin
create function case_gate() returns trigger
language plpgsql as $$
begin
  if old.consumed_ref is not null and (new.consumed_ref, new.consumed_hash, new.consumed_at)
     is distinct from (old.consumed_ref, old.consumed_hash, old.consumed_at) then
    raise exception 'the decision of case % was consumed', old.id using errcode = 'CS005';
  end if;
  if old.consumed_ref is null and new.consumed_ref is not null and 
     (old.state <> 'approved' or new.consumed_hash <> old.hash or cardinality(old.missing) > 0) then
    raise exception 'the decision of case % is consumed for something else', old.id using errcode = 'CS012';
  end if;
  if old.state = 'approved' and new.state not in ('approved', 'withdrawn') and new.round <= old.round then
    raise exception 'the approval of case % would be undone', old.id using errcode = 'CS013';
  end if;
  if old.state in ('rejected', 'withdrawn', 'expired') and new.state <> old.state then
    raise exception 'case % has ended', old.id using errcode = 'CS006';
  end if;
  if new.events < old.events or new.round < old.round or new.revision < old.revision then
    raise exception 'case % would go back', old.id using errcode = 'CS007';
  end if;
  return new;
end $$;
-- +goose StatementEnd
create trigger case_gate before update on approval_case for each row execute function case_gate();
alter table approval_case enable always trigger case_gate;
select grant_app('approval_case', 'select, insert, update (state, route_key, route_version, rule, round, revision, hash,
  amount_minor, currency, parties, barred, missing, step, note, events, decided_outcome, decided_round, decided_revision,
  decided_at, decided_by, decided_reason, consumed_ref, consumed_hash, consumed_at, cards_at, cards_next, cards_lease)');

-- No approval without somebody who approved in each step, and not while files are missing.
-- +goose StatementBegin
create function approval_gate() returns trigger
language plpgsql as $$
begin
  if (select count(distinct v.step) from vote v join slot s using (case_id, round, step, no)
      where v.case_id = new.id and v.round = new.decided_round and v.verdict = 'accept' and s.state = 'voted') <= new.step then
    raise exception 'case % would be approved by nobody', new.id using errcode = 'CS009';
  end if;
  if cardinality(new.missing) > 0 and (tg_op = 'INSERT' or old.state <> 'approved') then
    raise exception 'case % would be approved without its files', new.id using errcode = 'CS014';
  end if;
  return null;
end $$;
-- +goose StatementEnd
select trusted('approval_gate()');
create constraint trigger approval_gate after insert or update on approval_case
  deferrable initially deferred for each row when (new.state = 'approved') execute function approval_gate();
alter table approval_case enable always trigger approval_gate;

-- Facts, in the order of their document. body is the public text, to the byte what is
-- signed and sent; fact is what the machine replays.
create table event (
  seq          bigint      generated always as identity primary key,
  id           text        not null unique check (id ~ '^evt_[0-9a-z]{26}$'),
  document_id  text        not null references document,
  document_seq int         not null check (document_seq > 0),
  case_id      text,
  source       text        not null,
  kind         text        not null,
  at           timestamptz not null,
  body         text        not null check (octet_length(body) <= 20480),
  fact         text,
  unique (document_id, document_seq)
);
create index event_case on event (case_id, document_seq) where fact is not null;
select append_only('event');
select grant_app('event', 'select, insert');

-- Events that have no place in the feed yet. Numbers drawn from a sequence become
-- visible out of order; a place in the feed is given after commit, by one at a time,
-- so that a reader never passes over a late one.
create table event_new (
  seq bigint primary key -- of event; not a foreign key: it costs each vote a check, and a place in the feed has one
);
select grant_app('event_new', 'select, insert, delete');

create table feed (
  pos    bigint primary key check (pos > 0),
  seq    bigint not null unique references event,
  source text   not null
);
create index feed_source on feed (source, pos);
select append_only('feed');
select grant_app('feed', 'select, insert');

create table comment (
  id          text        primary key check (id ~ '^com_[0-9a-z]{26}$'),
  document_id text        not null references document,
  author      text        not null check (char_length(author) between 1 and 200),
  text        text        not null check (char_length(text) between 1 and 4096),
  at          timestamptz not null
);
create index comment_document on comment (document_id, at);
select append_only('comment');
select grant_app('comment', 'select, insert');

-- +goose Down
drop table comment, feed, event_new, event, vote, slot cascade;
drop table approval_case, revision, document, route_live, route_version cascade;
drop function vote_gate();
drop function case_gate();
drop function approval_gate();
