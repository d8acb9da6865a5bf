-- Package videodesk owns these: what the buttons under its screens mean, and who did what to
-- a conference.

-- +goose Up

-- A button carries the token only. What a person is shown again keeps its token, so that
-- looking often does not fill the table.
create table video_button (
  token      text        primary key check (token ~ '^[A-Z2-7]{26}$'),
  meaning    bytea       not null unique check (octet_length(meaning) = 32), -- SHA-256 of all that follows, but the time
  person_id  text        not null references person,
  verb       text        not null check (verb ~ '^[a-z_]{1,32}$'),
  server     text        not null check (char_length(server) <= 1000),
  conference text        not null check (char_length(conference) <= 1000), -- empty: none, like the session
  session    text        not null check (char_length(session) <= 1000),
  page       int         not null check (page >= 0),
  expires_at timestamptz not null
);
create index video_button_age on video_button (expires_at);
select grant_app('video_button', 'select, insert, update (expires_at), delete');

-- What is about to be done is written down before it is, and how it ended after it.
create table video_act (
  id         text        primary key check (id ~ '^vac_[0-9a-hjkmnp-tv-z]{26}$'),
  at         timestamptz not null,
  person_id  text        not null references person, -- who asked for it
  what       text        not null check (what in ('stop', 'snooze', 'ignore')),
  server     text        not null check (char_length(server) between 1 and 1000),
  conference text        not null check (char_length(conference) <= 1000),
  session    text        not null check (char_length(session) between 1 and 1000),
  topic      text        not null check (char_length(topic) <= 500), -- as it was then, like what follows
  owner      text        not null check (char_length(owner) <= 200),
  people     int         not null check (people >= -1), -- -1: not known
  recording  boolean,    -- null: not told
  outcome    text        check (outcome in ('done', 'over', 'other', 'failed')), -- null: not known yet
  fault      text        not null default '' check (char_length(fault) <= 500),
  ended_at   timestamptz check (ended_at >= at),
  constraint video_act_ended check ((outcome is null) = (ended_at is null))
);
-- Nobody stops a session that somebody stops, or has stopped.
create unique index video_act_stops_once on video_act (server, session) where what = 'stop' and (outcome is null or outcome = 'done');
create index video_act_open on video_act (at) where outcome is null;
create index video_act_server on video_act (server, at);
create trigger video_act_ends_once before update on video_act for each row
  when (old.outcome is not null
    or (new.id, new.at, new.person_id, new.what, new.server, new.conference, new.session, new.topic, new.owner, new.people, new.recording)
    is distinct from (old.id, old.at, old.person_id, old.what, old.server, old.conference, old.session, old.topic, old.owner, old.people, old.recording))
  execute function refuse_change();
create trigger video_act_stays before delete on video_act for each row execute function refuse_change();
create trigger video_act_stays_all before truncate on video_act for each statement execute function refuse_change();
alter table video_act enable always trigger video_act_ends_once;
alter table video_act enable always trigger video_act_stays;
alter table video_act enable always trigger video_act_stays_all;
select grant_app('video_act', 'select, insert, update (outcome, fault, ended_at)');

-- +goose Down
drop table video_act, video_button;
