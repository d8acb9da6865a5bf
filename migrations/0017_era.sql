-- Package directory owns these: whether a login from before still counts, and how often
-- somebody froze others.

-- +goose Up

-- Whatever takes something away from a person moves his era on, and who signed in as him
-- in an earlier one is out, also when it is given back. A number and no moment: the
-- clocks of two servers may differ.
alter table person add column era bigint not null default 0 constraint person_era_check check (era >= 0);
create trigger person_era_goes_on before update on person for each row
  when (new.era < old.era) execute function refuse_change();
alter table person enable always trigger person_era_goes_on;
select grant_app('person', 'update (era)');

-- Freezes are counted by their rows in the journal: those stay when a freeze is lifted.
create index directory_journal_freezes on directory_journal (actor, at) where what = 'person.frozen';

-- +goose Down
drop index directory_journal_freezes;
drop trigger person_era_goes_on on person;
alter table person drop column era;
