-- +goose Up
-- Owned by package erp: idempotency keys and the answers they stand for.

create table api_idempotency (
  source     text        not null check (source ~ '^[a-z0-9][a-z0-9_.-]{0,63}$'),
  key        text        not null check (key ~ '^[\x21-\x7e]{8,255}$'),
  claim      text        not null,  -- the request that holds it
  request    bytea       not null check (octet_length(request) = 32), -- digest of method, path and body
  started_at timestamptz not null,
  -- A request that failed had no effect: its key is free again and nothing is kept.
  status     int         check (status between 200 and 299),
  response   bytea       check (octet_length(response) <= 1048576),
  primary key (source, key),
  check ((status is null) = (response is null))
);
create index api_idempotency_age on api_idempotency (started_at);
select grant_app('api_idempotency', 'select, insert, update, delete');

-- +goose Down
drop table api_idempotency;
