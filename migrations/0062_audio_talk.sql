-- Package audiodesk owns this: the end of a talk is noted under its document, once; and a
-- question steps aside for a newer one that is not audiodesk's.

-- +goose Up
alter table audio_room
  add column noted_at timestamptz,
  add constraint audio_room_noted check (noted_at is null or kind = 'case' and closed_at is not null and noted_at >= closed_at);
create index audio_room_unnoted on audio_room (made_at) where kind = 'case' and noted_at is null;
select grant_app('audio_room', 'update (noted_at)');

alter table audio_ask add column aside boolean not null default false; -- only what replies to it answers it

-- +goose Down
alter table audio_ask drop column aside;
drop index audio_room_unnoted;
alter table audio_room drop column noted_at;
