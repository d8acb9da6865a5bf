-- Package directory owns setting: what a person chose for himself. Package chat owns
-- digest: who was told of his queue on which day.

-- +goose Up
create table setting (
  person_id  text        primary key references person,
  -- null: as the ERP or the messenger says
  locale     text        check (locale ~ '^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$' and char_length(locale) <= 35),
  follows    boolean     not null default false, -- locale is what the messenger said last
  zone       text        check (zone ~ '^[A-Za-z][A-Za-z0-9_+/-]{0,63}$'),
  -- Minutes of the day by the person's own clock; a night has its end before its beginning.
  quiet_from int         check (quiet_from between 0 and 1439),
  quiet_to   int         check (quiet_to between 0 and 1439),
  digest_at  int         check (digest_at between 0 and 1439),
  changed_at timestamptz not null,
  check (not follows or locale is not null),
  check ((quiet_from is null) = (quiet_to is null) and quiet_from <> quiet_to)
);
create trigger setting_stays before delete on setting
  for each row execute function refuse_change();
create trigger setting_stays_whole before truncate on setting
  for each statement execute function refuse_change();
select grant_app('setting', 'select, insert, update (locale, follows, zone, quiet_from, quiet_to, digest_at, changed_at)');

create table digest (
  person_id  text        not null references person,
  day        date        not null, -- by the person's own calendar
  claimed_at timestamptz not null, -- by whoever puts it together; he may have died
  sending_at timestamptz,          -- from then on it may have arrived, and is not sent again
  sent_at    timestamptz,
  primary key (person_id, day),
  check (sent_at is null or sending_at is not null)
);
create index digest_age on digest (day);
select grant_app('digest', 'select, insert, update (claimed_at, sending_at, sent_at), delete');

-- +goose Down
drop table digest, setting;
