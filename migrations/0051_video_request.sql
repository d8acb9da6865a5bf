-- Package videodesk owns this: stops that wait for an approval. The document of each is the
-- ledger's, under the source "trueconf" and this id.

-- +goose Up
create table video_request (
  id         text        primary key check (id ~ '^vrq_[0-9a-hjkmnp-tv-z]{26}$'),
  at         timestamptz not null,
  person_id  text        not null references person, -- who asked
  type       text        not null check (type ~ '^[a-z][a-z0-9_]{0,63}$'), -- of the document
  server     text        not null check (char_length(server) between 1 and 1000),
  conference text        not null check (char_length(conference) between 1 and 1000),
  session    text        not null check (char_length(session) between 1 and 1000),
  topic      text        not null check (char_length(topic) <= 500), -- as the person was shown it, like what follows
  owner      text        not null check (char_length(owner) <= 200),
  people     int         not null check (people >= -1), -- -1: not known
  recording  boolean,    -- null: not told
  began_at   timestamptz, -- of the session; null: not told
  looked_at  timestamptz not null, -- when it was last seen to run
  outcome    text        check (outcome in ('approved', 'refused', 'over', 'unasked')), -- null: it waits
  act_id     text        references video_act, -- what was done because it was approved
  ended_at   timestamptz check (ended_at >= at),
  constraint video_request_ended check ((outcome is null) = (ended_at is null)),
  constraint video_request_done check ((outcome is not distinct from 'approved') = (act_id is not null))
);
create unique index video_request_once on video_request (server, session) where outcome is null;
create trigger video_request_ends_once before update on video_request for each row
  when (old.outcome is not null
    or (new.id, new.at, new.person_id, new.type, new.server, new.conference, new.session, new.topic, new.owner, new.people, new.recording, new.began_at)
    is distinct from (old.id, old.at, old.person_id, old.type, old.server, old.conference, old.session, old.topic, old.owner, old.people, old.recording, old.began_at))
  execute function refuse_change();
create trigger video_request_stays before delete on video_request for each row execute function refuse_change();
create trigger video_request_stays_all before truncate on video_request for each statement execute function refuse_change();
alter table video_request enable always trigger video_request_ends_once;
alter table video_request enable always trigger video_request_stays;
alter table video_request enable always trigger video_request_stays_all;
select grant_app('video_request', 'select, insert, update (looked_at, outcome, act_id, ended_at)');

-- Not every document is about money: such a one has no amount, and no currency.
alter table revision
  drop constraint revision_amount_minor_check,
  drop constraint revision_currency_check,
  add constraint revision_amount_check check (
    amount_minor > 0 and amount_minor < 1000000000000000000 and currency ~ '^[A-Z]{3}$' or amount_minor = 0 and currency = '');

-- +goose Down
alter table revision
  drop constraint revision_amount_check,
  add constraint revision_amount_minor_check check (amount_minor > 0 and amount_minor < 1000000000000000000) not valid, -- what is there stays
  add constraint revision_currency_check check (currency ~ '^[A-Z]{3}$') not valid;
drop table video_request;
