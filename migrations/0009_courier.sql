-- +goose Up
-- Owned by package courier: what the messenger shows, as far as it told us.

create table card_message (
  case_id    text        not null references approval_case,
  spot       text        not null check (char_length(spot) between 1 and 400), -- which message it is, see package card
  bot_id     bigint      not null check (bot_id > 0), -- who sent it: ids of messages are a bot's own
  chat_id    bigint      not null,
  message_id bigint      not null check (message_id >= 0), -- 0: it could not be sent, see fault
  digest     text        not null, -- of what was accepted; empty: unknown, to be edited
  fault      text        not null default '' check (char_length(fault) <= 500),
  at         timestamptz not null,
  primary key (case_id, spot, bot_id, chat_id, message_id)
);
create unique index card_message_chat on card_message (bot_id, chat_id, message_id) where message_id > 0;
create index card_message_fault on card_message (at) where fault <> '';
select grant_app('card_message', 'select, insert, update, delete');

-- The cases whose cards change when the people do; few of all.
create index case_open on approval_case (id) where state in ('in_progress', 'returned', 'blocked');

-- A file is uploaded once; then its id at Telegram, which belongs to one bot, is enough.
create table telegram_file (
  bot_id  bigint not null,
  sha256  text   not null,
  name    text   not null,
  file_id text   not null,
  primary key (bot_id, sha256, name)
);
select grant_app('telegram_file', 'select, insert, update, delete');

-- +goose Down
drop index case_open;
drop table telegram_file, card_message;
