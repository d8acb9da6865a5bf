-- +goose Up
-- Owned by package file: the content of attachments, known by its digest.
--
-- In the database rather than on a disk: every replica sees every file, a backup is
-- whole, and an upload that dies half-way leaves nothing behind.
create table file (
  sha256     text        primary key check (sha256 ~ '^[0-9a-f]{64}$'),
  size       bigint      not null check (size > 0),
  media_type text        not null check (char_length(media_type) between 1 and 200),
  stored_at  timestamptz not null
);
select grant_app('file', 'select, insert');

create table file_chunk (
  sha256 text  not null references file,
  no     int   not null check (no >= 0),
  bytes  bytea not null check (octet_length(bytes) between 1 and 1048576),
  primary key (sha256, no)
);
alter table file_chunk alter column bytes set storage external; -- mostly compressed already
select grant_app('file_chunk', 'select, insert');

-- A source sees only what it uploaded itself: knowing a digest opens nothing.
create table file_source (
  source text not null,
  sha256 text not null references file,
  primary key (source, sha256)
);
select grant_app('file_source', 'select, insert');

-- +goose Down
drop table file_source, file_chunk, file;
