-- Package handout owns this: links by which files are fetched that the messenger does not
-- take. Of the link itself only a hash is kept.

-- +goose Up
create table file_link (
  hash       bytea       primary key check (octet_length(hash) = 32),
  sha256     text        not null references file,
  name       text        not null check (char_length(name) between 1 and 1000),
  about      text        not null check (char_length(about) between 1 and 100), -- the case
  place      bigint      not null, -- the chat that was given the link
  made_at    timestamptz not null,
  expires_at timestamptz not null check (expires_at > made_at and expires_at <= made_at + interval '31 days'),
  ended_at   timestamptz, -- taken back before its time
  downloads  int         not null default 0 check (downloads >= 0),
  last_at    timestamptz
);
create index file_link_about on file_link (about, place, sha256);
create index file_link_age on file_link (expires_at);
create trigger file_link_stays_what_it_was before update on file_link for each row
  when ((new.hash, new.sha256, new.name, new.about, new.place, new.made_at, new.expires_at)
      is distinct from (old.hash, old.sha256, old.name, old.about, old.place, old.made_at, old.expires_at)
    or new.downloads < old.downloads or old.ended_at is not null and new.ended_at is distinct from old.ended_at)
  execute function refuse_change();
alter table file_link enable always trigger file_link_stays_what_it_was;
select grant_app('file_link', 'select, insert, update (ended_at, downloads, last_at), delete');

-- +goose Down
drop table file_link;
