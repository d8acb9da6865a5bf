-- +goose Up
-- The service connects as countersign_app, which owns nothing: what it may do to a
-- table is granted by the migration that makes the table. On a server where that role
-- does not exist the service connects as the owner, and the triggers below stay as the
-- second net.

-- +goose StatementBegin
create function grant_app(target regclass, privileges text) returns void
language plpgsql as $$
begin
  if exists (select from pg_roles where rolname = 'countersign_app') then
    execute format('grant %s on %s to countersign_app', privileges, target);
  end if;
end $$;
-- +goose StatementEnd

select grant_app('goose_db_version', 'select'); -- readiness asks whether the schema is current

-- Rows of an append-only table are evidence: nobody changes or removes them, not even
-- a session that switched ordinary triggers off.
-- +goose StatementBegin
create function refuse_change() returns trigger
language plpgsql as $$
begin
  raise exception 'rows of % are append-only', tg_table_name using errcode = 'CS001';
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
create function append_only(target regclass) returns void
language plpgsql as $$
begin
  execute format('create trigger append_only_row before update or delete on %s for each row execute function refuse_change()', target);
  execute format('create trigger append_only_all before truncate on %s for each statement execute function refuse_change()', target);
  execute format('alter table %s enable always trigger append_only_row', target);
  execute format('alter table %s enable always trigger append_only_all', target);
end $$;
-- +goose StatementEnd

-- A guard that reads tables must not find others of the same name: temporary tables come
-- first in every search path that does not name them.
-- +goose StatementBegin
create function trusted(guard regprocedure) returns void
language plpgsql as $$
begin
  execute format('alter function %s set search_path = pg_catalog, %I, pg_temp', guard, current_schema());
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
do $$
begin
  if exists (select from pg_roles where rolname = 'countersign_app') then
    execute format('grant usage on schema %I to countersign_app', current_schema());
  end if;
end $$;
-- +goose StatementEnd

-- +goose Down
drop function trusted(regprocedure);
drop function append_only(regclass);
drop function refuse_change();
drop function grant_app(regclass, text);
