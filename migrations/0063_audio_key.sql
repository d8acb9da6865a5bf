-- Package audiodesk owns these: the key that tells numbers apart is made anew with the key of
-- the secrets, and the one before it stays for a day beside it, so that the calls of that day
-- are still counted. A closed room needs no PIN any more.

-- +goose Up
alter table audio_key
  add column before     bytea       check (octet_length(before) between 34 and 1057),
  add column before_key bigint      generated always as (seal_key_id(before)) stored references seal_canary,
  add column renewed_at timestamptz,
  add constraint audio_key_before check ((before is null) = (before_key is null) and (before is null) = (renewed_at is null));
select grant_app('audio_key', 'update (before, renewed_at)');

create index audio_call_key on audio_call (sealed_key) where sealed_key is not null;

alter table audio_room drop constraint audio_room_pin, add constraint audio_room_pin check (
  (kind = 'private' or pin is null) and (kind <> 'private' or closed_at is not null or pin is not null) and (pin is null) = (pin_key is null));
update audio_room set pin = null where closed_at is not null and pin is not null;

-- +goose Down
alter table audio_room drop constraint audio_room_pin, add constraint audio_room_pin check (
  (kind = 'private') = (pin is not null) and (pin is null) = (pin_key is null)) not valid;
drop index audio_call_key;
alter table audio_key drop column before_key, drop column before, drop column renewed_at;
