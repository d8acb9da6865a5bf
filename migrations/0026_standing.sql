-- Package directory owns these: who is away, and who may decide for whom.

-- +goose Up

create table absence (
  id          bigint      generated always as identity primary key,
  person_id   text        not null references person,
  starts_at   timestamptz not null,
  until       timestamptz not null, -- from then on the person is back
  source      text        references source, -- of the ERP that said so; null: the person did, or an administrator
  external_id text        check (plain_text(external_id, 1, 200)),
  made_at     timestamptz not null,
  made_by     text        not null check (plain_text(made_by, 1, 200)),
  ended_at    timestamptz check (ended_at >= made_at),
  ended_by    text        check (plain_text(ended_by, 1, 200)),
  ended_why   text        check (plain_text(ended_why, 1, 500)),
  -- When the cards had followed its beginning and its end; see package ledger.
  begun_at    timestamptz,
  over_at     timestamptz,
  check (until > starts_at and until <= starts_at + interval '9600 hours'), -- 400 days
  check ((source is null) = (external_id is null)),
  check ((ended_at is null) = (ended_by is null) and (ended_at is null) = (ended_why is null))
);
create unique index absence_name_once on absence (source, external_id) where ended_at is null;
create index absence_person on absence (person_id, id);
create index absence_due on absence (id) where over_at is null;

create table delegation (
  id          bigint      generated always as identity primary key,
  principal   text        not null references person,
  deputy      text        not null references person,
  role        text        not null default '' check (role ~ '^([a-z][a-z0-9_]{0,63})?$'),
  type        text        not null default '' check (type ~ '^([a-z][a-z0-9_]{0,63})?$'),
  company     text        not null default '' check (plain_text(company, 0, 100)),
  most_minor  bigint      check (most_minor > 0 and most_minor < 1000000000000000000),
  currency    text        check (currency ~ '^[A-Z]{3}$'),
  hands       int         not null check (hands between 1 and 3),
  starts_at   timestamptz not null,
  until       timestamptz not null,
  absence_id  bigint      references absence, -- it ends with that
  source      text        references source,
  external_id text        check (plain_text(external_id, 1, 200)),
  made_at     timestamptz not null,
  made_by     text        not null check (plain_text(made_by, 1, 200)),
  ended_at    timestamptz check (ended_at >= made_at),
  ended_by    text        check (plain_text(ended_by, 1, 200)),
  ended_why   text        check (plain_text(ended_why, 1, 500)),
  begun_at    timestamptz,
  over_at     timestamptz,
  told_at     timestamptz, -- the deputy was told of it
  constraint delegation_to_another check (deputy <> principal),
  check (until > starts_at and until <= starts_at + interval '9600 hours'),
  check ((most_minor is null) = (currency is null)),
  check ((source is null) = (external_id is null)),
  check ((ended_at is null) = (ended_by is null) and (ended_at is null) = (ended_why is null))
);
create unique index delegation_name_once on delegation (source, external_id) where ended_at is null and absence_id is null;
create index delegation_principal on delegation (principal, id);
create index delegation_deputy on delegation (deputy, id);
create index delegation_absence on delegation (absence_id);
create index delegation_due on delegation (id) where over_at is null;
create index delegation_untold on delegation (id) where told_at is null;

-- Votes rest on them: they stay, and the one change they know is their end.
create trigger absence_stays before delete on absence
  for each row execute function refuse_change();
create trigger absence_stays_whole before truncate on absence
  for each statement execute function refuse_change();
create trigger absence_only_ends before update on absence for each row
  when ((old.ended_at is not null and (new.ended_at, new.ended_by, new.ended_why) is distinct from (old.ended_at, old.ended_by, old.ended_why))
    or (new.id, new.person_id, new.starts_at, new.until, new.source, new.external_id, new.made_at, new.made_by)
       is distinct from (old.id, old.person_id, old.starts_at, old.until, old.source, old.external_id, old.made_at, old.made_by))
  execute function refuse_change();
alter table absence enable always trigger absence_stays;
alter table absence enable always trigger absence_stays_whole;
alter table absence enable always trigger absence_only_ends;
select grant_app('absence', 'select, insert, update (ended_at, ended_by, ended_why, begun_at, over_at)');

create trigger delegation_stays before delete on delegation
  for each row execute function refuse_change();
create trigger delegation_stays_whole before truncate on delegation
  for each statement execute function refuse_change();
create trigger delegation_only_ends before update on delegation for each row
  when ((old.ended_at is not null and (new.ended_at, new.ended_by, new.ended_why) is distinct from (old.ended_at, old.ended_by, old.ended_why))
    or (new.id, new.principal, new.deputy, new.role, new.type, new.company, new.most_minor, new.currency, new.hands, new.starts_at, new.until,
        new.absence_id, new.source, new.external_id, new.made_at, new.made_by)
       is distinct from (old.id, old.principal, old.deputy, old.role, old.type, old.company, old.most_minor, old.currency, old.hands, old.starts_at, old.until,
        old.absence_id, old.source, old.external_id, old.made_at, old.made_by))
  execute function refuse_change();
alter table delegation enable always trigger delegation_stays;
alter table delegation enable always trigger delegation_stays_whole;
alter table delegation enable always trigger delegation_only_ends;
select grant_app('delegation', 'select, insert, update (ended_at, ended_by, ended_why, begun_at, over_at, told_at)');

-- +goose Down
drop table delegation, absence;
