-- Package directory owns this: what a person chose for himself.

-- +goose Up
create table setting (
  person_id  text        primary key references person,
  -- null: as the ERP says
  locale     text        check (locale ~ '^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$' and char_length(locale) <= 35),
  follows    boolean     not null default false, -- locale is what the messenger said when it was chosen to follow that
  zone       text        check (zone ~ '^[A-Za-z][A-Za-z0-9_+/-]{0,63}$'),
  -- Minutes of the day by the person's own clock; a night ends at an earlier one than it begins.
  quiet_from int         check (quiet_from between 0 and 1439),
  quiet_to   int         check (quiet_to between 0 and 1439),
  changed_at timestamptz not null,
  check (not follows or locale is not null),
  check ((quiet_from is null) = (quiet_to is null) and quiet_from <> quiet_to)
);
create trigger setting_stays before delete on setting
  for each row execute function refuse_change();
create trigger setting_stays_whole before truncate on setting
  for each statement execute function refuse_change();
select grant_app('setting', 'select, insert, update (locale, follows, zone, quiet_from, quiet_to, changed_at)');

-- +goose Down
drop table setting;
