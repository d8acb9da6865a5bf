-- Package meet owns these: meetings, the links into them, who came by a link, and the
-- conferences that were made for them. Of a link itself only a hash is kept.

-- +goose Up
create table meeting (
  id         text        primary key check (id ~ '^mtg_[0-9a-hjkmnp-tv-z]{26}$'),
  source     text        check (plain_text(source, 1, 200)), -- who asked for it; null: somebody at a card
  about      text        check (char_length(about) between 1 and 100), -- the case; null: none of ours
  server     text        not null check (char_length(server) between 1 and 200),
  host       text        check (char_length(host) between 1 and 100), -- the person who receives; null: none of ours
  owner      text        not null check (owner ~ '^[^[:cntrl:]]{1,64}$'), -- the same, as the server knows him
  topic      text        not null check (char_length(topic) between 1 and 240),
  lobby      boolean     not null, -- the host lets people in
  idle       interval    not null check (idle between interval '1 minute' and interval '1 day'),
  longest    interval    not null check (longest between interval '1 minute' and interval '1 day'), -- of one conference
  made_at    timestamptz not null,
  expires_at timestamptz not null check (expires_at > made_at and expires_at <= made_at + interval '31 days'),
  ended_at   timestamptz check (ended_at >= made_at), -- revoked
  check (not lobby or host is not null)
);
create unique index meeting_of_case on meeting (about) where ended_at is null; -- two at once make one
create index meeting_age on meeting (expires_at);
create trigger meeting_stays_what_it_was before update on meeting for each row
  when ((new.id, new.source, new.about, new.server, new.host, new.owner, new.topic, new.lobby, new.idle, new.longest, new.made_at, new.expires_at)
      is distinct from (old.id, old.source, old.about, old.server, old.host, old.owner, old.topic, old.lobby, old.idle, old.longest, old.made_at, old.expires_at)
    or old.ended_at is not null and new.ended_at is distinct from old.ended_at)
  execute function refuse_change();
alter table meeting enable always trigger meeting_stays_what_it_was;
select grant_app('meeting', 'select, insert, update (ended_at), delete');

-- A way in: for one guest, or for several at a time.
create table meeting_link (
  id         text        primary key check (id ~ '^mlk_[0-9a-hjkmnp-tv-z]{26}$'),
  meeting_id text        not null references meeting on delete cascade,
  person     text        check (char_length(person) between 1 and 100), -- whose it is; null: a guest's
  name       text        not null check (char_length(name) <= 60), -- as far as it is known
  places     int         not null check (places between 1 and 50),
  unique (meeting_id, person)
);
create index meeting_link_of on meeting_link (meeting_id);
select grant_app('meeting_link', 'select, insert, delete');

-- A link may have been written out more than once, as by a message that nobody knows to
-- have arrived: each stays good.
create table meeting_key (
  hash    bytea       primary key check (octet_length(hash) = 32),
  link_id text        not null references meeting_link on delete cascade,
  made_at timestamptz not null
);
create index meeting_key_of on meeting_key (link_id);
select grant_app('meeting_key', 'select, insert, delete');

-- A browser that came by a link. Its id is that of its guest account on the server, too.
create table meeting_visit (
  id         text        primary key check (id ~ '^mvs_[0-9a-hjkmnp-tv-z]{26}$'),
  link_id    text        not null references meeting_link on delete cascade,
  browser    bytea       not null check (octet_length(browser) = 32),
  name       text        not null check (char_length(name) between 1 and 60),
  state      text        not null check (state in ('waiting', 'admitted', 'declined', 'in', 'left')),
  came_at    timestamptz not null,
  seen_at    timestamptz not null,
  decided_at timestamptz,
  unique (link_id, browser)
);
select grant_app('meeting_visit', 'select, insert, update (name, state, seen_at, decided_at), delete');

-- A conference. Its id is chosen and noted before the server is asked to make it, so that
-- none is there of which nobody knows.
create table meeting_room (
  id         text        primary key check (id ~ '^mrm_[0-9a-hjkmnp-tv-z]{26}$'),
  meeting_id text        not null references meeting on delete cascade,
  server     text        not null,
  conference text        not null check (char_length(conference) between 1 and 128),
  meant_at   timestamptz not null,
  made_at    timestamptz, -- it runs on the server
  ended_at   timestamptz, -- it is to be no more
  why        text        check (why in ('left', 'idle', 'too_old', 'revoked', 'gone')),
  gone_at    timestamptz, -- and the server does not have it any more
  check ((ended_at is null) = (why is null)),
  check (gone_at is null or ended_at is not null)
);
create unique index meeting_room_open on meeting_room (meeting_id) where ended_at is null;
create index meeting_room_there on meeting_room (meant_at) where gone_at is null;
create trigger meeting_room_goes_on before update on meeting_room for each row
  when ((new.id, new.meeting_id, new.server, new.meant_at) is distinct from (old.id, old.meeting_id, old.server, old.meant_at)
    or old.ended_at is not null and (new.ended_at, new.why, new.made_at) is distinct from (old.ended_at, old.why, old.made_at))
  execute function refuse_change();
alter table meeting_room enable always trigger meeting_room_goes_on;
select grant_app('meeting_room', 'select, insert, update (conference, made_at, ended_at, why, gone_at), delete');

-- +goose Down
drop table meeting_room, meeting_visit, meeting_key, meeting_link, meeting;
