-- Package videowatch owns this: conferences that were left running, what people said to
-- that, and those that were stopped because nobody said anything.

-- +goose Up
create table watch_session (
  server        text        not null check (char_length(server) between 1 and 100),
  session       text        not null check (char_length(session) between 1 and 200), -- one run of a room
  conference    text        not null default '' check (char_length(conference) <= 200),
  topic         text        not null default '' check (char_length(topic) <= 300),
  owner         text        not null default '' check (char_length(owner) <= 200),
  why           text        not null default '' check (why ~ '^[a-z_]{0,30}$'),
  made_at       timestamptz not null,
  since         timestamptz, -- forgotten from then on, without a break; null: it is not
  seen_at       timestamptz, -- when it was found so last
  told_at       timestamptz, -- when people were told last
  told          text[]      not null default '{}', -- who they were
  snoozed_until timestamptz,
  snoozed_by    text        references person,
  ignored_at    timestamptz,
  ignored_by    text        references person,
  dry_at        timestamptz, -- when it would have been stopped
  stop_at       timestamptz, -- written before it is stopped: who finds it looks at what became of it
  attempts      int         not null default 0 check (attempts >= 0),
  outcome       text        not null default '' check (outcome in ('', 'stopped', 'over', 'failed')),
  outcome_at    timestamptz,
  fault         text        not null default '' check (fault ~ '^[a-z_]{0,30}$'),
  over_at       timestamptz, -- when it was not among those that run any more
  primary key (server, session),
  check ((snoozed_until is null) or (snoozed_by is not null)),
  check ((ignored_at is null) = (ignored_by is null)),
  check ((outcome = '') = (outcome_at is null)),
  check (outcome = '' or stop_at is not null), -- nothing is stopped that was not written down
  check (stop_at is null or told_at is not null) -- nor what nobody was warned of
);
create index watch_session_open on watch_session (server) where over_at is null;
create index watch_session_age on watch_session (over_at) where over_at is not null;
select grant_app('watch_session', 'select, insert, update, delete');

-- +goose Down
drop table watch_session;
