-- +goose Up
-- Owned by package hook: who wants to hear of events, and what became of each delivery.
--
-- Locks are taken in one order: webhook_lane, webhook, delivery.

create table webhook (
  id          text        primary key check (id ~ '^whk_[0-9a-z]{26}$'),
  source      text        not null check (source ~ '^[a-z0-9][a-z0-9_.-]{0,63}$'),
  url         text        not null check (octet_length(url) <= 2048 and url ~ '^https?://[^@#[:space:][:cntrl:]]+$'),
  types       text[]      not null default '{}' check (cardinality(types) <= 100), -- empty: all
  scheme      text        not null check (scheme in ('v1', 'v1a')),
  timeout_ms  int         not null check (timeout_ms between 1000 and 60000),
  in_flight   int         not null check (in_flight between 1 and 64), -- requests at once, over all replicas
  state       text        not null check (state in ('active', 'paused', 'ended')),
  reason      text        not null default '' check (char_length(reason) <= 200),
  row_version int         not null default 1 check (row_version > 0),
  created_at  timestamptz not null,
  changed_at  timestamptz not null,
  check (state <> 'paused' or reason <> '')
);
create index webhook_source on webhook (source, id);
select grant_app('webhook', 'select, insert, update');

-- A change that did not see the last one is refused, and what has ended stays ended.
-- +goose StatementBegin
create function webhook_gate() returns trigger
language plpgsql as $$
begin
  if new.row_version <> old.row_version + 1 then
    raise exception 'webhook % is at version %', old.id, old.row_version using errcode = 'CS020';
  end if;
  if old.state = 'ended' or (new.id, new.source, new.scheme, new.created_at)
     is distinct from (old.id, old.source, old.scheme, old.created_at) then
    raise exception 'webhook % cannot become that', old.id using errcode = 'CS021';
  end if;
  return new;
end $$;
-- +goose StatementEnd
create trigger webhook_gate before update on webhook for each row execute function webhook_gate();
alter table webhook enable always trigger webhook_gate;

-- All secrets are in this one table: at most one of each kind an endpoint.
create table webhook_secret (
  endpoint   text        not null references webhook,
  role       text        not null check (role in ('current', 'previous', 'authorization')),
  secret     text        not null check (octet_length(secret) between 1 and 8192),
  public     text        check (public ~ '^whpk_[A-Za-z0-9+/]{43}=$'),
  expires_at timestamptz,
  created_at timestamptz not null,
  primary key (endpoint, role),
  check ((role = 'previous') = (expires_at is not null))
);
select grant_app('webhook_secret', 'select, insert, update, delete');

-- How an endpoint fares. Its lock is the turnstile: whoever claims deliveries of the
-- endpoint, or notes what became of them, holds it meanwhile.
create table webhook_lane (
  endpoint      text primary key references webhook,
  served_at     timestamptz not null,       -- the one longest ago comes first
  failures      int  not null default 0 check (failures >= 0), -- in a row
  failing_since timestamptz,
  failing_days  int  not null default 0,    -- on how many days it failed since then
  failed_at     timestamptz,
  succeeded_at  timestamptz,
  held_until    timestamptz,                -- nothing is sent before
  rate          int  not null default 0,    -- sends a second while it recovers; 0: no bound
  rate_at       timestamptz,
  rate_used     int  not null default 0,
  told          int  not null default 0 check (told between 0 and 2), -- notice, alarm
  check ((failures = 0) = (failing_since is null))
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 5000);
select grant_app('webhook_lane', 'select, insert, update');

-- Who had what sent again.
create table webhook_replay (
  id       bigint      generated always as identity primary key,
  endpoint text        not null references webhook,
  wanted   text        not null check (char_length(wanted) <= 500),
  by       text        not null check (char_length(by) between 1 and 200),
  at       timestamptz not null
);
create index webhook_replay_recent on webhook_replay (endpoint, at);
select append_only('webhook_replay');
select grant_app('webhook_replay', 'select, insert');

create table delivery (
  endpoint     text        not null references webhook,
  pos          bigint      not null references feed (pos),
  event_id     text        not null,
  document_id  text        not null,
  document_seq int         not null,
  kind         text        not null,
  at           timestamptz not null,           -- of the event
  state        text        not null default 'due' check (state in ('due', 'done', 'dead', 'skipped')),
  attempt      int         not null default 0 check (attempt >= 0),
  due_since    timestamptz not null,
  next_at      timestamptz not null,
  lease        bigint      not null default 0, -- numbers the claims; only the last may settle
  lease_until  timestamptz,
  last_status  int         check (last_status between 100 and 999),
  last_error   text        check (char_length(last_error) <= 500),
  last_sample  text        check (octet_length(last_sample) <= 4096),
  settled_at   timestamptz,
  replay       bigint      references webhook_replay,
  primary key (endpoint, pos),
  unique (endpoint, event_id),
  check ((state = 'due') = (settled_at is null)),
  check (lease_until is null or state = 'due')
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000);
create index delivery_due on delivery (endpoint, next_at, pos) where state = 'due';
create index delivery_order on delivery (endpoint, document_id, pos) where state = 'due';
create index delivery_leased on delivery (endpoint, lease_until) where lease_until is not null;
create index delivery_undone on delivery (endpoint, pos) where state in ('dead', 'skipped');
create index delivery_settled on delivery (settled_at, pos) where settled_at is not null; -- all that an endpoint skips when it ends is of one moment
select grant_app('delivery', 'select, insert, update');

-- +goose StatementBegin
create function delivery_gate() returns trigger
language plpgsql as $$
begin
  if (new.endpoint, new.pos, new.event_id, new.document_id, new.document_seq, new.kind, new.at)
     is distinct from (old.endpoint, old.pos, old.event_id, old.document_id, old.document_seq, old.kind, old.at) then
    raise exception 'delivery % of % cannot become another', old.pos, old.endpoint using errcode = 'CS022';
  end if;
  if new.lease < old.lease then
    raise exception 'the lease of delivery % of % would go back', old.pos, old.endpoint using errcode = 'CS023';
  end if;
  if old.state <> 'due' and new.state <> old.state
     and (new.state <> 'due' or new.replay is null or new.replay is not distinct from old.replay) then
    raise exception 'delivery % of % is settled', old.pos, old.endpoint using errcode = 'CS024';
  end if;
  if old.state = 'due' and new.state in ('done', 'dead') and old.lease_until is null then
    raise exception 'delivery % of % is nobody''s', old.pos, old.endpoint using errcode = 'CS025';
  end if;
  return new;
end $$;
-- +goose StatementEnd
create trigger delivery_gate before update on delivery for each row execute function delivery_gate();
alter table delivery enable always trigger delivery_gate;

-- Every request that was made. lease is that of the delivery; 0: a test.
create table webhook_attempt (
  endpoint    text        not null references webhook,
  event_id    text        not null check (event_id ~ '^evt_[0-9a-z]{26}$'),
  lease       bigint      not null,
  at          timestamptz not null,
  duration_ms int         not null check (duration_ms >= 0),
  status      int         check (status between 100 and 999),
  error       text        check (char_length(error) <= 500),
  sample      text        check (octet_length(sample) <= 4096),
  primary key (endpoint, event_id, lease)
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000);
create index webhook_attempt_at on webhook_attempt (at);
select grant_app('webhook_attempt', 'select, insert');

-- The last delivery of each endpoint that was purged: after it, and after the time of
-- the latest event that was, nothing is missing. It refers to no webhook: the check
-- would wait for the endpoint's lock with deliveries in hand, against the order of locks.
create table webhook_horizon (
  endpoint text        primary key,
  pos      bigint      not null,
  at       timestamptz not null
);
select grant_app('webhook_horizon', 'select');

-- History is removed by the functions below and by nothing else: they alone say that
-- they purge. Its first week nobody removes, and nobody a delivery that is due.
-- +goose StatementBegin
create function webhook_kept(since timestamptz) returns boolean
language sql stable as $$
  select since is null or since > now() - interval '7 days' or coalesce(current_setting('countersign.purge', true), '') <> 'webhook'
$$;
-- +goose StatementEnd

create trigger append_only_row before update on webhook_attempt for each row execute function refuse_change();
create trigger append_only_old before delete on webhook_attempt for each row when (webhook_kept(old.at)) execute function refuse_change();
create trigger append_only_all before truncate on webhook_attempt for each statement execute function refuse_change();
alter table webhook_attempt enable always trigger append_only_row;
alter table webhook_attempt enable always trigger append_only_old;
alter table webhook_attempt enable always trigger append_only_all;

-- +goose StatementBegin
create function delivery_stays() returns trigger
language plpgsql as $$
begin
  raise exception 'deliveries are kept' using errcode = 'CS026';
end $$;
-- +goose StatementEnd
create trigger delivery_stays before delete on delivery for each row when (webhook_kept(old.settled_at)) execute function delivery_stays();
create trigger delivery_stays_all before truncate on delivery for each statement execute function delivery_stays();
alter table delivery enable always trigger delivery_stays;
alter table delivery enable always trigger delivery_stays_all;

-- +goose StatementBegin
create function webhook_purge_begin(before timestamptz) returns void
language plpgsql as $$
begin
  if before is null or before > now() - interval '7 days' then
    raise exception 'the history of webhooks is kept for 7 days at least' using errcode = 'CS027';
  end if;
  perform set_config('countersign.purge', 'webhook', true);
end $$;
-- +goose StatementEnd

-- The purge. A call removes up to 5,000 rows, the oldest first, and tells where it came
-- to: there the next begins, so that removed rows are not passed again while an old
-- snapshot keeps them. reached is null when there is no more to remove. It walks its index
-- whatever the statistics say, waits for no delivery, and runs as the owner of the tables.
-- +goose StatementBegin
create function webhook_purge_attempts(before timestamptz, since timestamptz, out removed bigint, out reached timestamptz)
language plpgsql security definer set enable_seqscan = off set enable_bitmapscan = off as $$
begin
  perform webhook_purge_begin(before);
  with gone as (
    delete from webhook_attempt where ctid = any (array(
      select a.ctid from webhook_attempt a where a.at >= since and a.at < before
      order by a.at limit 5000 for update skip locked))
    returning at)
  select count(*), case when count(*) = 5000 then max(at) end into removed, reached from gone;
  perform set_config('countersign.purge', '', true);
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
create function webhook_purge_deliveries(before timestamptz, since timestamptz, since_pos bigint,
  out removed bigint, out reached timestamptz, out reached_pos bigint)
language plpgsql security definer set enable_seqscan = off set enable_bitmapscan = off as $$
begin
  perform webhook_purge_begin(before);
  with gone as (
    delete from delivery where ctid = any (array(
      select d.ctid from delivery d where (d.settled_at, d.pos) >= (since, since_pos) and d.settled_at < before
      order by d.settled_at, d.pos limit 5000 for update skip locked))
    returning endpoint, pos, at, settled_at),
  marked as (
    insert into webhook_horizon as h (endpoint, pos, at)
    select endpoint, max(pos), max(at) from gone group by endpoint order by endpoint
    on conflict (endpoint) do update set pos = greatest(h.pos, excluded.pos), at = greatest(h.at, excluded.at))
  select count(*), case when count(*) = 5000 then max(settled_at) end,
    max(pos) filter (where settled_at = (select max(settled_at) from gone))
  into removed, reached, reached_pos from gone;
  perform set_config('countersign.purge', '', true);
end $$;
-- +goose StatementEnd

-- What runs as the owner finds the owner's tables only, and nobody but the service may
-- call it.
select trusted('webhook_purge_attempts(timestamptz, timestamptz)');
select trusted('webhook_purge_deliveries(timestamptz, timestamptz, bigint)');
revoke all on function webhook_purge_attempts(timestamptz, timestamptz) from public;
revoke all on function webhook_purge_deliveries(timestamptz, timestamptz, bigint) from public;
-- +goose StatementBegin
do $$
begin
  if exists (select from pg_roles where rolname = 'countersign_app') then
    grant execute on function webhook_purge_attempts(timestamptz, timestamptz) to countersign_app;
    grant execute on function webhook_purge_deliveries(timestamptz, timestamptz, bigint) to countersign_app;
  end if;
end $$;
-- +goose StatementEnd

-- +goose Down
drop function webhook_purge_attempts(timestamptz, timestamptz);
drop function webhook_purge_deliveries(timestamptz, timestamptz, bigint);
drop function webhook_purge_begin(timestamptz);
drop table webhook_horizon, webhook_attempt, delivery, webhook_replay, webhook_lane, webhook_secret, webhook;
drop function delivery_stays();
drop function webhook_kept(timestamptz);
drop function delivery_gate();
drop function webhook_gate();
