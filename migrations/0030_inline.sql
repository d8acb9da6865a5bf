-- Package courier owns this: status cards that people posted through inline mode, in chats
-- that nobody knows, as far as the messenger told us.

-- +goose Up
create table inline_card (
  no        bigint      generated always as identity, -- what stands for its chat where messages are paced
  bot_id    bigint      not null check (bot_id > 0),
  inline_id text        not null check (char_length(inline_id) between 1 and 200),
  case_id   text        not null references approval_case,
  person_id text        not null references person, -- who posted it: what he may not see it does not show
  account   bigint      not null,                   -- from which he did
  language  text        not null check (char_length(language) <= 35),
  digest    text        not null default '', -- of what was accepted; empty: unknown, to be edited
  fault     text        not null default '' check (char_length(fault) <= 500),
  at        timestamptz not null,
  primary key (bot_id, inline_id)
);
create index inline_card_case on inline_card (case_id, bot_id);
select grant_app('inline_card', 'select, insert, update, delete');

-- Package chat owns this: what somebody looked for, so that a list can be leafed through,
-- and whoever had to connect his account first comes back to where he was.
create table chat_search (
  id      text        primary key check (id ~ '^fnd_[0-9a-z]{26}$'),
  account bigint      not null,
  query   text        not null check (char_length(query) <= 256),
  away    boolean     not null, -- he was on his way to connect
  at      timestamptz not null
);
create unique index chat_search_away on chat_search (account) where away;
create index chat_search_at on chat_search (at);
select grant_app('chat_search', 'select, insert, update, delete');

-- +goose Down
drop table chat_search;
drop table inline_card;
