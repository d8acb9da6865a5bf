-- Package videowatch owns these: how the video servers are, who looks at which of them now,
-- and who wants to be told.

-- +goose Up

-- Of several replicas one looks at a time. Who was too slow has lost its turn.
create table watch_turn (
  server   text        not null check (char_length(server) between 1 and 100),
  duty     text        not null check (duty in ('check', 'scan')),
  no       bigint      not null check (no > 0),
  begun_at timestamptz not null,
  next_at  timestamptz not null,
  primary key (server, duty)
);
select grant_app('watch_turn', 'select, insert, update');

create table watch_server (
  server        text        primary key check (char_length(server) between 1 and 100),
  checked_at    timestamptz,
  version       text        not null default '' check (char_length(version) <= 100), -- empty: not told yet
  version_next  text        not null default '' check (char_length(version_next) <= 100), -- seen since, and not often enough
  version_times int         not null default 0 check (version_times >= 0),
  expires_at    timestamptz, -- of the certificate; null: not known
  scanned_at    timestamptz,
  conferences   int         check (conferences >= 0), -- that run; null: not known, as below
  forgotten     int         check (forgotten >= 0)
);
select grant_app('watch_server', 'select, insert, update');

create table watch_part (
  server      text        not null references watch_server,
  part        text        not null check (part in ('engine', 'web', 'login', 'certificate')),
  state       text        not null check (state in ('', 'well', 'down', 'soon', 'expired')), -- empty: not seen often enough
  since       timestamptz not null, -- when it became so
  seen        text        not null check (seen ~ '^[wdse]{0,20}$'), -- a letter for each look since, the latest last
  fault       text        not null default '' check (fault ~ '^[a-z_]{0,30}$'), -- what was wrong last
  fault_right text        not null default '' check (char_length(fault_right) <= 200), -- with that fault: which one is missing
  took_us     bigint      not null check (took_us >= 0),
  at          timestamptz not null,
  primary key (server, part),
  check ((part = 'certificate' and state <> 'down') or (part <> 'certificate' and state in ('', 'well', 'down')))
);
select grant_app('watch_part', 'select, insert, update');

-- What somebody chose; who has no row is told what his role is told.
create table watch_want (
  person_id text    not null references person,
  server    text    not null check (char_length(server) between 1 and 100),
  alerts    boolean not null,
  forgotten boolean not null,
  primary key (person_id, server)
);
create index watch_want_server on watch_want (server);
select grant_app('watch_want', 'select, insert, update');

-- +goose Down
drop table watch_want, watch_part, watch_server, watch_turn;
