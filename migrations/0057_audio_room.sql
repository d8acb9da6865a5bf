-- Package audiodesk owns these: rooms of the telephone exchange, who may be in them, what the
-- buttons under their screens mean, what is asked of people, and who did what there to others.

-- +goose Up

-- A room that is closed stays as a record.
create table audio_room (
  id        text        primary key check (id ~ '^arm_[0-9a-hjkmnp-tv-z]{26}$'),
  number    text        not null unique check (number ~ '^[A-Z0-9]{6,32}$' and number ~ '[0-9]'), -- its name at the exchange
  kind      text        not null check (kind in ('public', 'private', 'case', 'outside')), -- outside: another system's
  about     text        check (char_length(about) between 1 and 100), -- the case; null: none
  source    text        check (plain_text(source, 1, 200)), -- the other system
  name      text        not null check (plain_text(name, 1, 80)),
  maker     text        references person, -- null: another system
  anonymous boolean     not null,
  pin       bytea       check (octet_length(pin) between 34 and 1057), -- a slow hash, sealed
  pin_key   bigint      generated always as (seal_key_id(pin)) stored references seal_canary,
  made_at   timestamptz not null,
  closed_at timestamptz check (closed_at >= made_at),
  locked    boolean     not null default false, -- at the exchange, when somebody looked
  version   bigint      not null default 1,     -- goes up with what is shown of it
  constraint audio_room_about check ((kind = 'case') = (about is not null)),
  constraint audio_room_source check ((kind = 'outside') = (source is not null) and (kind = 'outside') = (maker is null)),
  constraint audio_room_pin check ((kind = 'private') = (pin is not null) and (pin is null) = (pin_key is null))
);
create unique index audio_room_of_case on audio_room (about) where closed_at is null; -- two at once make one
create unique index audio_room_of_source on audio_room (source, name) where closed_at is null;
create index audio_room_maker on audio_room (maker) where closed_at is null;
create index audio_room_public on audio_room (name) where closed_at is null and kind = 'public';
create index audio_room_pin_key on audio_room (pin_key);
create trigger audio_room_stays_what_it_was before update on audio_room for each row
  when ((new.id, new.number, new.kind, new.about, new.source, new.name, new.maker, new.anonymous, new.made_at)
      is distinct from (old.id, old.number, old.kind, old.about, old.source, old.name, old.maker, old.anonymous, old.made_at)
    or old.closed_at is not null and new.closed_at is distinct from old.closed_at
    or new.version < old.version)
  execute function refuse_change();
create trigger audio_room_stays before delete on audio_room for each row execute function refuse_change();
create trigger audio_room_stays_all before truncate on audio_room for each statement execute function refuse_change();
alter table audio_room enable always trigger audio_room_stays_what_it_was;
alter table audio_room enable always trigger audio_room_stays;
alter table audio_room enable always trigger audio_room_stays_all;
select grant_app('audio_room', 'select, insert, update (pin, closed_at, locked, version)');

-- Who may be in a room that is not public, and who tried its PIN. A try is counted before it
-- is looked at.
create table audio_member (
  room_id      text        not null references audio_room,
  person_id    text        not null references person,
  let_in       boolean     not null,
  tries        int         not null default 0 check (tries between 0 and 5),
  lockouts     int         not null default 0 check (lockouts between 0 and 100000),
  locked_until timestamptz,
  primary key (room_id, person_id),
  constraint audio_member_locked check ((locked_until is not null) = (tries = 5) and (locked_until is null or lockouts > 0))
);
create index audio_member_of on audio_member (person_id) where let_in;
create trigger audio_member_counts before update on audio_member for each row
  when ((new.room_id, new.person_id) is distinct from (old.room_id, old.person_id) or old.let_in and not new.let_in
    or new.tries > old.tries + 1 or new.lockouts > old.lockouts + 1)
  execute function refuse_change();
alter table audio_member enable always trigger audio_member_counts;
select grant_app('audio_member', 'select, insert, update (let_in, tries, lockouts, locked_until)');

-- What was asked of somebody last, to be answered in words or with his number: one question
-- at a time.
create table audio_ask (
  person_id  text        primary key references person,
  what       text        not null check (what in ('name', 'new_pin', 'pin', 'number', 'done')),
  kind       text        not null default '' check (kind in ('', 'public', 'private')), -- of the room to be made
  anonymous  boolean     not null default false,
  name       text        not null default '' check (char_length(name) <= 80),
  room_id    text        references audio_room, -- that he wants to come into
  message    bigint      not null default 0 check (message >= 0), -- the question; 0: it may not have been sent
  tap        text        not null check (char_length(tap) <= 200), -- by which it was asked for
  expires_at timestamptz not null
);
select grant_app('audio_ask', 'select, insert, update, delete');

-- A button carries the token only. What a person is shown again keeps its token, so that
-- looking often does not fill the table.
create table audio_button (
  token      text        primary key check (token ~ '^[A-Z2-7]{26}$'),
  meaning    bytea       not null unique check (octet_length(meaning) = 32), -- SHA-256 of all that follows, but the time
  person_id  text        not null references person,
  verb       text        not null check (verb ~ '^[a-z_]{1,32}$'),
  room       text        not null check (char_length(room) <= 40), -- empty: none
  who        text        not null check (char_length(who) <= 100), -- a participant; empty: none
  page       int         not null check (page >= 0),
  expires_at timestamptz not null
);
create index audio_button_age on audio_button (expires_at);
select grant_app('audio_button', 'select, insert, update (expires_at), delete');

-- Screens of rooms that are followed: a change of who is there is shown in them.
create table audio_screen (
  account    bigint      not null check (account between 1 and 4503599627370496),
  message    bigint      not null check (message > 0),
  person_id  text        not null references person,
  room_id    text        not null references audio_room,
  page       int         not null check (page >= 0),
  version    bigint      not null, -- of the room, that it shows
  shown      bytea       check (octet_length(shown) = 32), -- SHA-256 of what it shows; null: not known
  next_at    timestamptz not null, -- not drawn again before
  expires_at timestamptz not null,
  primary key (account, message)
);
create index audio_screen_of on audio_screen (room_id);
create index audio_screen_due on audio_screen (next_at);
select grant_app('audio_screen', 'select, insert, update, delete');

-- What is about to be done to others is written down before it is, and how it ended after it.
create table audio_act (
  id          text        primary key check (id ~ '^aac_[0-9a-hjkmnp-tv-z]{26}$'),
  at          timestamptz not null,
  person_id   text        not null references person, -- who did it
  what        text        not null check (what in ('mute', 'unmute', 'kick', 'lock', 'unlock', 'close')),
  room_id     text        not null references audio_room,
  whom        text        not null check (char_length(whom) <= 100), -- the participant; empty: all
  participant int         not null check (participant >= 0),
  outcome     text        check (outcome in ('done', 'over', 'failed')), -- null: not known yet
  fault       text        not null default '' check (char_length(fault) <= 500),
  ended_at    timestamptz check (ended_at >= at),
  constraint audio_act_whom check ((what in ('mute', 'unmute', 'kick')) = (whom <> '')),
  constraint audio_act_ended check ((outcome is null) = (ended_at is null))
);
create index audio_act_open on audio_act (at) where outcome is null;
create index audio_act_room on audio_act (room_id, at);
create trigger audio_act_ends_once before update on audio_act for each row
  when (old.outcome is not null
    or (new.id, new.at, new.person_id, new.what, new.room_id, new.whom, new.participant)
    is distinct from (old.id, old.at, old.person_id, old.what, old.room_id, old.whom, old.participant))
  execute function refuse_change();
create trigger audio_act_stays before delete on audio_act for each row execute function refuse_change();
create trigger audio_act_stays_all before truncate on audio_act for each statement execute function refuse_change();
alter table audio_act enable always trigger audio_act_ends_once;
alter table audio_act enable always trigger audio_act_stays;
alter table audio_act enable always trigger audio_act_stays_all;
select grant_app('audio_act', 'select, insert, update (outcome, fault, ended_at)');

-- +goose Down
drop table audio_act, audio_screen, audio_button, audio_ask, audio_member, audio_room;
