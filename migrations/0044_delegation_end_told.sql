-- Package directory owns this: the deputy was told that a delegation ended before its time.

-- +goose Up
alter table delegation add column end_told_at timestamptz;
update delegation set end_told_at = now() where ended_at is not null; -- long known, and told in person
alter table delegation add constraint delegation_end_told check (end_told_at is null or ended_at is not null);
create index delegation_end_untold on delegation (id) where told_at is not null and ended_at is not null and end_told_at is null;
select grant_app('delegation', 'update (end_told_at)');

-- +goose Down
drop index delegation_end_untold;
alter table delegation drop column end_told_at;
