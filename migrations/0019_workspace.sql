-- Package directory owns this: which account of the company's Google Workspace somebody is.

-- +goose Up

-- What Google never gives to another account. The address may be another's one day.
alter table person add column workspace_id text constraint person_workspace_id_plain check (workspace_id ~ '^[!-~]{1,255}$');
create unique index person_workspace_once on person (workspace_id) where workspace_id is not null;
-- Nobody becomes another account in one step: what was known is given up first, by name.
create trigger person_workspace_only_ends before update on person for each row
  when (old.workspace_id is not null and new.workspace_id is not null and new.workspace_id <> old.workspace_id)
  execute function refuse_change();
alter table person enable always trigger person_workspace_only_ends;
select grant_app('person', 'update (workspace_id)');

-- +goose Down
drop trigger person_workspace_only_ends on person;
drop index person_workspace_once;
alter table person drop column workspace_id;
