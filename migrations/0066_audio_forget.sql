-- Package audiodesk owns this: rooms of other systems go when nothing in them is kept any more.
-- Their names come from outside, one for each call if a system likes.

-- +goose Up
drop trigger audio_room_stays on audio_room;
create trigger audio_room_stays before delete on audio_room for each row when (old.kind <> 'outside') execute function refuse_change();
alter table audio_room enable always trigger audio_room_stays;
select grant_app('audio_room', 'delete');
create index audio_presence_room on audio_presence (room_id);

-- +goose Down
drop index audio_presence_room;
-- +goose StatementBegin
do $$
begin
  if exists (select from pg_roles where rolname = 'countersign_app') then
    revoke delete on audio_room from countersign_app;
  end if;
end $$;
-- +goose StatementEnd
drop trigger audio_room_stays on audio_room;
create trigger audio_room_stays before delete on audio_room for each row execute function refuse_change();
alter table audio_room enable always trigger audio_room_stays;
