-- Package deed owns this: who did what to video conferences and meetings, for good.

-- +goose Up
create table video_deed (
  id         text        primary key check (id ~ '^vdd_[0-9a-hjkmnp-tv-z]{26}$'),
  at         timestamptz not null,
  by_whom    text        not null check (by_whom in ('person', 'key', 'guest', 'rule')), -- rule: the gateway, by its own
  person_id  text        references person,
  source     text        not null check (char_length(source) <= 200), -- of the key, like what follows; empty: none, as below
  key_id     text        not null check (char_length(key_id) <= 100),
  what       text        not null check (what ~ '^[a-z_]{1,32}$'),
  server     text        not null check (char_length(server) between 1 and 1000),
  conference text        not null check (char_length(conference) <= 1000),
  session    text        not null check (char_length(session) <= 1000),
  meeting    text        not null check (meeting ~ '^(mtg_[0-9a-hjkmnp-tv-z]{26})?$'),
  link       text        not null check (link ~ '^(mlk_[0-9a-hjkmnp-tv-z]{26})?$'), -- by which somebody came; never his name
  about      text        not null check (char_length(about) <= 100), -- the case, or the request for an approval
  topic      text        not null check (char_length(topic) <= 500), -- of a conference, as it was then, like what follows
  owner      text        not null check (char_length(owner) <= 200),
  people     int         not null check (people >= -1), -- -1: not known
  recording  boolean,    -- null: not told
  outcome    text        check (outcome ~ '^[a-z_]{1,32}$'), -- null: not known yet
  fault      text        not null check (char_length(fault) <= 500),
  ended_at   timestamptz check (ended_at >= at),
  constraint video_deed_by check ((by_whom = 'person') = (person_id is not null) and (by_whom = 'key') = (source <> '')),
  constraint video_deed_ended check ((outcome is null) = (ended_at is null))
);
create index video_deed_at on video_deed (at, id);
create index video_deed_server on video_deed (server, at, id);
create index video_deed_person on video_deed (person_id, at, id) where person_id is not null;
create index video_deed_session on video_deed (session, at) where session <> '';
create index video_deed_meeting on video_deed (meeting, at) where meeting <> '';
create trigger video_deed_ends_once before update on video_deed for each row
  when (old.outcome is not null
    or (new.id, new.at, new.by_whom, new.person_id, new.source, new.key_id, new.what, new.server, new.conference, new.session, new.meeting, new.link, new.about, new.topic, new.owner, new.people, new.recording)
    is distinct from (old.id, old.at, old.by_whom, old.person_id, old.source, old.key_id, old.what, old.server, old.conference, old.session, old.meeting, old.link, old.about, old.topic, old.owner, old.people, old.recording))
  execute function refuse_change();
create trigger video_deed_stays before delete on video_deed for each row execute function refuse_change();
create trigger video_deed_stays_all before truncate on video_deed for each statement execute function refuse_change();
alter table video_deed enable always trigger video_deed_ends_once;
alter table video_deed enable always trigger video_deed_stays;
alter table video_deed enable always trigger video_deed_stays_all;
select grant_app('video_deed', 'select, insert, update (outcome, fault, ended_at)');

-- What people did before there was this record, where video servers were looked after then.
-- +goose StatementBegin
do $$
begin
  if to_regclass('video_act') is not null then
    insert into video_deed (id, at, by_whom, person_id, source, key_id, what, server, conference, session, meeting, link, about, topic, owner, people, recording, outcome, fault, ended_at)
    select 'vdd' || substr(id, 4), at, 'person', person_id, '', '', what, server, conference, session, '', '', '', topic, owner, people, recording, outcome, fault, ended_at
    from video_act;
  end if;
end $$;
-- +goose StatementEnd

-- +goose Down
drop table video_deed;
