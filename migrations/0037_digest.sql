-- Package directory owns this: who wants a message a day of what waits for him, and when he
-- was last thought of.

-- +goose Up
alter table setting
  add column digest_hour  int         check (digest_hour between 0 and 23), -- by the person's own clock; null: none
  add column digest_since timestamptz, -- when that was chosen
  add column digest_done  timestamptz, -- when the last was told, or there was nothing to tell
  add constraint setting_digest_since check ((digest_hour is null) = (digest_since is null));
create index setting_digest on setting (person_id) where digest_hour is not null;
select grant_app('setting', 'update (digest_hour, digest_since, digest_done)');

-- +goose Down
drop index setting_digest;
alter table setting drop column digest_hour, drop column digest_since, drop column digest_done;
