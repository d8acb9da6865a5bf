-- Package audiodesk owns these: the telephone numbers of people, the calls to them, and who is
-- in a room. A number is nowhere in the clear: what tells two of them apart is made with a key
-- that is sealed itself.

-- +goose Up
create table audio_key (
  one        boolean     primary key check (one),
  sealed     bytea       not null check (octet_length(sealed) between 34 and 1057),
  sealed_key bigint      generated always as (seal_key_id(sealed)) stored references seal_canary check (sealed_key is not null)
);
select grant_app('audio_key', 'select, insert, update (sealed)');

create table audio_number (
  person_id  text        primary key references person,
  account    bigint      not null check (account between 1 and 4503599627370496), -- that gave it: with the link it goes
  sealed     bytea       not null check (octet_length(sealed) between 34 and 1057),
  sealed_key bigint      generated always as (seal_key_id(sealed)) stored references seal_canary check (sealed_key is not null),
  mark       bytea       not null check (octet_length(mark) = 32),
  given_at   timestamptz not null
);
create index audio_number_key on audio_number (sealed_key);
select grant_app('audio_number', 'select, insert, update, delete');

-- A call is written down with the tap that asked for it, is made once at most, and ends once.
create table audio_call (
  id         text        primary key check (id ~ '^acl_[0-9a-hjkmnp-tv-z]{26}$'), -- the channel's id at the exchange, too
  cause      text        not null unique check (char_length(cause) between 1 and 500), -- what asked for it: that asks once
  room_id    text        not null references audio_room,
  person_id  text        references person, -- null: nobody of ours
  source     text        check (plain_text(source, 1, 200)),
  sealed     bytea       check (octet_length(sealed) between 34 and 1057), -- the number, where it is nobody's of ours
  sealed_key bigint      generated always as (seal_key_id(sealed)) stored references seal_canary,
  mark       bytea       check (octet_length(mark) = 32),
  caller     text        not null check (char_length(caller) <= 100), -- what the phone shows; empty: as is set
  lang       text        not null check (lang ~ '^[a-z]{2}$'),
  leads      boolean     not null, -- he runs the room
  state      text        not null default 'asked' check (state in ('asked', 'claimed', 'ringing', 'in', 'ended')),
  outcome    text        check (outcome in ('left', 'busy', 'no_answer', 'rejected', 'no_such_number', 'no_line', 'failed', 'locked', 'closed', 'away', 'unknown', 'no_number', 'too_late')),
  at         timestamptz not null,
  claimed_at timestamptz,
  in_at      timestamptz,
  ended_at   timestamptz check (ended_at >= at),
  constraint audio_call_ended check ((state = 'ended') = (outcome is not null) and (state = 'ended') = (ended_at is not null)),
  constraint audio_call_claimed check (state not in ('claimed', 'ringing', 'in') or claimed_at is not null),
  constraint audio_call_whose check ((person_id is null) = (source is not null)),
  constraint audio_call_number check (state = 'ended' and sealed is null or state <> 'ended' and mark is not null and (sealed is null) = (person_id is not null)),
  constraint audio_call_sealed check ((sealed is null) = (sealed_key is null))
);
create unique index audio_call_one_a_person on audio_call (person_id) where ended_at is null;
create unique index audio_call_one_a_number on audio_call (mark) where ended_at is null;
create index audio_call_waits on audio_call (at) where state = 'asked';
create index audio_call_room on audio_call (room_id, at);
create index audio_call_day on audio_call (at);
create index audio_call_person on audio_call (person_id, at);
create trigger audio_call_goes_on before update on audio_call for each row
  when (old.state = 'ended' and (new.state, new.outcome, new.ended_at) is distinct from (old.state, old.outcome, old.ended_at)
    or array_position(array['asked', 'claimed', 'ringing', 'in', 'ended'], new.state) < array_position(array['asked', 'claimed', 'ringing', 'in', 'ended'], old.state)
    or old.claimed_at is not null and new.claimed_at is distinct from old.claimed_at
    or (new.id, new.cause, new.room_id, new.person_id, new.source, new.caller, new.lang, new.leads, new.at)
    is distinct from (old.id, old.cause, old.room_id, old.person_id, old.source, old.caller, old.lang, old.leads, old.at))
  execute function refuse_change();
alter table audio_call enable always trigger audio_call_goes_on;
select grant_app('audio_call', 'select, insert, update (sealed, mark, state, outcome, claimed_at, in_at, ended_at), delete');

-- Who is in a room, as the exchange tells whoever looks. The name of a channel may hold a
-- number, and is not kept.
create table audio_presence (
  id      bigint      generated always as identity primary key,
  whom    text        not null check (char_length(whom) between 1 and 100), -- the call, or a mark made of the channel
  room_id text        not null references audio_room,
  call_id text        references audio_call on delete set null, -- null: he came by himself
  no      int         not null check (no > 0), -- in the room, in the order of coming
  muted   boolean     not null,
  came_at timestamptz not null,
  gone_at timestamptz check (gone_at >= came_at)
);
create unique index audio_presence_once on audio_presence (room_id, whom) where gone_at is null;
create unique index audio_presence_no on audio_presence (room_id, no) where gone_at is null;
create index audio_presence_call on audio_presence (call_id);
create index audio_presence_age on audio_presence (gone_at) where gone_at is not null;
create trigger audio_presence_goes before update on audio_presence for each row
  when (old.gone_at is not null and (new.gone_at, new.muted) is distinct from (old.gone_at, old.muted)
    or (new.id, new.whom, new.room_id, new.no, new.came_at) is distinct from (old.id, old.whom, old.room_id, old.no, old.came_at))
  execute function refuse_change();
alter table audio_presence enable always trigger audio_presence_goes;
select grant_app('audio_presence', 'select, insert, update (call_id, muted, gone_at), delete');

-- +goose Down
drop table audio_presence, audio_call, audio_number, audio_key;
